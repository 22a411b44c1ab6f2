//! One connection: keys agreed upon where there is TLS, the HTTP that the client speaks found out, and
//! HTTP/1.1 served to its end, whichever way that comes (HTTP/2: `http2`).

use std::borrow::Cow;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use holm_telemetry::SendOutcome;
use holm_types::{RequestId, VisitorCode};
use http::StatusCode;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::answer_socket::AnswerSocket;
use crate::counters::count;
use crate::edge::EdgeInner;
use crate::http2::serve_http2;
use crate::page::PageFormat;
use crate::preface::{Spoken, detect};
use crate::record::{chain, emit_connection, emit_refused};
use crate::serve::ConnectionService;
use crate::socket::{Socket, WatchedStream};
use crate::tls::{self, TlsSettings};
use crate::watch::{ConnectionWatch, Verdict};

type HttpConnection = http1::Connection<TokioIo<AnswerSocket>, ConnectionService>;

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
    tls: Option<TlsSettings>,
) {
    let edge = &place.0;
    let stream = WatchedStream::new(stream, Arc::clone(&watch));
    let opened = match tls {
        None => open_plain(edge, stream, &watch).await,
        Some(tls) => open_secure(edge, stream, &watch, &tls).await,
    };
    match opened {
        Some((socket, Spoken::Http1)) => serve_http1(edge, socket, &watch).await,
        Some((socket, Spoken::Http2)) => serve_http2(edge, socket, &watch).await,
        None => {}
    }
}

/// Finds out what is spoken. `None` when the connection ended before that.
async fn open_plain(
    edge: &EdgeInner,
    mut stream: WatchedStream,
    watch: &ConnectionWatch,
) -> Option<(Socket, Spoken)> {
    let verdict = tokio::select! {
        biased;
        spoken = detect(&mut stream) => {
            // A client that left, or whose connection broke, said nothing worth a record.
            return Some((Socket::Plain(stream), spoken.ok().flatten()?));
        }
        verdict = watch.judged_or_unused() => verdict?,
    };
    count(&edge.counters.connections_shed);
    if verdict == Verdict::HeadTooSlow {
        say_too_slow(edge, watch, &mut Socket::Plain(stream)).await;
    }
    None
}

/// Agrees on keys; both sides say there what they speak. `None` when the connection ended before that.
async fn open_secure(
    edge: &EdgeInner,
    stream: WatchedStream,
    watch: &ConnectionWatch,
    tls: &TlsSettings,
) -> Option<(Socket, Spoken)> {
    let (reason, outcome) = tokio::select! {
        biased;
        accepted = tls.accept(&edge.handshakes, stream) => match accepted {
            Ok(stream) => {
                watch.handshake_ends();
                let spoken = tls::spoken(&stream);
                return Some((Socket::Tls(Box::new(stream)), spoken));
            }
            // The library has told the client why, if that can be told.
            Err(error) => (format!("agree on TLS: {}", chain(&error)), SendOutcome::Sent),
        },
        verdict = watch.judged_or_unused() => {
            count(&edge.counters.connections_shed);
            (verdict?.reason().to_owned(), SendOutcome::ClientGone)
        }
    };
    emit_connection(edge, watch, 0, outcome, reason.into());
    None
}

async fn serve_http1(edge: &Arc<EdgeInner>, socket: Socket, watch: &Arc<ConnectionWatch>) {
    let service = ConnectionService::new(Arc::clone(edge), Arc::clone(watch));
    let socket = TokioIo::new(AnswerSocket::new(socket, Arc::clone(watch)));
    let mut connection = edge.http.serve_connection(socket, service);
    let end = drive(&mut connection, watch).await;
    let (mut socket, kept_back) = connection.into_parts().io.into_inner().into_parts();
    match end {
        End::Judged(Verdict::Left) => {}
        End::Judged(verdict) => {
            count(&edge.counters.connections_shed);
            if verdict == Verdict::HeadTooSlow {
                say_too_slow(edge, watch, &mut socket).await;
            }
        }
        End::Http(Err(error)) if error.is_parse() => {
            let refused = Refused::of(&error, kept_back);
            if kept_back.is_some() {
                say(edge, watch, &mut socket, refused).await;
            } else {
                let (status, reason) = (refused.code.status(), refused.reason);
                emit_connection(edge, watch, status, SendOutcome::Sent, reason);
                linger(edge, &mut socket).await;
            }
        }
        End::Http(_) => {
            note_end(edge, watch);
            if watch.lingers() {
                linger(edge, &mut socket).await;
            } else if let Socket::Tls(_) = socket {
                end_sending(edge, &mut socket).await;
            }
        }
    }
}

async fn drive(connection: &mut HttpConnection, watch: &ConnectionWatch) -> End {
    let mut woken = pin!(watch.woken());
    loop {
        if let Some(verdict) = watch.verdict() {
            return End::Judged(verdict);
        }
        if watch.is_draining_promptly() {
            Pin::new(&mut *connection).graceful_shutdown();
        }
        tokio::select! {
            biased;
            result = poll_fn(|cx| connection.poll_without_shutdown(cx)) => return End::Http(result),
            () = &mut woken => woken.set(watch.woken()),
        }
    }
}

/// Records a connection that ended before there was a request.
fn note_end(edge: &EdgeInner, watch: &ConnectionWatch) {
    if watch.is_reading_head() {
        let reason = "the client left in the middle of a request head";
        emit_connection(edge, watch, 0, SendOutcome::ClientGone, reason.into());
    }
}

/// Why there is no request to answer.
#[derive(Debug)]
struct Refused {
    code: VisitorCode,
    reason: Cow<'static, str>,
}

impl Refused {
    /// What the library found wrong with a request head; `status` is the one it would have sent. It does not
    /// know what its maxima are called here.
    fn of(error: &hyper::Error, status: Option<u16>) -> Self {
        let (code, reason) = match status {
            Some(414) => (
                VisitorCode::UriTooLong,
                "the request target is longer than edge.target_bytes_max".into(),
            ),
            _ if error.is_parse_too_large() => (
                VisitorCode::RequestHeaderFieldsTooLarge,
                "the request has more header fields than edge.header_count_max, or they are larger \
                 than edge.header_bytes_max"
                    .into(),
            ),
            _ => (VisitorCode::BadRequest, chain(error).into()),
        };
        Self { code, reason }
    }
}

/// Tells a client that never finished its request head why it is let go.
async fn say_too_slow(edge: &EdgeInner, watch: &ConnectionWatch, socket: &mut Socket) {
    let refused = Refused {
        code: VisitorCode::RequestTimeout,
        reason: "the request head did not arrive within edge.header_read_max".into(),
    };
    say(edge, watch, socket, refused).await;
}

/// Answers what is no request: a page, a record, and the end of the connection.
async fn say(edge: &EdgeInner, watch: &ConnectionWatch, socket: &mut Socket, refused: Refused) {
    let Refused { code, reason } = refused;
    let request_id = edge.request_ids.next();
    let message = last_message(edge, code, request_id);
    let saying = async {
        socket.write_all(&message).await?;
        socket.flush().await
    };
    // Who sends this slowly is not waited for.
    let outcome = match tokio::time::timeout(edge.config.limits.linger_max, saying).await {
        Ok(Ok(())) => SendOutcome::Sent,
        Ok(Err(_)) | Err(_) => SendOutcome::ClientGone,
    };
    emit_refused(edge, watch, request_id, code.status(), outcome, reason);
    linger(edge, socket).await;
}

fn last_message(edge: &EdgeInner, code: VisitorCode, request_id: RequestId) -> Vec<u8> {
    let digits = request_id.to_string();
    let body = edge.pages.body(code, PageFormat::Html, digits.as_bytes());
    let status =
        StatusCode::from_u16(code.status()).expect("the table has statuses between 400 and 599");
    let head = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: text/html; charset=utf-8\r\n\
         cache-control: no-store\r\nconnection: close\r\nserver: holm\r\n\
         eo-log-uuid: {digits}\r\ncontent-length: {}\r\n\r\n",
        status.as_str(),
        status.canonical_reason().unwrap_or_default(),
        body.len()
    );
    [head.as_bytes(), &body].concat()
}

/// Says in TLS that nothing more comes, so that the client can tell the end from a cut.
async fn end_sending(edge: &EdgeInner, socket: &mut Socket) {
    // Whichever way it ends, the connection is closed now.
    drop(tokio::time::timeout(edge.config.limits.linger_max, socket.shutdown()).await);
}

/// Ends our side, then reads what the client is still sending, within bounds: closing with unread
/// bytes resets the connection, and the client would lose the answer.
async fn linger(edge: &EdgeInner, socket: &mut Socket) {
    let limits = &edge.config.limits;
    let reading = async {
        socket.shutdown().await?;
        let mut buffer = [0; 4096];
        let mut seen = 0;
        while seen < limits.linger_bytes_max {
            match socket.read(&mut buffer).await? {
                0 => break,
                count => seen += count,
            }
        }
        Ok::<(), io::Error>(())
    };
    // Whichever way it ends, the connection is closed now.
    drop(tokio::time::timeout(limits.linger_max, reading).await);
}
