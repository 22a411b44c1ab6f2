//! Pieces of large blobs in memory, bounded by weight: what many clients download is read from the
//! store once, and a hit costs neither a thread nor a copy.

use bytes::Bytes;
use holm_types::BlobDigest;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::EdgeLimits;

/// One piece: `index` counts pieces of `chunk_bytes_max` from the blob's beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct PieceKey {
    blob: BlobDigest,
    index: u64,
}

#[derive(Clone, Debug)]
struct ByteWeight;

impl Weighter<PieceKey, Bytes> for ByteWeight {
    fn weight(&self, _: &PieceKey, piece: &Bytes) -> u64 {
        // Key, counters and the cache's own entry.
        const ENTRY_OVERHEAD_BYTES: u64 = 160;
        piece.len() as u64 + ENTRY_OVERHEAD_BYTES
    }
}

/// The cache. Blobs never change, so nothing in it ever goes stale.
#[derive(Debug)]
pub(crate) struct PieceCache {
    cache: Cache<PieceKey, Bytes, ByteWeight>,
    piece_bytes: u64,
}

impl PieceCache {
    /// A cache as the limits say; of no bytes, it keeps nothing.
    pub(crate) fn new(limits: &EdgeLimits) -> Self {
        let piece_bytes = limits.chunk_bytes_max.max(1) as u64;
        let bytes_max = limits.piece_cache_bytes_max;
        let items = usize::try_from(bytes_max / piece_bytes).unwrap_or(usize::MAX);
        Self {
            cache: Cache::with_weighter(items.clamp(16, 65_536), bytes_max, ByteWeight),
            piece_bytes,
        }
    }

    /// Where the piece ends that this place lies in.
    pub(crate) fn end_of_piece(&self, at: u64) -> u64 {
        (at / self.piece_bytes)
            .saturating_add(1)
            .saturating_mul(self.piece_bytes)
    }

    /// The bytes from `at` to `end`, which lie in one piece, if that is in memory.
    pub(crate) fn get(&self, blob: BlobDigest, at: u64, end: u64) -> Option<Bytes> {
        let piece = self.cache.get(&self.key(blob, at))?;
        let begin = usize::try_from(at % self.piece_bytes).ok()?;
        let length = usize::try_from(end.checked_sub(at)?).ok()?;
        (begin + length <= piece.len()).then(|| piece.slice(begin..begin + length))
    }

    /// Keeps bytes that were read from `at`, if they are a whole piece: then they reach its end or that of the
    /// blob.
    pub(crate) fn keep(&self, blob: BlobDigest, at: u64, blob_bytes: u64, bytes: &Bytes) {
        let end = at + bytes.len() as u64;
        let is_whole = at.is_multiple_of(self.piece_bytes)
            && (end == self.end_of_piece(at) || end == blob_bytes);
        if is_whole {
            self.cache.insert(self.key(blob, at), bytes.clone());
        }
    }

    fn key(&self, blob: BlobDigest, at: u64) -> PieceKey {
        PieceKey {
            blob,
            index: at / self.piece_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOB: BlobDigest = BlobDigest::from_bytes([1; 32]);

    fn cache(bytes_max: u64) -> PieceCache {
        PieceCache::new(&EdgeLimits {
            chunk_bytes_max: 10,
            piece_cache_bytes_max: bytes_max,
            ..EdgeLimits::default()
        })
    }

    #[test]
    fn whole_pieces_are_kept_and_parts_of_them_found() {
        let cache = cache(100_000);
        cache.keep(BLOB, 10, 25, &Bytes::from_static(b"0123456789"));
        cache.keep(BLOB, 20, 25, &Bytes::from_static(b"abcde"));
        let check = |at: u64, end: u64, want: Option<&str>| {
            let got = cache.get(BLOB, at, end);
            assert_eq!(
                got,
                want.map(|want| Bytes::copy_from_slice(want.as_bytes()))
            );
        };
        check(10, 20, Some("0123456789"));
        check(13, 15, Some("34"));
        check(20, 25, Some("abcde"));
        check(24, 25, Some("e"));
        check(24, 26, None);
        check(0, 10, None);
        assert_eq!(cache.get(BlobDigest::from_bytes([2; 32]), 10, 20), None);
        assert_eq!((cache.end_of_piece(0), cache.end_of_piece(19)), (10, 20));
    }

    #[test]
    fn parts_of_pieces_are_not_kept_nor_is_anything_without_room() {
        let roomy = cache(100_000);
        roomy.keep(BLOB, 10, 25, &Bytes::from_static(b"012345678"));
        roomy.keep(BLOB, 1, 25, &Bytes::from_static(b"012345678"));
        assert_eq!(roomy.get(BLOB, 10, 12), None);
        assert_eq!(roomy.get(BLOB, 1, 2), None);
        let none = cache(0);
        none.keep(BLOB, 10, 25, &Bytes::from_static(b"0123456789"));
        assert_eq!(none.get(BLOB, 10, 20), None);
    }
}
