//! Small blobs in memory, bounded by weight, loaded once however many ask.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use holm_storage::{BlobError, BlobStore, ContentCoding};
use holm_types::{BlobDigest, Clock};
use http::HeaderValue;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::asset::EntityTag;

/// One form of a file: named by its source, because that is what its entity tag says, and by the blob
/// that holds it, because a better one may take its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlobKey {
    /// The digest of the file as it was deployed.
    pub(crate) source: BlobDigest,
    /// In which coding.
    pub(crate) coding: ContentCoding,
    /// The digest of that form.
    pub(crate) blob: BlobDigest,
}

impl Hash for BlobKey {
    /// A digest is a hash already, and the table's own hasher is seeded.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.blob.hash(state);
    }
}

/// A blob in memory, with its entity tag ready to be sent.
#[derive(Debug)]
pub(crate) struct CachedBlob {
    /// The bytes in the coding of the key.
    pub(crate) bytes: Bytes,
    /// The strong entity tag.
    pub(crate) etag: HeaderValue,
    /// When the store was last known to have it, in milliseconds of the monotonic clock.
    seen_ms: AtomicU64,
}

impl CachedBlob {
    fn new(key: &BlobKey, bytes: Bytes, now: Duration) -> Self {
        let blob = Self {
            bytes,
            etag: EntityTag::new(&key.source, key.coding).to_header(),
            seen_ms: AtomicU64::new(0),
        };
        blob.was_seen_in_store(now);
        blob
    }

    /// When the store was last known to have it.
    pub(crate) fn seen_in_store(&self) -> Duration {
        Duration::from_millis(self.seen_ms.load(Ordering::Relaxed))
    }

    /// The store has it.
    pub(crate) fn was_seen_in_store(&self, now: Duration) {
        let ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.seen_ms.store(ms, Ordering::Relaxed);
    }
}

#[derive(Clone, Debug)]
struct ByteWeight;

impl Weighter<BlobKey, Arc<CachedBlob>> for ByteWeight {
    fn weight(&self, _: &BlobKey, blob: &Arc<CachedBlob>) -> u64 {
        // Key, tag, counters and the cache's own entry, so that a million empty files also have an end.
        const ENTRY_OVERHEAD_BYTES: u64 = 320;
        blob.bytes.len() as u64 + ENTRY_OVERHEAD_BYTES
    }
}

/// The cache. Blobs are named by what they hold, so nothing in it ever goes stale.
#[derive(Debug)]
pub(crate) struct BlobCache {
    cache: Cache<BlobKey, Arc<CachedBlob>, ByteWeight>,
    clock: Arc<dyn Clock>,
}

impl BlobCache {
    /// A cache of at most this many bytes.
    pub(crate) fn new(bytes_max: u64, clock: Arc<dyn Clock>) -> Self {
        // A guess that only sizes the tables in the beginning.
        const USUAL_BLOB_BYTES: u64 = 16 * 1024;
        let items = usize::try_from(bytes_max / USUAL_BLOB_BYTES).unwrap_or(usize::MAX);
        Self {
            cache: Cache::with_weighter(items.clamp(16, 65_536), bytes_max, ByteWeight),
            clock,
        }
    }

    /// The blob, if it is in memory.
    pub(crate) fn get(&self, key: &BlobKey) -> Option<Arc<CachedBlob>> {
        self.cache.get(key)
    }

    /// The blob, from memory or from the store. One reads; the others wait for it, and if it gives up
    /// (its client left) another takes over.
    pub(crate) async fn load(
        &self,
        key: &BlobKey,
        blob: BlobDigest,
        blobs: &dyn BlobStore,
    ) -> Result<Arc<CachedBlob>, BlobError> {
        match self.cache.get_value_or_guard_async(key).await {
            Ok(cached) => Ok(cached),
            Err(guard) => {
                let bytes = blobs.read_verified(blob).await?;
                let now = self.clock.monotonic();
                let cached = Arc::new(CachedBlob::new(key, bytes, now));
                // Refused only when the place was taken away meanwhile; then it is simply not kept.
                drop(guard.insert(Arc::clone(&cached)));
                Ok(cached)
            }
        }
    }
}

/// The blob from the store, past the cache.
pub(crate) async fn read(
    key: &BlobKey,
    blob: BlobDigest,
    blobs: &dyn BlobStore,
) -> Result<Arc<CachedBlob>, BlobError> {
    let bytes = blobs.read_verified(blob).await?;
    // Nobody asks how old it is: it serves one request.
    Ok(Arc::new(CachedBlob::new(key, bytes, Duration::ZERO)))
}
