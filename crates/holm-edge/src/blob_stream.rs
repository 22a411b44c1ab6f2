//! A large blob, or a part of one, read from the store in pieces while it is sent.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use holm_storage::{BlobError, BlobStore};
use holm_types::BlobDigest;
use tokio::sync::Semaphore;

use crate::edge::EdgeInner;

type Read = Pin<Box<dyn Future<Output = Result<Bytes, BlobError>> + Send>>;

/// The pieces of a blob. One is read ahead while the one before is sent, so a connection holds at
/// most the piece that is being sent, the one that waits and the one that is being read.
pub(crate) struct BlobStream {
    blobs: Arc<dyn BlobStore>,
    turns: Arc<Semaphore>,
    digest: BlobDigest,
    /// What has not been asked for yet.
    rest: Range<u64>,
    chunk_bytes: u64,
    reading: Option<Read>,
    /// A piece that was there before it was wanted.
    ready: Option<Result<Bytes, BlobError>>,
    /// Bytes that have not been handed over.
    remaining_bytes: u64,
}

impl BlobStream {
    /// A stream over a range that lies within the blob.
    pub(crate) fn new(edge: &EdgeInner, digest: BlobDigest, range: Range<u64>) -> Self {
        Self {
            blobs: Arc::clone(&edge.parts.blobs),
            turns: Arc::clone(&edge.store_reads),
            digest,
            remaining_bytes: range.end - range.start,
            rest: range,
            chunk_bytes: edge.config.limits.chunk_bytes_max.max(1) as u64,
            reading: None,
            ready: None,
        }
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
        let piece = match self.ready.take() {
            Some(piece) => piece,
            None => ready!(self.poll_read(cx)),
        };
        if let Ok(bytes) = &piece {
            self.remaining_bytes = self.remaining_bytes.saturating_sub(bytes.len() as u64);
            if let Poll::Ready(next) = self.poll_read_ahead(cx) {
                self.ready = next;
            }
        }
        Poll::Ready(Some(piece))
    }

    fn poll_read_ahead(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BlobError>>> {
        if self.reading.is_none() && self.rest.is_empty() {
            return Poll::Ready(None);
        }
        self.poll_read(cx).map(Some)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, BlobError>> {
        let reading = self.reading.get_or_insert_with(|| {
            let end = (self.rest.start + self.chunk_bytes).min(self.rest.end);
            let range = self.rest.start..end;
            self.rest.start = end;
            let (blobs, turns) = (Arc::clone(&self.blobs), Arc::clone(&self.turns));
            let digest = self.digest;
            Box::pin(async move {
                // Never closed, so there is always a turn.
                let _turn = turns.acquire().await;
                blobs.read(digest, range).await
            })
        });
        let piece = ready!(reading.as_mut().poll(cx));
        self.reading = None;
        Poll::Ready(piece)
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
