//! Blobs by digest: what every store of them promises, wherever it keeps the bytes.

use std::future::Future;
use std::ops::Range;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use holm_types::BlobDigest;

use crate::collect::BlobCollector;

/// What the methods of the store return: a future that may move between threads.
pub type BlobFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, BlobError>> + Send + 'a>>;

/// Why a blob could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The store does not have it.
    #[error("no blob {digest}")]
    NotFound {
        /// Which.
        digest: BlobDigest,
    },
    /// The bytes handed over are not those of the digest. Nothing of them was stored.
    #[error("the bytes for blob {expected} are those of {found}")]
    Mismatch {
        /// What was announced.
        expected: BlobDigest,
        /// What arrived.
        found: BlobDigest,
    },
    /// A blob that arrived in pieces was longer or shorter than announced. Nothing of it was stored.
    #[error(
        "blob {digest} was announced with {announced_bytes} bytes and came with {arrived_bytes}"
    )]
    SizeMismatch {
        /// Which.
        digest: BlobDigest,
        /// What `begin` said.
        announced_bytes: u64,
        /// What came.
        arrived_bytes: u64,
    },
    /// The bytes on disk are not those of the digest.
    #[error("blob {digest} is damaged on disk")]
    Damaged {
        /// Which.
        digest: BlobDigest,
    },
    /// The disk said no; full disks end here.
    #[error("{doing} {}", path.display())]
    Io {
        /// A present-tense verb phrase.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Blobs by digest. Write-once: a stored blob never changes.
pub trait BlobStore: Send + Sync + std::fmt::Debug {
    /// Those of the digests that the store does not have, in the order given. A collection under way
    /// keeps the others; see [`crate::Collection`].
    fn missing(&self, digests: &[BlobDigest]) -> Vec<BlobDigest>;

    /// The size of a blob. `None` when the store does not have it.
    fn size_bytes(&self, digest: &BlobDigest) -> Option<u64>;

    /// Bytes of a blob; the range must lie within it. Takes as much memory as the range is long, so
    /// large blobs are asked for piece by piece. What is read is checked, the part as such; wrong bytes
    /// are never handed out but give `Damaged`.
    fn read(&self, digest: BlobDigest, range: Range<u64>) -> BlobFuture<'_, Bytes>;

    /// The whole blob, checked against its digest.
    fn read_verified(&self, digest: BlobDigest) -> BlobFuture<'_, Bytes>;

    /// Holds a blob in place for somebody who reads it piece by piece: it is not collected before the
    /// pin is dropped. Says at once when the blob is not there or is known to be damaged.
    ///
    /// # Errors
    /// [`BlobError::NotFound`] and [`BlobError::Damaged`].
    fn pin(&self, digest: &BlobDigest) -> Result<BlobPin, BlobError> {
        match self.size_bytes(digest) {
            Some(_) => Ok(BlobPin::new(|| {})),
            None => Err(BlobError::NotFound { digest: *digest }),
        }
    }

    /// The part of the store that gives back space. `None` when it has none.
    fn collector(&self) -> Option<Arc<dyn BlobCollector>> {
        None
    }

    /// Lets another process write instead, after the steps of uploads that are under way: from then on
    /// every upload fails and everything that was stored before can still be read. For a server that
    /// hands over to the next. Blocks. A store that several may write to has nothing to let go of.
    ///
    /// # Errors
    /// [`BlobError::Io`] when the lock cannot be let go of; it goes with the process then.
    fn release(&self) -> Result<(), BlobError> {
        Ok(())
    }

    /// Starts an upload: what is put becomes visible and durable together, when it is finished.
    fn upload(&self) -> Box<dyn BlobUpload>;
}

/// Holds a blob in place until dropped.
pub struct BlobPin {
    release: Option<Box<dyn FnOnce() + Send + Sync>>,
}

impl BlobPin {
    /// A pin that calls `release` when it is dropped.
    pub fn new(release: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self {
            release: Some(Box::new(release)),
        }
    }
}

impl Drop for BlobPin {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            release();
        }
    }
}

impl std::fmt::Debug for BlobPin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BlobPin")
    }
}

/// One upload. Dropped without `finish`, nothing of it stays.
///
/// Blobs are hashed in batches, so a [`BlobError::Mismatch`] is reported by this call or a later one of
/// the same upload, `finish` at the latest; it names the blob it is about. After a mismatch the upload
/// can go on without that blob; after any other error it can only be dropped. A caller that wants to go
/// on calls `settle` until it returns `Ok`, because `finish` fails on a mismatch not reported before.
///
/// After a call that was dropped before it was done the upload can only be dropped too; it says so.
pub trait BlobUpload: Send + std::fmt::Debug {
    /// A whole blob. Checked against the digest; one that the store has already is skipped unread.
    fn put(&mut self, digest: BlobDigest, bytes: Bytes) -> BlobFuture<'_, ()>;

    /// Begins a blob that arrives in pieces; follow with `append` and `end`. One that was begun and not
    /// ended is given up.
    fn begin(&mut self, digest: BlobDigest, size_bytes: u64) -> BlobFuture<'_, ()>;

    /// The next piece of the blob that was begun.
    fn append(&mut self, bytes: Bytes) -> BlobFuture<'_, ()>;

    /// Ends the blob that was begun and checks it.
    fn end(&mut self) -> BlobFuture<'_, ()>;

    /// Hashes and writes what is held back; reports one mismatch that was not reported before.
    fn settle(&mut self) -> BlobFuture<'_, ()>;

    /// Makes everything durable (one sync) and visible. When this returns, a crash loses nothing of it.
    fn finish(self: Box<Self>) -> BlobFuture<'static, UploadReceipt>;
}

/// What an upload stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UploadReceipt {
    /// Blobs that were new.
    pub stored_count: u64,
    /// Their bytes.
    pub stored_bytes: u64,
    /// Blobs that the store had already.
    pub known_count: u64,
}

/// What a check of the whole store found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Blobs checked.
    pub blob_count: u64,
    /// Their bytes.
    pub blob_bytes: u64,
    /// Blobs whose bytes are not those of their digest.
    pub damaged: Vec<BlobDigest>,
    /// Files under temporary names: those of uploads under way, and left-over ones (harmless; removed
    /// at the next start).
    pub leftover_count: u64,
}
