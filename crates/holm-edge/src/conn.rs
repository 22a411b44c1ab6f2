//! One connection: HTTP/1.1 on a watched socket, to its end, whichever way that comes.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use holm_telemetry::SendOutcome;
use holm_types::VisitorCode;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;

use crate::counters::count;
use crate::edge::EdgeInner;
use crate::page::PageFormat;
use crate::record::emit_connection;
use crate::serve::ConnectionService;
use crate::watch::{ConnectionWatch, Verdict};

type HttpConnection = http1::Connection<TokioIo<WatchedStream>, ConnectionService>;

/// A socket that tells its watch what it does.
#[derive(Debug)]
pub(crate) struct WatchedStream {
    stream: TcpStream,
    watch: Arc<ConnectionWatch>,
}

impl AsyncRead for WatchedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            this.watch.bytes_read();
        }
        polled
    }
}

impl WatchedStream {
    fn noted(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &polled {
            Poll::Pending => self.watch.write_blocked(),
            Poll::Ready(Ok(count)) => self.watch.write_progressed(*count),
            Poll::Ready(Err(_)) => {}
        }
        polled
    }
}

/// Head and body of a small answer are sent as one piece: copying so little costs less than the
/// kernel's way through a list of pieces (a few per cent of the CPU of a request for 1 KB).
const JOINED_BYTES_MAX: usize = 4096;

thread_local! {
    static JOINED: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(JOINED_BYTES_MAX));
}

fn poll_write_joined(
    stream: &mut TcpStream,
    cx: &mut Context<'_>,
    pieces: &[io::IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    JOINED.with_borrow_mut(|joined| {
        joined.clear();
        for piece in pieces {
            joined.extend_from_slice(piece);
        }
        Pin::new(stream).poll_write(cx, joined)
    })
}

impl AsyncWrite for WatchedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.noted(polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let length = pieces.iter().map(|piece| piece.len()).sum::<usize>();
        let polled = if length <= JOINED_BYTES_MAX {
            poll_write_joined(&mut this.stream, cx, pieces)
        } else {
            Pin::new(&mut this.stream).poll_write_vectored(cx, pieces)
        };
        this.noted(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// Counts a connection while it is open.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<EdgeInner>);

impl OpenConnection {
    /// Takes a place. `None` when all are taken.
    pub(crate) fn take(edge: &Arc<EdgeInner>) -> Option<Self> {
        let open = &edge.counters.connections_open;
        let place = Self(Arc::clone(edge));
        let before = open.fetch_add(1, Ordering::Relaxed);
        (before < edge.config.limits.connections_max).then_some(place)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let open = &self.0.counters.connections_open;
        open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How serving a connection ended.
#[derive(Debug)]
enum End {
    /// By HTTP, or by the client.
    Http(Result<(), hyper::Error>),
    /// By the sweep.
    Judged(Verdict),
}

/// Serves a connection to its end.
pub(crate) async fn serve_connection(
    place: OpenConnection,
    stream: TcpStream,
    watch: Arc<ConnectionWatch>,
) {
    let edge = &place.0;
    let socket = WatchedStream {
        stream,
        watch: Arc::clone(&watch),
    };
    let service = ConnectionService::new(Arc::clone(edge), Arc::clone(&watch));
    let mut connection = edge.http.serve_connection(TokioIo::new(socket), service);
    let end = drive(&mut connection, &watch).await;
    let mut stream = connection.into_parts().io.into_inner().stream;
    match end {
        End::Judged(verdict) => {
            count(&edge.counters.connections_shed);
            if verdict == Verdict::HeadTooSlow {
                say_too_slow(edge, &watch, &mut stream).await;
            }
        }
        End::Http(result) => {
            let is_refused = note_end(edge, &watch, result);
            if is_refused || watch.lingers() {
                linger(edge, &mut stream).await;
            }
        }
    }
}

async fn drive(connection: &mut HttpConnection, watch: &ConnectionWatch) -> End {
    let mut woken = pin!(watch.woken());
    loop {
        tokio::select! {
            biased;
            result = poll_fn(|cx| connection.poll_without_shutdown(cx)) => return End::Http(result),
            () = &mut woken => woken.set(watch.woken()),
        }
        if let Some(verdict) = watch.verdict() {
            return End::Judged(verdict);
        }
        if watch.is_draining() {
            Pin::new(&mut *connection).graceful_shutdown();
        }
    }
}

/// Records a connection that ended before there was a request. True when the library refused
/// something that the client may still be sending.
fn note_end(edge: &EdgeInner, watch: &ConnectionWatch, result: Result<(), hyper::Error>) -> bool {
    match result {
        Err(error) if error.is_parse() => {
            let status = if error.is_parse_too_large() { 431 } else { 400 };
            let reason = crate::record::chain(&error);
            emit_connection(edge, watch, status, SendOutcome::Sent, reason.into());
            true
        }
        Ok(()) | Err(_) => {
            if watch.is_reading_head() {
                let reason = "the client left in the middle of a request head";
                emit_connection(edge, watch, 0, SendOutcome::ClientGone, reason.into());
            }
            false
        }
    }
}

/// Tells a client that never finished its request head why it is let go.
async fn say_too_slow(edge: &EdgeInner, watch: &ConnectionWatch, stream: &mut TcpStream) {
    let code = VisitorCode::RequestTimeout;
    let request_id = edge.request_ids.next();
    let digits = request_id.to_string();
    let body = edge.pages.body(code, PageFormat::Html, digits.as_bytes());
    let head = format!(
        "HTTP/1.1 408 Request Timeout\r\ncontent-type: text/html; charset=utf-8\r\n\
         cache-control: no-store\r\nconnection: close\r\nserver: holm\r\n\
         eo-log-uuid: {digits}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let message = [head.as_bytes(), &body].concat();
    // One attempt: who sends this slowly is not waited for.
    let outcome = match stream.try_write(&message) {
        Ok(count) if count == message.len() => SendOutcome::Sent,
        Ok(_) | Err(_) => SendOutcome::ClientGone,
    };
    let reason = "the request head did not arrive within edge.header_read_max";
    emit_connection(edge, watch, code.status(), outcome, reason.into());
    linger(edge, stream).await;
}

/// Ends our side, then reads what the client is still sending, within bounds: closing with unread
/// bytes resets the connection, and the client would lose the answer.
async fn linger(edge: &EdgeInner, stream: &mut TcpStream) {
    let limits = &edge.config.limits;
    let reading = async {
        stream.shutdown().await?;
        let mut buffer = [0; 4096];
        let mut seen = 0;
        while seen < limits.linger_bytes_max {
            match stream.read(&mut buffer).await? {
                0 => break,
                count => seen += count,
            }
        }
        Ok::<(), io::Error>(())
    };
    // Whichever way it ends, the connection is closed now.
    drop(tokio::time::timeout(limits.linger_max, reading).await);
}
