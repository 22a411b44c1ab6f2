//! HTTP/2: the library's settings, the tasks of single requests, and a connection to its end.

mod corked;

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use holm_telemetry::SendOutcome;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};

use crate::EdgeLimits;
use crate::counters::count;
use crate::edge::EdgeInner;
use crate::record::{chain, emit_connection};
use crate::serve::ConnectionService;
use crate::socket::Socket;
use crate::watch::{ConnectionWatch, Verdict};

use corked::Corked;

type HttpConnection = http2::Connection<TokioIo<Corked>, ConnectionService, StreamTasks>;

/// The pieces in which an answer is handed over: the largest frame that every client takes (RFC 9113
/// section 4.2), so that little is held for a client that makes no room.
pub(crate) const PIECE_BYTES_MAX: usize = 16 * 1024;

/// The table with which a client may compress its fields (RFC 7541 section 4.2; the protocol's default).
const HEADER_TABLE_BYTES: u32 = 4096;

/// Runs what a request still has to do when it could not be answered at once.
#[derive(Clone, Debug)]
struct StreamTasks {
    edge: Arc<EdgeInner>,
}

impl<F> Executor<F> for StreamTasks
where
    F: Future<Output = ()> + Send + 'static,
{
    /// Most answers need no waiting, so each is tried at once, within the connection's own task; only
    /// the others cost a task. Being polled again with another waker is every future's lot.
    fn execute(&self, future: F) {
        let mut guarded = Guarded {
            edge: Arc::clone(&self.edge),
            future: Box::pin(future),
        };
        let mut nobody = Context::from_waker(Waker::noop());
        if Pin::new(&mut guarded).poll(&mut nobody).is_pending() {
            tokio::spawn(guarded);
        }
    }
}

/// A panic is one request's, not the connection's: its stream is reset, and it is counted.
struct Guarded<F> {
    edge: Arc<EdgeInner>,
    future: Pin<Box<F>>,
}

impl<F: Future<Output = ()>> Future for Guarded<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let future = this.future.as_mut();
        match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(polled) => polled,
            Err(panic) => {
                let panic: &(dyn Any + Send) = panic.as_ref();
                this.edge.note_panic("HTTP/2 request", panic);
                Poll::Ready(())
            }
        }
    }
}

/// The HTTP library's settings for one connection. As with HTTP/1, its limits on heads lie above ours.
fn settings(edge: &Arc<EdgeInner>) -> http2::Builder<StreamTasks> {
    let limits = &edge.config.limits;
    let bytes = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    // A window must be what the protocol allows (RFC 9113 section 6.9.1), and for one request no more
    // than for all.
    let window = bytes(limits.http2_window_bytes).clamp(65_535, (1 << 31) - 1);
    let tasks = StreamTasks {
        edge: Arc::clone(edge),
    };
    let mut builder = http2::Builder::new(tasks);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(bytes(limits.http2_streams_max))
        .max_pending_accept_reset_streams(limits.http2_resets_max)
        .max_local_error_reset_streams(limits.http2_errors_max)
        .max_header_list_size(bytes(EdgeLimits::HEAD_BYTES_CEILING))
        .header_table_size(HEADER_TABLE_BYTES)
        .initial_stream_window_size(65_535)
        .initial_connection_window_size(window)
        .max_frame_size(bytes(PIECE_BYTES_MAX))
        .max_send_buf_size(limits.http2_send_bytes_max.max(1))
        .keep_alive_interval(limits.http2_ping_interval)
        .keep_alive_timeout(limits.http2_ping_max);
    builder
}

/// How a connection ended.
#[derive(Debug)]
enum End {
    /// By HTTP, or by the client.
    Http(Result<(), hyper::Error>),
    /// By the sweep.
    Judged(Verdict),
}

/// Serves an HTTP/2 connection to its end.
pub(crate) async fn serve_http2(
    edge: &Arc<EdgeInner>,
    socket: Socket,
    watch: &Arc<ConnectionWatch>,
) {
    watch.multiplex();
    let service = ConnectionService::new(Arc::clone(edge), Arc::clone(watch));
    let corked = Corked::new(socket);
    let io = TokioIo::new(corked.clone());
    let mut connection = pin!(settings(edge).serve_connection(io, service));
    match drive(connection.as_mut(), &corked, watch).await {
        End::Judged(verdict) => {
            count(&edge.counters.connections_shed);
            if verdict == Verdict::Idle {
                say_goodbye(edge, connection, &corked).await;
            }
        }
        End::Http(Err(error)) => note_error(edge, watch, &error),
        End::Http(Ok(())) => {}
    }
}

async fn drive(
    mut connection: Pin<&mut HttpConnection>,
    corked: &Corked,
    watch: &ConnectionWatch,
) -> End {
    let mut woken = pin!(watch.woken());
    loop {
        if let Some(verdict) = watch.verdict() {
            return End::Judged(verdict);
        }
        if watch.is_draining() {
            connection.as_mut().graceful_shutdown();
        }
        tokio::select! {
            biased;
            result = corked.poll_and_send(connection.as_mut()) => return End::Http(result),
            () = &mut woken => woken.set(watch.woken()),
        }
    }
}

/// Tells an idle client that the connection ends, within bounds: a request that it is just sending is
/// then known not to have been looked at, and sent again elsewhere (RFC 9113 section 6.8).
async fn say_goodbye(edge: &EdgeInner, mut connection: Pin<&mut HttpConnection>, corked: &Corked) {
    connection.as_mut().graceful_shutdown();
    let ending = corked.poll_and_send(connection);
    // Whichever way it ends, the connection is closed now.
    drop(tokio::time::timeout(edge.config.limits.linger_max, ending).await);
}

/// Records that a client broke the protocol; one that merely left needs no word.
fn note_error(edge: &EdgeInner, watch: &ConnectionWatch, error: &hyper::Error) {
    let cause =
        std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<h2::Error>());
    let is_broken =
        cause.is_some_and(|cause| cause.is_library() || cause.is_go_away() && !cause.is_remote());
    if is_broken {
        emit_connection(edge, watch, 400, SendOutcome::Sent, chain(error).into());
    }
}
