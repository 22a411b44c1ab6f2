//! Blobs by digest: the trait, and the store on a local disk.

use std::future::Future;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use holm_types::BlobDigest;

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
    /// Those of the digests that the store does not have, in the order given.
    fn missing(&self, digests: &[BlobDigest]) -> Vec<BlobDigest>;

    /// The size of a blob. `None` when the store does not have it.
    fn size_bytes(&self, digest: &BlobDigest) -> Option<u64>;

    /// Bytes of a blob; the range must lie within it.
    fn read(&self, digest: BlobDigest, range: Range<u64>) -> BlobFuture<'_, Bytes>;

    /// The whole blob, checked against its digest.
    fn read_verified(&self, digest: BlobDigest) -> BlobFuture<'_, Bytes>;

    /// Starts an upload: what is put becomes visible and durable together, when it is finished.
    fn upload(&self) -> Box<dyn BlobUpload>;
}

/// One upload. Dropped without `finish`, nothing of it stays.
pub trait BlobUpload: Send + std::fmt::Debug {
    /// A whole blob. Checked against the digest; one that the store has already is skipped.
    fn put(&mut self, digest: BlobDigest, bytes: Bytes) -> BlobFuture<'_, ()>;

    /// Begins a blob that arrives in pieces; follow with `append` and `end`.
    fn begin(&mut self, digest: BlobDigest, size_bytes: u64) -> BlobFuture<'_, ()>;

    /// The next piece of the blob that was begun.
    fn append(&mut self, bytes: Bytes) -> BlobFuture<'_, ()>;

    /// Ends the blob that was begun and checks it.
    fn end(&mut self) -> BlobFuture<'_, ()>;

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
    /// Left-over temporary files (harmless; removed at the next start).
    pub leftover_count: u64,
}

/// The store on a local disk: small blobs of one upload in a pack with an index, larger ones as files.
#[derive(Clone, Debug)]
pub struct LocalBlobStore {
    _inner: Arc<()>,
}

impl LocalBlobStore {
    /// Opens the folder (made if absent), reads the pack indexes, removes left-over temporary files.
    pub fn open(folder: &Path) -> Result<Self, BlobError> {
        let _ = folder;
        todo!("helper: storage")
    }

    /// Opens the folder for reading only, beside a running server: removes nothing.
    pub fn open_read_only(folder: &Path) -> Result<Self, BlobError> {
        let _ = folder;
        todo!("helper: storage")
    }

    /// How many blobs and how many bytes are stored.
    pub fn totals(&self) -> (u64, u64) {
        todo!("helper: storage")
    }

    /// Reads and hashes everything.
    pub fn verify(&self) -> Result<VerifyReport, BlobError> {
        todo!("helper: storage")
    }
}

impl BlobStore for LocalBlobStore {
    fn missing(&self, digests: &[BlobDigest]) -> Vec<BlobDigest> {
        let _ = digests;
        todo!("helper: storage")
    }
    fn size_bytes(&self, digest: &BlobDigest) -> Option<u64> {
        let _ = digest;
        todo!("helper: storage")
    }
    fn read(&self, digest: BlobDigest, range: Range<u64>) -> BlobFuture<'_, Bytes> {
        let _ = (digest, range);
        todo!("helper: storage")
    }
    fn read_verified(&self, digest: BlobDigest) -> BlobFuture<'_, Bytes> {
        let _ = digest;
        todo!("helper: storage")
    }
    fn upload(&self) -> Box<dyn BlobUpload> {
        todo!("helper: storage")
    }
}
