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
use crate::piece_cache::PieceCache;

/// What all streams of an edge share.
#[derive(Clone, Debug)]
pub(crate) struct StreamShare {
    /// Turns at reading.
    turns: Arc<Semaphore>,
    /// Bytes of pieces that may be in memory. Only ever tried, never waited for.
    budget: Arc<Semaphore>,
    /// Pieces that are in memory already.
    pieces: Arc<PieceCache>,
}

impl StreamShare {
    /// Turns and budget as the limits say.
    pub(crate) fn new(limits: &EdgeLimits) -> Self {
        let turns = limits.store_reads_max.clamp(1, Semaphore::MAX_PERMITS);
        let budget_bytes = limits.stream_bytes_max.min(Semaphore::MAX_PERMITS);
        Self {
            turns: Arc::new(Semaphore::new(turns)),
            budget: Arc::new(Semaphore::new(budget_bytes)),
            pieces: Arc::new(PieceCache::new(limits)),
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

/// How the next piece comes.
enum Begun {
    /// From memory.
    There(Bytes),
    /// From the store.
    Reading(Reading),
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
    blob_bytes: u64,
    /// Whether pieces in memory are neither used nor left there.
    bypasses_memory: bool,
    /// What has not been asked for yet.
    rest: Range<u64>,
    reading: Option<Reading>,
    /// Bytes that have not been handed over.
    remaining_bytes: u64,
}

impl BlobStream {
    /// A stream over a range that lies within the blob, which has `blob_bytes`.
    ///
    /// # Errors
    /// When it is known already that the blob cannot be read.
    pub(crate) fn new(
        edge: &EdgeInner,
        digest: BlobDigest,
        blob_bytes: u64,
        range: Range<u64>,
        bypasses_memory: bool,
    ) -> Result<Self, BlobError> {
        Ok(Self {
            _pin: edge.parts.blobs.pin(&digest)?,
            blobs: Arc::clone(&edge.parts.blobs),
            share: edge.streams.clone(),
            own_room: Arc::new(Semaphore::new(1)),
            digest,
            blob_bytes,
            bypasses_memory,
            remaining_bytes: range.end - range.start,
            rest: range,
            reading: None,
        })
    }

    /// Whether the piece that is sent first is in memory.
    pub(crate) fn begins_in_memory(&self) -> bool {
        self.in_memory().is_some()
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
            None => match self.begin_wanted() {
                Begun::There(piece) => return Poll::Ready(Ok(piece)),
                Begun::Reading(reading) => reading,
            },
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

    /// Begins to read what the client waits for, unless it is in memory: there is always a way. A piece
    /// in memory takes up room as well, because it may be dropped there while it is sent.
    fn begin_wanted(&mut self) -> Begun {
        let end = self.next_end();
        let Some(room) = self.share.take_room(end - self.rest.start) else {
            let small = self
                .rest
                .start
                .saturating_add(EdgeLimits::SMALL_CHUNK_BYTES);
            return Begun::Reading(self.begin(end.min(small), None));
        };
        match self.in_memory() {
            None => Begun::Reading(self.begin(end, Some(room))),
            Some(bytes) => {
                self.rest.start = end;
                Begun::There(Bytes::from_owner(Piece { bytes, _room: room }))
            }
        }
    }

    /// Begins to read what the client will want, if that is not in memory and there is room.
    fn read_ahead(&mut self) {
        let end = self.next_end();
        let length = end - self.rest.start;
        if length == 0 || self.in_memory().is_some() {
            return;
        }
        if let Some(room) = self.share.take_room(length) {
            self.reading = Some(self.begin(end, Some(room)));
        }
    }

    /// Where the next piece ends.
    fn next_end(&self) -> u64 {
        let end = self.share.pieces.end_of_piece(self.rest.start);
        self.rest.end.min(end)
    }

    /// The next piece, if it is in memory.
    fn in_memory(&self) -> Option<Bytes> {
        let pieces = &self.share.pieces;
        let is_asked = !self.bypasses_memory && !self.rest.is_empty();
        is_asked
            .then(|| pieces.get(self.digest, self.rest.start, self.next_end()))
            .flatten()
    }

    /// Begins to read what comes next, up to `end`. Without room it waits for the stream's own.
    fn begin(&mut self, end: u64, room: Option<OwnedSemaphorePermit>) -> Reading {
        let range = self.rest.start..end;
        self.rest.start = end;
        let (wanted, unwanted) = oneshot::channel();
        let job = Job {
            blobs: Arc::clone(&self.blobs),
            digest: self.digest,
            blob_bytes: self.blob_bytes,
            range,
            room,
            own_room: Arc::clone(&self.own_room),
            turns: Arc::clone(&self.share.turns),
            pieces: (!self.bypasses_memory).then(|| Arc::clone(&self.share.pieces)),
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
    blob_bytes: u64,
    range: Range<u64>,
    /// Room of the shared budget. `None`: the stream's own room is waited for.
    room: Option<OwnedSemaphorePermit>,
    own_room: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    /// Where whole pieces are kept. `None` when memory is passed by.
    pieces: Option<Arc<PieceCache>>,
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
        let read = self.blobs.read(self.digest, self.range.clone()).await;
        drop(turn);
        if let (Ok(bytes), Some(pieces)) = (&read, &self.pieces) {
            pieces.keep(self.digest, self.range.start, self.blob_bytes, bytes);
        }
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
