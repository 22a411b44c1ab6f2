//! What the HTTP/1 library speaks through. It passes our answers on, and keeps back what the library would say
//! by itself to a request head that it refuses: a bare status, where everybody else is shown a page.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::socket::Socket;
use crate::watch::ConnectionWatch;

/// A socket for answers to requests, and for nothing else.
#[derive(Debug)]
pub(crate) struct AnswerSocket {
    socket: Socket,
    watch: Arc<ConnectionWatch>,
    kept_back: Option<u16>,
}

impl AnswerSocket {
    /// For a connection that speaks HTTP/1.
    pub(crate) fn new(socket: Socket, watch: Arc<ConnectionWatch>) -> Self {
        Self {
            socket,
            watch,
            kept_back: None,
        }
    }

    /// The socket itself, and the status that was kept back. `None` when the client was told what the
    /// library had to say, or the library had nothing to say.
    pub(crate) fn into_parts(self) -> (Socket, Option<u16>) {
        (self.socket, self.kept_back)
    }

    /// True when no request waits for these bytes, which are the library's own then.
    ///
    /// Where the answer to an earlier request could not be sent on yet, what comes behind it goes the same
    /// way: the client gets the bare status, and is answered all the same.
    fn keeps_back(&mut self, bytes: &[u8]) -> bool {
        if self.watch.owes_answer() {
            return false;
        }
        self.kept_back = self.kept_back.or_else(|| status_of(bytes));
        true
    }
}

/// The status of a message, from its first line.
fn status_of(message: &[u8]) -> Option<u16> {
    let status = message.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    std::str::from_utf8(status).ok()?.parse().ok()
}

impl AsyncRead for AnswerSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_read(cx, buffer)
    }
}

impl AsyncWrite for AnswerSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.keeps_back(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut this.socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.keeps_back(pieces.first().map_or(&[], |piece| piece)) {
            return Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()));
        }
        Pin::new(&mut this.socket).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    /// The library flushes when it has handed everything over: an answer that has ended is sent then.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.socket).poll_flush(cx))?;
        this.watch.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}
