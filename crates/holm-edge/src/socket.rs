//! What a connection speaks through: a socket that tells its watch what it does, in clear text or
//! with TLS around it.

use std::cell::RefCell;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;

use crate::preface::Preface;
use crate::watch::ConnectionWatch;

/// How often it is looked for the end of a client that has sent more than was read: nobody is woken by it.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// A socket that tells its watch what it does.
#[derive(Debug)]
pub(crate) struct WatchedStream {
    stream: TcpStream,
    watch: Arc<ConnectionWatch>,
    /// When to look again for the client's end, where bytes that are not read yet hide it.
    look_again: Option<Pin<Box<Sleep>>>,
    /// What was read to find out which protocol this is, and is read again first.
    pub(crate) preface: Preface,
}

impl WatchedStream {
    /// A socket that was just accepted.
    pub(crate) fn new(stream: TcpStream, watch: Arc<ConnectionWatch>) -> Self {
        Self {
            stream,
            watch,
            look_again: None,
            preface: Preface::default(),
        }
    }

    /// Looks whether the client has ended its side, and has the task woken when it does. What was sent before
    /// may be unread still.
    fn look_for_end(&mut self, cx: &mut Context<'_>) {
        loop {
            // Only for being woken: its own word is also about bytes to read.
            if self.stream.poll_read_ready(cx).is_pending() {
                return;
            }
            if self.has_ended() {
                self.watch.client_left();
                return;
            }
            let pause = || Box::pin(tokio::time::sleep(LOOK_INTERVAL));
            let look_again = self.look_again.get_or_insert_with(pause);
            if look_again.as_mut().poll(cx).is_pending() {
                return;
            }
            self.look_again = None;
        }
    }

    /// Whether the client has ended its side, as far as the system has told.
    fn has_ended(&self) -> bool {
        let ready = pin!(self.stream.ready(Interest::READABLE));
        let mut nobody = Context::from_waker(Waker::noop());
        matches!(ready.poll(&mut nobody), Poll::Ready(Ok(ready)) if ready.is_read_closed())
    }

    fn noted(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &polled {
            Poll::Pending => self.watch.write_blocked(),
            Poll::Ready(Ok(count)) => self.watch.write_progressed(*count),
            Poll::Ready(Err(_)) => {}
        }
        polled
    }
}

impl AsyncRead for WatchedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.preface.read_again(buffer) {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buffer);
        // With TLS around it this may be an alert or a key, and no part of a request.
        if buffer.filled().len() > before && !this.watch.is_secure() {
            this.watch.bytes_read();
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
        let this = self.get_mut();
        // The library reads nothing while it waits for an answer, but it flushes whenever it is woken.
        if this.watch.minds_leaving() {
            this.look_for_end(cx);
        }
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// What HTTP is spoken through.
#[derive(Debug)]
pub(crate) enum Socket {
    /// Clear text.
    Plain(WatchedStream),
    /// TLS. The watch sees what was deciphered come in, and what goes out on the wire.
    Tls(Box<TlsStream<WatchedStream>>),
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => {
                let before = buffer.filled().len();
                let polled = Pin::new(&mut *stream).poll_read(cx, buffer);
                if buffer.filled().len() > before {
                    stream.get_ref().0.watch.bytes_read();
                }
                polled
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
