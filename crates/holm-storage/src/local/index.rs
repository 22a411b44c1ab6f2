//! Which blob is where, in memory: rebuilt from pack indexes and file names at every start.
//!
//! 49 bytes per slot of the table, so 56 to 112 bytes per blob (the table doubles at seven eighths):
//! a million blobs take 56 to 112 MB, 10,000 about 0.8 MB. The whole digest is the key, so that two
//! blobs are never taken for each other.

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use holm_types::BlobDigest;

/// Where a blob's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// In a pack.
    Packed {
        pack: u32,
        offset: u32,
        size_bytes: u32,
    },
    /// In a file of its own.
    Large { size_bytes: u64 },
}

impl Place {
    pub(super) fn size_bytes(self) -> u64 {
        match self {
            Self::Packed { size_bytes, .. } => u64::from(size_bytes),
            Self::Large { size_bytes } => size_bytes,
        }
    }
}

/// A blob that is there, and whether its bytes are known to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) place: Place,
    pub(super) is_damaged: bool,
}

#[derive(Debug, Default)]
pub(super) struct BlobIndex {
    tables: RwLock<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    places: HashMap<BlobDigest, Place>,
    /// Blobs whose bytes were found to be wrong; hardly ever any.
    damaged: HashSet<BlobDigest>,
    total_bytes: u64,
}

impl Tables {
    fn is_whole(&self, digest: &BlobDigest) -> bool {
        self.places.contains_key(digest) && !self.damaged.contains(digest)
    }

    fn set(&mut self, digest: BlobDigest, place: Place) {
        self.damaged.remove(&digest);
        self.total_bytes += place.size_bytes();
        if let Some(before) = self.places.insert(digest, place) {
            self.total_bytes -= before.size_bytes();
        }
    }
}

impl BlobIndex {
    // Nothing panics between two changes of the tables, so a poisoned lock holds whole ones.
    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The blob, damaged or not.
    pub(super) fn get(&self, digest: &BlobDigest) -> Option<Found> {
        let tables = self.read();
        let place = *tables.places.get(digest)?;
        Some(Found {
            place,
            is_damaged: tables.damaged.contains(digest),
        })
    }

    /// True when the blob is there and not known to be damaged.
    pub(super) fn is_whole(&self, digest: &BlobDigest) -> bool {
        self.read().is_whole(digest)
    }

    /// Those that are not there or damaged.
    pub(super) fn missing(&self, digests: &[BlobDigest]) -> Vec<BlobDigest> {
        let tables = self.read();
        digests
            .iter()
            .filter(|digest| !tables.is_whole(digest))
            .copied()
            .collect()
    }

    /// Notes a blob; the place noted last holds.
    pub(super) fn set(&self, digest: BlobDigest, place: Place) {
        self.write().set(digest, place);
    }

    /// Notes those blobs of an upload that are not there yet, in one step; says how many and how large.
    pub(super) fn add(&self, blobs: &[(BlobDigest, Place)]) -> (u64, u64) {
        let mut tables = self.write();
        let (mut count, mut bytes) = (0, 0);
        for (digest, place) in blobs {
            if !tables.is_whole(digest) {
                tables.set(*digest, *place);
                count += 1;
                bytes += place.size_bytes();
            }
        }
        (count, bytes)
    }

    /// Notes that the bytes of a blob are wrong. True when that is news.
    pub(super) fn mark_damaged(&self, digest: BlobDigest) -> bool {
        self.write().damaged.insert(digest)
    }

    /// How many blobs and how many bytes.
    pub(super) fn totals(&self) -> (u64, u64) {
        let tables = self.read();
        (tables.places.len() as u64, tables.total_bytes)
    }

    /// Every blob, in the order in which the disk has them.
    pub(super) fn all(&self) -> Vec<(Place, BlobDigest)> {
        let tables = self.read();
        let mut all: Vec<_> = tables
            .places
            .iter()
            .map(|(digest, place)| (*place, *digest))
            .collect();
        drop(tables);
        all.sort_unstable();
        all
    }
}
