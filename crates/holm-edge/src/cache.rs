//! Small blobs in memory, bounded by weight, loaded once however many ask.

use std::sync::Arc;

use bytes::Bytes;
use holm_storage::{BlobError, BlobStore, ContentCoding};
use holm_types::BlobDigest;
use http::HeaderValue;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::asset::EntityTag;

/// One form of a file: named by its source, because that is what its entity tag says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BlobKey {
    /// The digest of the file as it was deployed.
    pub(crate) source: BlobDigest,
    /// In which coding.
    pub(crate) coding: ContentCoding,
}

/// A blob in memory, with its entity tag ready to be sent.
#[derive(Debug)]
pub(crate) struct CachedBlob {
    /// The bytes in the coding of the key.
    pub(crate) bytes: Bytes,
    /// The strong entity tag.
    pub(crate) etag: HeaderValue,
}

impl CachedBlob {
    fn new(key: &BlobKey, bytes: Bytes) -> Self {
        Self {
            bytes,
            etag: EntityTag::new(&key.source, key.coding).to_header(),
        }
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
}

impl BlobCache {
    /// A cache of at most this many bytes.
    pub(crate) fn new(bytes_max: u64) -> Self {
        // A guess that only sizes the tables in the beginning.
        const USUAL_BLOB_BYTES: u64 = 16 * 1024;
        let items = usize::try_from(bytes_max / USUAL_BLOB_BYTES).unwrap_or(usize::MAX);
        Self {
            cache: Cache::with_weighter(items.clamp(16, 65_536), bytes_max, ByteWeight),
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
                let cached = read(key, blob, blobs).await?;
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
    Ok(Arc::new(CachedBlob::new(key, bytes)))
}
