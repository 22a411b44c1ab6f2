//! Which blob is where, in memory: rebuilt from pack indexes and file names at every start. And, while
//! blobs are collected, which of them somebody relies on.
//!
//! The invariant of collecting: from its beginning on, every blob that somebody is told is there, every
//! blob that is stored, and every blob that the one who collects names is *kept*. A blob is forgotten only
//! under the lock of this table, only when it is neither kept nor pinned, and from that moment on everybody
//! is told that it is missing. So nobody can have been told "it is there" about a blob that goes.
//!
//! Kept blobs are remembered by the first 8 bytes of their digests: 9 bytes per slot, 10 to 20 bytes each.
//! Two digests that begin alike keep each other, which costs space and never a blob.
//!
//! 49 bytes per slot of the table, so 56 to 112 bytes per blob (the table doubles at seven eighths):
//! a million blobs take 56 to 112 MB, 10,000 about 0.8 MB. The whole digest is the key, so that two
//! blobs are never taken for each other.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use holm_types::BlobDigest;

use crate::blob::{BlobError, BlobPin};
use crate::limits::StorageLimits;

/// Where a blob's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// In a pack.
    Packed {
        pack: u32,
        offset: u32,
        size_bytes: u32,
    },
    /// In a file of its own. `number` tells copies apart where names are not reused; 0 on a local disk.
    Large { number: u32, size_bytes: u64 },
}

impl Place {
    pub(crate) fn size_bytes(self) -> u64 {
        match self {
            Self::Packed { size_bytes, .. } => u64::from(size_bytes),
            Self::Large { size_bytes, .. } => size_bytes,
        }
    }
}

/// A blob that is there, and whether its bytes are known to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) place: Place,
    pub(crate) is_damaged: bool,
}

#[derive(Debug, Default)]
pub(crate) struct BlobIndex {
    tables: RwLock<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    places: HashMap<BlobDigest, Place>,
    /// Blobs whose bytes were found to be wrong; hardly ever any.
    damaged: HashSet<BlobDigest>,
    total_bytes: u64,
    /// How many readers hold a blob in place.
    pinned: HashMap<BlobDigest, u32>,
    /// `None` while nothing is collected.
    kept: Option<Kept>,
}

/// The blobs that somebody relies on since the collection began.
#[derive(Debug)]
struct Kept {
    marks: HashSet<u64>,
    marks_max: usize,
    /// There were more than fit: everything is kept.
    is_full: bool,
}

impl Kept {
    fn keep(&mut self, digest: &BlobDigest) {
        if self.is_full || self.marks.len() >= self.marks_max {
            self.is_full = true;
            return;
        }
        self.marks.insert(mark_of(digest));
    }

    fn keeps(&self, digest: &BlobDigest) -> bool {
        self.is_full || self.marks.contains(&mark_of(digest))
    }
}

fn mark_of(digest: &BlobDigest) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&digest.as_bytes()[..8]);
    u64::from_le_bytes(first)
}

impl Tables {
    fn keep(&mut self, digest: &BlobDigest) {
        if let Some(kept) = &mut self.kept {
            kept.keep(digest);
        }
    }

    /// Whether a blob may go.
    fn is_dead(&self, digest: &BlobDigest) -> bool {
        let is_kept = self.kept.as_ref().is_none_or(|kept| kept.keeps(digest));
        !is_kept && !self.pinned.contains_key(digest)
    }

    fn forget(&mut self, digest: &BlobDigest) -> Option<Place> {
        self.damaged.remove(digest);
        let place = self.places.remove(digest)?;
        self.total_bytes -= place.size_bytes();
        Some(place)
    }

    fn is_whole(&self, digest: &BlobDigest) -> bool {
        self.places.contains_key(digest) && !self.damaged.contains(digest)
    }

    fn set(&mut self, digest: BlobDigest, place: Place) {
        self.keep(&digest);
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
    pub(crate) fn get(&self, digest: &BlobDigest) -> Option<Found> {
        let tables = self.read();
        let place = *tables.places.get(digest)?;
        Some(Found {
            place,
            is_damaged: tables.damaged.contains(digest),
        })
    }

    /// True when the blob is there and not known to be damaged. Who asks relies on the answer: a
    /// collection under way keeps the blob.
    pub(crate) fn is_whole(&self, digest: &BlobDigest) -> bool {
        self.missing(std::slice::from_ref(digest)).is_empty()
    }

    /// Those that are not there or damaged. Who asks relies on the others: a collection under way keeps
    /// them.
    pub(crate) fn missing(&self, digests: &[BlobDigest]) -> Vec<BlobDigest> {
        {
            let tables = self.read();
            if tables.kept.is_none() {
                return missing_of(&tables, digests);
            }
        }
        let mut tables = self.write();
        for digest in digests {
            tables.keep(digest);
        }
        missing_of(&tables, digests)
    }

    /// Notes a blob; the place noted last holds.
    pub(crate) fn set(&self, digest: BlobDigest, place: Place) {
        self.write().set(digest, place);
    }

    /// Notes those blobs of an upload that are not there yet, in one step; says how many and how large.
    pub(crate) fn add(&self, blobs: &[(BlobDigest, Place)]) -> (u64, u64) {
        let mut tables = self.write();
        let (mut count, mut bytes) = (0, 0);
        for (digest, place) in blobs {
            tables.keep(digest);
            if !tables.is_whole(digest) {
                tables.set(*digest, *place);
                count += 1;
                bytes += place.size_bytes();
            }
        }
        (count, bytes)
    }

    /// Notes that the bytes of a blob are wrong. True when that is news.
    pub(crate) fn mark_damaged(&self, digest: BlobDigest) -> bool {
        self.write().damaged.insert(digest)
    }

    /// How many blobs and how many bytes.
    pub(crate) fn totals(&self) -> (u64, u64) {
        let tables = self.read();
        (tables.places.len() as u64, tables.total_bytes)
    }

    /// Every blob, in the order in which the disk has them.
    pub(crate) fn all(&self) -> Vec<(Place, BlobDigest)> {
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

fn missing_of(tables: &Tables, digests: &[BlobDigest]) -> Vec<BlobDigest> {
    digests
        .iter()
        .filter(|digest| !tables.is_whole(digest))
        .copied()
        .collect()
}

/// A blob that was copied: where it was and where it is now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moved {
    pub(crate) digest: BlobDigest,
    pub(crate) from: Place,
    pub(crate) to: Place,
}

/// How much of one pack is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PackUse {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

// Collecting.
impl BlobIndex {
    /// From now on blobs that somebody relies on are kept. False when a collection is under way.
    pub(crate) fn begin_collection(&self, limits: &StorageLimits) -> bool {
        let mut tables = self.write();
        if tables.kept.is_some() {
            return false;
        }
        tables.kept = Some(Kept {
            marks: HashSet::new(),
            marks_max: limits.collect_marks_max,
            is_full: false,
        });
        true
    }

    /// Nothing is collected any more.
    pub(crate) fn end_collection(&self) {
        self.write().kept = None;
    }

    /// Keeps these blobs. False when there are more than fit; then all are kept.
    pub(crate) fn keep(&self, digests: &[BlobDigest]) -> bool {
        let mut tables = self.write();
        for digest in digests {
            tables.keep(digest);
        }
        tables.kept.as_ref().is_none_or(|kept| !kept.is_full)
    }

    /// Whether the collection keeps this blob so far.
    pub(crate) fn keeps(&self, digest: &BlobDigest) -> bool {
        !self.read().is_dead(digest)
    }

    /// Some of the blobs that nobody relies on so far, at most so many.
    pub(crate) fn dead(&self, count_max: usize) -> Vec<BlobDigest> {
        let tables = self.read();
        let dead = tables.places.keys().filter(|digest| tables.is_dead(digest));
        dead.take(count_max).copied().collect()
    }

    /// How many blobs nobody relies on so far, and their bytes.
    pub(crate) fn unwanted(&self) -> (u64, u64) {
        let tables = self.read();
        let dead = tables.places.iter();
        let dead = dead.filter(|(digest, _)| tables.is_dead(digest));
        dead.fold((0, 0), |(count, bytes), (_, place)| {
            (count + 1, bytes + place.size_bytes())
        })
    }

    /// Forgets those of the blobs that nobody relies on; from now on they are missing. Where they were.
    pub(crate) fn forget_dead(&self, digests: &[BlobDigest]) -> Vec<(BlobDigest, Place)> {
        let mut tables = self.write();
        let mut forgotten = Vec::with_capacity(digests.len());
        for digest in digests {
            if tables.is_dead(digest)
                && let Some(place) = tables.forget(digest)
            {
                forgotten.push((*digest, place));
            }
        }
        forgotten
    }

    /// Points at the copies of blobs that are still where they were copied from.
    pub(crate) fn move_to(&self, moved: &[Moved]) {
        let mut tables = self.write();
        for Moved { digest, from, to } in moved {
            if tables.places.get(digest) == Some(from) && !tables.damaged.contains(digest) {
                tables.places.insert(*digest, *to);
            }
        }
    }

    /// How much of each pack is wanted; a pack that is not named here is not wanted at all.
    pub(crate) fn pack_use(&self) -> HashMap<u32, PackUse> {
        let tables = self.read();
        let packed = tables.places.values().filter_map(|place| match place {
            Place::Packed {
                pack, size_bytes, ..
            } => Some((*pack, u64::from(*size_bytes))),
            Place::Large { .. } => None,
        });
        packed.fold(HashMap::new(), |mut packs, (pack, bytes)| {
            let used: &mut PackUse = packs.entry(pack).or_default();
            used.count += 1;
            used.bytes += bytes;
            packs
        })
    }

    /// Holds a blob of a store in place until the pin is dropped. One that is damaged is held by nobody.
    ///
    /// # Errors
    /// [`BlobError::NotFound`] and [`BlobError::Damaged`].
    pub(crate) fn pin_in<S: AsRef<Self> + Send + Sync + 'static>(
        store: &Arc<S>,
        digest: BlobDigest,
    ) -> Result<BlobPin, BlobError> {
        let index = S::as_ref(store);
        let found = index.pin(&digest).ok_or(BlobError::NotFound { digest })?;
        let store = Arc::clone(store);
        let pin = BlobPin::new(move || S::as_ref(&store).unpin(&digest));
        if found.is_damaged {
            return Err(BlobError::Damaged { digest });
        }
        Ok(pin)
    }

    /// One reader more, until [`BlobIndex::unpin`]. `None` when the blob is not there.
    fn pin(&self, digest: &BlobDigest) -> Option<Found> {
        let mut tables = self.write();
        let place = *tables.places.get(digest)?;
        let is_damaged = tables.damaged.contains(digest);
        *tables.pinned.entry(*digest).or_default() += 1;
        Some(Found { place, is_damaged })
    }

    /// One reader less.
    fn unpin(&self, digest: &BlobDigest) {
        let mut tables = self.write();
        if let Some(count) = tables.pinned.get_mut(digest) {
            *count -= 1;
            if *count == 0 {
                tables.pinned.remove(digest);
            }
        }
    }
}
