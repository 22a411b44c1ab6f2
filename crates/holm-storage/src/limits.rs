//! The maxima of the blob store.

use std::time::Duration;

use holm_types::{Limit, Unit};

/// Changes behind one whole snapshot; past that a whole one is written.
pub(crate) const SNAPSHOT_CHANGE_COUNT_MAX: usize = 512;

/// Changes behind one whole snapshot before they are folded: half of what may be, so that folding has time.
pub(crate) const SNAPSHOT_FOLD_COUNT_MAX: usize = 256;

/// Bytes of all changes behind one whole snapshot before they are folded, where
/// [`SNAPSHOT_FOLD_PERCENT_MAX`] of the snapshot is not more.
pub(crate) const SNAPSHOT_FOLD_BYTES_MAX: usize = 256 * 1024;

/// As [`SNAPSHOT_FOLD_BYTES_MAX`], in percent of the whole snapshot.
pub(crate) const SNAPSHOT_FOLD_PERCENT_MAX: usize = 25;

/// How many times the bytes at which changes are folded they may have; past that a whole one is written.
pub(crate) const SNAPSHOT_CHANGES_FOLDS_MAX: usize = 2;

/// A change of no more bytes than this is never large beside the snapshot.
pub(crate) const SNAPSHOT_LARGE_CHANGE_BYTES: usize = 64 * 1024;

/// A change of more than this much of the whole snapshot, in percent, is not written: the next one would be folded
/// at once, and the snapshot be written twice for one deployment.
pub(crate) const SNAPSHOT_LARGE_CHANGE_PERCENT: usize = 50;

/// How often a folder that changes meanwhile is looked at.
pub(crate) const SNAPSHOT_LOOKS_MAX: usize = 5;

const PACKED_BYTES_MAX: u64 = 64 * 1024;
const PACK_BYTES_MAX: u64 = 1024 * 1024 * 1024;
const PACK_ENTRIES_MAX: usize = 1_000_000;
const BATCH_BYTES_MAX: usize = 1024 * 1024;
const BATCH_BLOBS_MAX: usize = 4096;
const OPEN_HANDLES_MAX: usize = 256;
const SYNC_EACH_MAX: usize = 512;
const SYNC_THREADS_MAX: usize = 8;
const LOCK_WAIT_MAX_MS: u64 = 1000;
const COLLECT_MARKS_MAX: usize = 16_777_216;
const COLLECT_STEP_MAX: usize = 1024;
const COMPACT_STEP_BYTES_MAX: u64 = 64 * 1024 * 1024;
const PACK_DEAD_PERCENT_MAX: u64 = 50;
const PACK_SMALL_BYTES: u64 = 1024 * 1024;
const SMALL_PACKS_MAX: usize = 64;
const REMOTE_PACK_BYTES_MAX: u64 = 16 * 1024 * 1024;
const REMOTE_TIME_MAX_MS: u64 = 60_000;
const REMOTE_CACHE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// The maxima of the blob store.
#[derive(Clone, Copy, Debug)]
pub struct StorageLimits {
    /// Blobs below this size go into the pack of their upload, others become files of their own.
    /// Default 64 KiB.
    pub packed_bytes_max: u64,
    /// Size of one pack; then the upload begins another. At most 4 GiB. Default 1 GiB.
    pub pack_bytes_max: u64,
    /// Blobs in one pack; then the upload begins another. Default 1,000,000.
    pub pack_entries_max: usize,
    /// Bytes that an upload holds before it hashes and writes them together. Default 1 MiB.
    pub batch_bytes_max: usize,
    /// Blobs that an upload holds before it hashes and writes them together. Default 4,096.
    pub batch_blobs_max: usize,
    /// Files kept open for reading. Default 256.
    pub open_handles_max: usize,
    /// Up to this many files or folders of an upload are synced by themselves, side by side; more by one
    /// `syncfs`. Default 512.
    ///
    /// Measured November 2026, ext4, 2 cores, files of 100 KB: 200 files 0.10 s either way, 950 files
    /// 0.21 s by themselves and 0.11 s by `syncfs`, 5,000 files 0.65 s and 0.42 s. But `syncfs` waits
    /// for whatever else is being written to that disk, so it has to win by more than a little.
    pub sync_each_max: usize,
    /// Threads that sync side by side. Default 8.
    pub sync_threads_max: usize,
    /// How long opening waits for another process to let go of the folder. Default 1 s.
    pub lock_wait_max: Duration,
    /// Blobs that one collection can keep; past that it keeps everything. 10 to 20 bytes of memory each
    /// while it runs. Default 16,777,216.
    pub collect_marks_max: usize,
    /// Blobs that one step of a collection removes. Default 1,024.
    pub collect_step_max: usize,
    /// Bytes that one step copies out of sparse packs. Default 64 MiB.
    pub compact_step_bytes_max: u64,
    /// How much of a pack, in percent, may belong to no blob before it is written anew. Default 50.
    pub pack_dead_percent_max: u64,
    /// A pack below this size is small. Default 1 MiB.
    pub pack_small_bytes: u64,
    /// Small packs; with more, a collection puts them together. Default 64.
    pub small_packs_max: usize,
    /// Bytes of one pack in an object store, which an upload holds in memory. Default 16 MiB.
    pub remote_pack_bytes_max: u64,
    /// Time for one request to an object store, with its retries. Default 60 s.
    pub remote_time_max: Duration,
    /// Bytes of the read cache of an object store. Default 1 GiB.
    pub remote_cache_bytes_max: u64,
}

impl Default for StorageLimits {
    fn default() -> Self {
        Self {
            packed_bytes_max: PACKED_BYTES_MAX,
            pack_bytes_max: PACK_BYTES_MAX,
            pack_entries_max: PACK_ENTRIES_MAX,
            batch_bytes_max: BATCH_BYTES_MAX,
            batch_blobs_max: BATCH_BLOBS_MAX,
            open_handles_max: OPEN_HANDLES_MAX,
            sync_each_max: SYNC_EACH_MAX,
            sync_threads_max: SYNC_THREADS_MAX,
            lock_wait_max: Duration::from_millis(LOCK_WAIT_MAX_MS),
            collect_marks_max: COLLECT_MARKS_MAX,
            collect_step_max: COLLECT_STEP_MAX,
            compact_step_bytes_max: COMPACT_STEP_BYTES_MAX,
            pack_dead_percent_max: PACK_DEAD_PERCENT_MAX,
            pack_small_bytes: PACK_SMALL_BYTES,
            small_packs_max: SMALL_PACKS_MAX,
            remote_pack_bytes_max: REMOTE_PACK_BYTES_MAX,
            remote_time_max: Duration::from_millis(REMOTE_TIME_MAX_MS),
            remote_cache_bytes_max: REMOTE_CACHE_BYTES_MAX,
        }
    }
}

const fn limit(name: &'static str, unit: Unit, default: u64, at_max: &'static str) -> Limit {
    Limit {
        name,
        unit,
        default,
        at_max,
    }
}

/// The table of this room's limits.
pub const LIMITS: &[Limit] = &[
    limit(
        "storage.packed_bytes_max",
        Unit::Bytes,
        PACKED_BYTES_MAX,
        "A blob of this size or more becomes a file of its own.",
    ),
    limit(
        "storage.pack_bytes_max",
        Unit::Bytes,
        PACK_BYTES_MAX,
        "The upload begins another pack.",
    ),
    limit(
        "storage.pack_entries_max",
        Unit::Count,
        PACK_ENTRIES_MAX as u64,
        "The upload begins another pack.",
    ),
    limit(
        "storage.batch_bytes_max",
        Unit::Bytes,
        BATCH_BYTES_MAX as u64,
        "The upload hashes and writes what it holds before it takes more.",
    ),
    limit(
        "storage.batch_blobs_max",
        Unit::Count,
        BATCH_BLOBS_MAX as u64,
        "The upload hashes and writes what it holds before it takes more.",
    ),
    limit(
        "storage.open_handles_max",
        Unit::Count,
        OPEN_HANDLES_MAX as u64,
        "The file that was not read for the longest time is closed.",
    ),
    limit(
        "storage.sync_each_max",
        Unit::Count,
        SYNC_EACH_MAX as u64,
        "The whole file system is synced once instead of file by file.",
    ),
    limit(
        "storage.sync_threads_max",
        Unit::Count,
        SYNC_THREADS_MAX as u64,
        "Files wait for their turn to be synced.",
    ),
    limit(
        "storage.lock_wait_max",
        Unit::Milliseconds,
        LOCK_WAIT_MAX_MS,
        "Opening fails and says that another process uses the folder.",
    ),
    limit(
        "storage.snapshot_change_count_max",
        Unit::Count,
        SNAPSHOT_CHANGE_COUNT_MAX as u64,
        "The snapshot is written whole.",
    ),
    limit(
        "storage.snapshot_fold_count_max",
        Unit::Count,
        SNAPSHOT_FOLD_COUNT_MAX as u64,
        "The changes are folded into a whole snapshot, behind the deployments.",
    ),
    limit(
        "storage.snapshot_fold_bytes_max",
        Unit::Bytes,
        SNAPSHOT_FOLD_BYTES_MAX as u64,
        "The changes are folded, once they are snapshot_fold_percent_max of the whole snapshot, too.",
    ),
    limit(
        "storage.snapshot_fold_percent_max",
        Unit::Count,
        SNAPSHOT_FOLD_PERCENT_MAX as u64,
        "The changes are folded, once they are snapshot_fold_bytes_max, too.",
    ),
    limit(
        "storage.snapshot_changes_folds_max",
        Unit::Count,
        SNAPSHOT_CHANGES_FOLDS_MAX as u64,
        "The snapshot is written whole: the changes are so many times what is folded.",
    ),
    limit(
        "storage.snapshot_large_change_bytes",
        Unit::Bytes,
        SNAPSHOT_LARGE_CHANGE_BYTES as u64,
        "The snapshot is written whole, if the change is snapshot_large_change_percent of it, too.",
    ),
    limit(
        "storage.snapshot_large_change_percent",
        Unit::Count,
        SNAPSHOT_LARGE_CHANGE_PERCENT as u64,
        "The snapshot is written whole, if the change is snapshot_large_change_bytes, too.",
    ),
    limit(
        "storage.snapshot_looks_max",
        Unit::Count,
        SNAPSHOT_LOOKS_MAX as u64,
        "The doctor says what it saw last.",
    ),
    limit(
        "storage.collect_marks_max",
        Unit::Count,
        COLLECT_MARKS_MAX as u64,
        "The collection removes nothing and says so.",
    ),
    limit(
        "storage.collect_step_max",
        Unit::Count,
        COLLECT_STEP_MAX as u64,
        "The rest is removed by the next step.",
    ),
    limit(
        "storage.compact_step_bytes_max",
        Unit::Bytes,
        COMPACT_STEP_BYTES_MAX,
        "The rest is copied by the next step.",
    ),
    limit(
        "storage.pack_dead_percent_max",
        Unit::Count,
        PACK_DEAD_PERCENT_MAX,
        "The next collection writes the pack anew.",
    ),
    limit(
        "storage.pack_small_bytes",
        Unit::Bytes,
        PACK_SMALL_BYTES,
        "The pack is not put together with others.",
    ),
    limit(
        "storage.small_packs_max",
        Unit::Count,
        SMALL_PACKS_MAX as u64,
        "The next collection puts small packs together.",
    ),
    limit(
        "storage.remote_pack_bytes_max",
        Unit::Bytes,
        REMOTE_PACK_BYTES_MAX,
        "The upload sends the pack and begins another.",
    ),
    limit(
        "storage.remote_time_max",
        Unit::Milliseconds,
        REMOTE_TIME_MAX_MS,
        "The request to the object store counts as failed.",
    ),
    limit(
        "storage.remote_cache_bytes_max",
        Unit::Bytes,
        REMOTE_CACHE_BYTES_MAX,
        "What was not read for the longest time leaves the cache.",
    ),
];
