//! A large blob, or a part of one, read from the store in pieces while it is sent.
//!
//! The connection that sends is polled only when its client takes something, so it must hold nothing
//! that others wait for. Each piece is read by a task of its own, which takes a turn, reads, and gives
//! the turn back, whether or not anybody looks.

use std::future::Future as _;
use std::io;
use std::ops::Range;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use holm_storage::{BlobError, BlobPin, BlobStore};
use holm_types::BlobDigest;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::{JoinError, JoinHandle};

use crate::EdgeLimits;
use crate::edge::EdgeInner;

/// What all streams of an edge share.
#[derive(Clone, Debug)]
pub(crate) struct StreamShare {
    /// Turns at reading.
    turns: Arc<Semaphore>,
    /// Bytes of pieces that may be in memory. Only ever tried, never waited for.
    budget: Arc<Semaphore>,
}

impl StreamShare {
    /// Turns and budget as the limits say.
    pub(crate) fn new(limits: &EdgeLimits) -> Self {
        let turns = limits.store_reads_max.clamp(1, Semaphore::MAX_PERMITS);
        let budget_bytes = limits.stream_bytes_max.min(Semaphore::MAX_PERMITS);
        Self {
            turns: Arc::new(Semaphore::new(turns)),
            budget: Arc::new(Semaphore::new(budget_bytes)),
        }
    }

    /// Takes room in memory. `None` when there is not so much left.
    fn take_room(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let count = u32::try_from(bytes).ok()?;
        Arc::clone(&self.budget).try_acquire_many_owned(count).ok()
    }
}

/// A piece, and the room that it takes up until it was sent.
struct Piece {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A piece that is being read, or was read and waits to be sent.
struct Reading {
    task: JoinHandle<Result<Bytes, BlobError>>,
    /// Tells the task, by being dropped, that nobody wants the piece any more.
    _wanted: oneshot::Sender<()>,
}

/// The pieces of a blob. While there is room in `stream_bytes_max`, one is read ahead while the one
/// before is sent. Without room a connection has one small piece at a time, and reads the next when
/// that was sent: this much each may always have, so that nobody waits for others to be done.
pub(crate) struct BlobStream {
    blobs: Arc<dyn BlobStore>,
    share: StreamShare,
    /// The room for the small piece that this stream may always have.
    own_room: Arc<Semaphore>,
    digest: BlobDigest,
    /// Keeps the blob from being collected while it is sent.
    _pin: BlobPin,
    /// What has not been asked for yet.
    rest: Range<u64>,
    chunk_bytes: u64,
    reading: Option<Reading>,
    /// Bytes that have not been handed over.
    remaining_bytes: u64,
}

impl BlobStream {
    /// A stream over a range that lies within the blob.
    ///
    /// # Errors
    /// When it is known already that the blob cannot be read.
    pub(crate) fn new(
        edge: &EdgeInner,
        digest: BlobDigest,
        range: Range<u64>,
    ) -> Result<Self, BlobError> {
        Ok(Self {
            _pin: edge.parts.blobs.pin(&digest)?,
            blobs: Arc::clone(&edge.parts.blobs),
            share: edge.streams.clone(),
            own_room: Arc::new(Semaphore::new(1)),
            digest,
            remaining_bytes: range.end - range.start,
            rest: range,
            chunk_bytes: edge.config.limits.chunk_bytes_max.max(1) as u64,
            reading: None,
        })
    }

    /// Bytes that have not been handed over.
    pub(crate) fn remaining_bytes(&self) -> u64 {
        self.remaining_bytes
    }

    /// The next piece. `None` when all were handed over.
    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BlobError>>> {
        if self.remaining_bytes == 0 {
            return Poll::Ready(None);
        }
        let piece = ready!(self.poll_read(cx));
        if let Ok(bytes) = &piece {
            self.remaining_bytes = self.remaining_bytes.saturating_sub(bytes.len() as u64);
            self.read_ahead();
        }
        Poll::Ready(Some(piece))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, BlobError>> {
        let mut reading = match self.reading.take() {
            Some(reading) => reading,
            None => self.begin_wanted(),
        };
        match Pin::new(&mut reading.task).poll(cx) {
            Poll::Ready(Ok(piece)) => Poll::Ready(piece),
            Poll::Ready(Err(error)) => Poll::Ready(Err(lost(self.digest, error))),
            Poll::Pending => {
                self.reading = Some(reading);
                Poll::Pending
            }
        }
    }

    /// Begins to read what the client waits for: there is always a way.
    fn begin_wanted(&mut self) -> Reading {
        match self.share.take_room(self.next_length(self.chunk_bytes)) {
            Some(room) => self.begin(self.chunk_bytes, Some(room)),
            None => self.begin(self.chunk_bytes.min(EdgeLimits::SMALL_CHUNK_BYTES), None),
        }
    }

    /// Begins to read what the client will want, if there is room.
    fn read_ahead(&mut self) {
        let length = self.next_length(self.chunk_bytes);
        if length == 0 {
            return;
        }
        if let Some(room) = self.share.take_room(length) {
            self.reading = Some(self.begin(length, Some(room)));
        }
    }

    fn next_length(&self, length_max: u64) -> u64 {
        (self.rest.end - self.rest.start).min(length_max)
    }

    /// Begins to read the next piece. Without room it waits for the stream's own.
    fn begin(&mut self, length_max: u64, room: Option<OwnedSemaphorePermit>) -> Reading {
        let end = self.rest.start + self.next_length(length_max);
        let range = self.rest.start..end;
        self.rest.start = end;
        let (wanted, unwanted) = oneshot::channel();
        let job = Job {
            blobs: Arc::clone(&self.blobs),
            digest: self.digest,
            range,
            room,
            own_room: Arc::clone(&self.own_room),
            turns: Arc::clone(&self.share.turns),
        };
        Reading {
            task: tokio::spawn(job.run(unwanted)),
            _wanted: wanted,
        }
    }
}

/// What a task needs to read one piece.
struct Job {
    blobs: Arc<dyn BlobStore>,
    digest: BlobDigest,
    range: Range<u64>,
    /// Room of the shared budget. `None`: the stream's own room is waited for.
    room: Option<OwnedSemaphorePermit>,
    own_room: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

impl Job {
    /// Waits for room and a turn, and reads. Ends with nothing when `unwanted` is ready before.
    async fn run(self, mut unwanted: oneshot::Receiver<()>) -> Result<Bytes, BlobError> {
        let waiting = async {
            let room = match self.room {
                Some(room) => room,
                None => self.own_room.acquire_owned().await.expect(NEVER_CLOSED),
            };
            (room, self.turns.acquire_owned().await.expect(NEVER_CLOSED))
        };
        let (room, turn) = tokio::select! {
            biased;
            _ = &mut unwanted => return Ok(Bytes::new()),
            both = waiting => both,
        };
        // From here to the end, wanted or not: a thread is reading, and has the turn while it does.
        let read = self.blobs.read(self.digest, self.range).await;
        drop(turn);
        read.map(|bytes| Bytes::from_owner(Piece { bytes, _room: room }))
    }
}

const NEVER_CLOSED: &str = "turns and room are never closed";

/// What became of a task that ended without a piece. A panic goes on in the connection, which counts it.
fn lost(digest: BlobDigest, error: JoinError) -> BlobError {
    match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(error) => BlobError::Io {
            doing: "finish reading blob",
            path: PathBuf::from(digest.to_string()),
            source: io::Error::other(error),
        },
    }
}

impl std::fmt::Debug for BlobStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobStream")
            .field("digest", &self.digest)
            .field("remaining_bytes", &self.remaining_bytes)
            .finish_non_exhaustive()
    }
}
