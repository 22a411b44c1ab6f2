//! A socket that sends what one turn of an HTTP/2 connection wrote in as few calls as it can.
//!
//! The HTTP library flushes after every frame of a body, which would be one call of the kernel for each
//! small answer. Here a flush sends nothing; what was held back goes out when the connection's turn is
//! over, or when it is more than [`HELD_BYTES_MAX`].

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::socket::Socket;

/// What is held back at most.
const HELD_BYTES_MAX: usize = 16 * 1024;

/// The socket: one handle belongs to the HTTP library, the other to the connection's task. Only that
/// task uses either, so nobody ever waits for the lock.
#[derive(Clone, Debug)]
pub(super) struct Corked(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    socket: Socket,
    /// Empty and without memory of its own most of the time.
    held: Vec<u8>,
}

thread_local! {
    /// Room for what is held, lent to the connection that has its turn: ten thousand idle ones have none.
    static ROOM: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Corked {
    pub(super) fn new(socket: Socket) -> Self {
        let held = Vec::new();
        Self(Arc::new(Mutex::new(Inner { socket, held })))
    }

    /// Polls something that writes, and sends what it wrote when its turn is over.
    pub(super) fn poll_and_send<F: Future>(
        &self,
        mut writing: Pin<&mut F>,
    ) -> impl Future<Output = F::Output> {
        poll_fn(move |cx| {
            let polled = writing.as_mut().poll(cx);
            // A socket that takes no more wakes the task; one that is broken fails the next reading.
            drop(self.lock().poll_send(cx));
            polled
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn holds(&mut self, bytes: usize) -> bool {
        self.held.len() + bytes <= HELD_BYTES_MAX
    }

    fn hold(&mut self, pieces: &[IoSlice<'_>]) {
        if self.held.capacity() == 0 {
            self.held = ROOM.take();
        }
        for piece in pieces {
            self.held.extend_from_slice(piece);
        }
    }

    /// Sends what is held, and what TLS may hold below.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            let socket = Pin::new(&mut self.socket);
            let sent = ready!(socket.poll_write(cx, &self.held))?;
            self.sent(sent)?;
        }
        if self.held.capacity() > 0 {
            ROOM.set(std::mem::take(&mut self.held));
        }
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    /// Takes what was sent from what is held.
    fn sent(&mut self, count: usize) -> io::Result<()> {
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.held.drain(..count.min(self.held.len()));
        Ok(())
    }

    /// Sends what is held together with pieces that are too large to be held; how many bytes of the
    /// pieces were taken.
    fn poll_pass(
        &mut self,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            let held_count = self.held.len();
            let socket = Pin::new(&mut self.socket);
            if held_count == 0 {
                return socket.poll_write_vectored(cx, pieces);
            }
            let mut all = [IoSlice::new(&[]); PIECE_COUNT_MAX];
            let with_held = std::iter::once(IoSlice::new(&self.held)).chain(pieces.iter().copied());
            let mut count = 0;
            for (place, piece) in all.iter_mut().zip(with_held) {
                *place = piece;
                count += 1;
            }
            let all = all.get(..count).unwrap_or_default();
            let sent = ready!(socket.poll_write_vectored(cx, all))?;
            self.sent(sent)?;
            if sent > held_count {
                return Poll::Ready(Ok(sent - held_count));
            }
        }
    }
}

/// Pieces passed on in one call; what is beyond them is passed on with the next.
const PIECE_COUNT_MAX: usize = 8;

impl AsyncRead for Corked {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.lock().socket).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Corked {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut inner = self.lock();
        let length = pieces.iter().map(|piece| piece.len()).sum();
        if !inner.holds(length) {
            return inner.poll_pass(cx, pieces);
        }
        inner.hold(pieces);
        Poll::Ready(Ok(length))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Nothing: see the head of this file.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.lock();
        ready!(inner.poll_send(cx))?;
        Pin::new(&mut inner.socket).poll_shutdown(cx)
    }
}
