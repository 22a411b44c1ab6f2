//! Giving back the space of blobs that nobody wants any more.
//!
//! The store does not know who wants what. Whoever does begins a [`Collection`], names every wanted blob,
//! then sweeps and compacts in steps. From the beginning on the store itself keeps every blob that
//! anybody was told is there and every blob that is stored, so deploys go on meanwhile:
//!
//! 1. `begin`; from here on what the store promises is kept.
//! 2. Only then look at who wants what, and `keep` it. A reference that was made without asking the store
//!    after `begin` must be visible to that look.
//! 3. `sweep` until it is done: forgets what is neither kept nor pinned, then removes its bytes.
//! 4. `compact` until it is done: copies the wanted blobs out of sparse packs and removes those.
//!
//! Stopping, failing or being killed between or within steps loses no wanted blob: bytes are removed only
//! after nobody can find the blob there any more, and at the next start what was not removed is simply
//! there again.

use std::sync::Arc;

use holm_types::BlobDigest;

use crate::blob::BlobFuture;

/// What one step did, or several of them together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CollectStep {
    /// Blobs that are gone.
    pub removed_count: u64,
    /// Their bytes. Those in packs take up room until the pack is compacted.
    pub removed_bytes: u64,
    /// Blobs that were copied from a sparse pack into another.
    pub moved_count: u64,
    /// Their bytes.
    pub moved_bytes: u64,
    /// Bytes that the storage has less to hold.
    pub freed_bytes: u64,
    /// There is nothing left to do.
    pub is_done: bool,
}

impl CollectStep {
    /// Adds what another step did; whether all is done is the other's to say.
    pub fn add(&mut self, other: &Self) {
        self.removed_count += other.removed_count;
        self.removed_bytes += other.removed_bytes;
        self.moved_count += other.moved_count;
        self.moved_bytes += other.moved_bytes;
        self.freed_bytes += other.freed_bytes;
        self.is_done = other.is_done;
    }
}

/// How full a store is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreUsage {
    /// Blobs, wanted or not yet collected.
    pub blob_count: u64,
    /// Their bytes.
    pub blob_bytes: u64,
    /// Packs of small blobs.
    pub pack_count: u64,
    /// What the packs take up, with their indexes.
    pub pack_bytes: u64,
    /// What of that belongs to no blob any more.
    pub pack_dead_bytes: u64,
    /// Blobs that are files of their own.
    pub large_count: u64,
    /// Bytes that the file system has left for this program. `None` when that is not known, as for a
    /// store elsewhere.
    pub free_bytes: Option<u64>,
}

/// The part of a store that gives back space. Used through [`Collection`].
pub trait BlobCollector: Send + Sync + std::fmt::Debug {
    /// From now on keeps what it promises. False when a collection is under way.
    fn begin(&self) -> bool;

    /// Nothing is kept for a collection any more.
    fn end(&self);

    /// Keeps these blobs. False when there are more than the store can remember; then it keeps all.
    fn keep(&self, digests: &[BlobDigest]) -> bool;

    /// Whether a blob would be kept as it stands.
    fn keeps(&self, digest: &BlobDigest) -> bool;

    /// Removes some blobs that are not kept.
    fn sweep(&self) -> BlobFuture<'_, CollectStep>;

    /// Copies some wanted blobs out of sparse packs, removes packs without any.
    fn compact(&self) -> BlobFuture<'_, CollectStep>;

    /// How many blobs would be removed as it stands, and their bytes.
    fn unwanted(&self) -> BlobFuture<'_, (u64, u64)>;

    /// How full the store is.
    fn usage(&self) -> BlobFuture<'_, StoreUsage>;
}

/// A collection under way; ends when dropped.
#[derive(Debug)]
pub struct Collection {
    store: Arc<dyn BlobCollector>,
}

impl Collection {
    /// Begins. `None` while another one is under way.
    pub fn begin(store: Arc<dyn BlobCollector>) -> Option<Self> {
        store.begin().then(|| Self { store })
    }

    /// Keeps these blobs. False when there are more than the store can remember; then it keeps all, and
    /// the collection is of no use.
    pub fn keep(&self, digests: &[BlobDigest]) -> bool {
        self.store.keep(digests)
    }

    /// Whether a blob would be kept as it stands.
    pub fn keeps(&self, digest: &BlobDigest) -> bool {
        self.store.keeps(digest)
    }

    /// How many blobs would be removed as it stands, and their bytes.
    pub fn unwanted(&self) -> BlobFuture<'_, (u64, u64)> {
        self.store.unwanted()
    }

    /// Removes some blobs that are not kept.
    pub fn sweep(&self) -> BlobFuture<'_, CollectStep> {
        self.store.sweep()
    }

    /// Copies some wanted blobs out of sparse packs, removes packs without any.
    pub fn compact(&self) -> BlobFuture<'_, CollectStep> {
        self.store.compact()
    }
}

impl Drop for Collection {
    fn drop(&mut self) {
        self.store.end();
    }
}
