//! One version of the snapshot as it was published: a whole one and the changes behind it.

use bytes::Bytes;

use crate::limits::{
    SNAPSHOT_CHANGE_COUNT_MAX, SNAPSHOT_CHANGES_FOLDS_MAX, SNAPSHOT_FOLD_BYTES_MAX,
    SNAPSHOT_FOLD_COUNT_MAX, SNAPSHOT_FOLD_PERCENT_MAX, SNAPSHOT_LARGE_CHANGE_BYTES,
    SNAPSHOT_LARGE_CHANGE_PERCENT,
};

/// One version of the snapshot, unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedSnapshot {
    /// Only grows. With all changes.
    pub version: u64,
    whole: Bytes,
    changes: Vec<PublishedChange>,
}

/// What changed from one version of the snapshot to a later one, unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedChange {
    /// It can be applied to this version and all later ones.
    pub since: u64,
    /// The version that it makes.
    pub version: u64,
    /// As `holm_site::codec::encode_change` made it.
    pub bytes: Bytes,
}

impl PublishedSnapshot {
    /// A version with nothing behind it, as `holm_site::codec::encode_snapshot` made it.
    pub fn whole(version: u64, bytes: Bytes) -> Self {
        Self {
            version,
            whole: bytes,
            changes: Vec::new(),
        }
    }

    /// The version that a change behind this one makes.
    #[must_use]
    pub fn with(mut self, change: PublishedChange) -> Self {
        self.version = change.version;
        self.changes.push(change);
        self
    }

    /// The whole version at the bottom, as `holm_site::codec::encode_snapshot` made it, and what changed since, in
    /// order. Only together are they this version: the whole one alone is an older one, and says that things
    /// are there which are gone.
    pub fn parts(&self) -> (&Bytes, &[PublishedChange]) {
        (&self.whole, &self.changes)
    }

    /// Whether the changes have become so many, or so large beside what they change, that it should be
    /// written whole.
    pub fn is_to_be_folded(&self) -> bool {
        self.changes.len() >= SNAPSHOT_FOLD_COUNT_MAX || self.changes_bytes() > self.fold_bytes()
    }

    /// Whether one more change is worth writing: a whole snapshot is when the change is nearly as large, or when
    /// folding does not keep up.
    pub(super) fn has_room_for(&self, change: &PublishedChange) -> bool {
        let len = change.bytes.len();
        let is_large = len > SNAPSHOT_LARGE_CHANGE_BYTES
            && len > percent(self.whole.len(), SNAPSHOT_LARGE_CHANGE_PERCENT);
        let bytes_max = self.fold_bytes() * SNAPSHOT_CHANGES_FOLDS_MAX;
        !is_large
            && self.changes.len() < SNAPSHOT_CHANGE_COUNT_MAX
            && self.changes_bytes() + len <= bytes_max
    }

    /// Whether a change of this version lies on the whole one.
    pub(super) fn has_change(&self, version: u64) -> bool {
        let mut changes = self.changes.iter();
        changes.any(|change| change.version == version)
    }

    /// Puts a version in the place of the changes up to it.
    pub(super) fn fold(&mut self, version: u64, bytes: Bytes) {
        self.whole = bytes;
        self.changes.retain(|change| change.version > version);
    }

    fn changes_bytes(&self) -> usize {
        self.changes.iter().map(|change| change.bytes.len()).sum()
    }

    fn fold_bytes(&self) -> usize {
        SNAPSHOT_FOLD_BYTES_MAX.max(percent(self.whole.len(), SNAPSHOT_FOLD_PERCENT_MAX))
    }
}

fn percent(of: usize, percent: usize) -> usize {
    of / 100 * percent
}
