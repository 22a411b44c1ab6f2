//! The published snapshot: written by the control plane, taken up by edges, the one thing that crosses.
//!
//! A snapshot is written whole, or as a change behind the one before it, so that one more deployment costs what
//! it changes and not what there is. From time to time the changes are folded into a whole snapshot.
//!
//! The two newest whole versions stay on disk with the changes since, each a file with a checksum. One that is
//! torn is set aside with an event and the one before it holds.

mod file;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use holm_telemetry::event::StorageDamaged;
use tokio::sync::watch;

use crate::limits::{SNAPSHOT_CHANGE_COUNT_MAX, SNAPSHOT_CHANGES_BYTES_MAX};
use file::Part;

/// Whole versions that stay on disk.
const KEPT_COUNT: usize = 2;

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
        let bytes: usize = self.changes.iter().map(|change| change.bytes.len()).sum();
        let bytes_max = SNAPSHOT_CHANGES_BYTES_MAX.max(self.whole.len() / 4);
        self.changes.len() >= SNAPSHOT_CHANGE_COUNT_MAX / 2 || bytes > bytes_max
    }
}

/// Why a snapshot could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {}", path.display())]
pub struct SnapshotStoreError {
    /// A present-tense verb phrase.
    pub doing: &'static str,
    /// Which file.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

fn failed<'a>(
    doing: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> SnapshotStoreError + 'a {
    move |source| SnapshotStoreError {
        doing,
        path: path.to_owned(),
        source,
    }
}

/// Keeps the newest snapshot on disk and tells those who wait. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SnapshotStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    newest: watch::Sender<Option<PublishedSnapshot>>,
    acknowledged: watch::Sender<u64>,
    /// One publishes at a time.
    publishing: Mutex<()>,
}

impl SnapshotStore {
    /// Opens the folder (made if absent) and reads the newest snapshot that is whole.
    ///
    /// # Errors
    /// When the disk refuses, or when the newest file was written by a later version of this program.
    pub fn open(folder: &Path) -> Result<Self, SnapshotStoreError> {
        fs::create_dir_all(folder).map_err(failed("create", folder))?;
        let newest = read_newest(folder)?;
        let inner = Inner {
            folder: folder.to_owned(),
            newest: watch::Sender::new(newest),
            acknowledged: watch::Sender::new(0),
            publishing: Mutex::new(()),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The newest snapshot. `None` before the first.
    pub fn newest(&self) -> Option<PublishedSnapshot> {
        self.inner.newest.borrow().clone()
    }

    /// The version of the newest snapshot. `None` before the first.
    pub fn newest_version(&self) -> Option<u64> {
        let newest = self.inner.newest.borrow();
        newest.as_ref().map(|newest| newest.version)
    }

    /// Writes a whole snapshot (temporary name, sync, rename) and tells the edges. A version that is not newer
    /// than the newest is ignored. Blocks on the disk.
    ///
    /// # Errors
    /// When the disk refuses; the newest snapshot stays what it was.
    pub fn publish(&self, version: u64, bytes: Bytes) -> Result<(), SnapshotStoreError> {
        let _publishing = self.only_one();
        if self.newest_version() >= Some(version) {
            return Ok(());
        }
        file::write(&self.inner.folder, Part::whole(version), &bytes)?;
        let snapshot = PublishedSnapshot::whole(version, bytes);
        self.inner.newest.send_replace(Some(snapshot));
        remove_old(&self.inner.folder);
        Ok(())
    }

    /// Writes what changed since a version and tells the edges. False, and nothing is done, when there is no
    /// snapshot that it can be applied to, or too many changes lie on that already: then a whole one has to be
    /// published. A version that is not newer than the newest is ignored. Blocks on the disk.
    ///
    /// # Errors
    /// When the disk refuses; the newest snapshot stays what it was.
    pub fn publish_change(&self, change: PublishedChange) -> Result<bool, SnapshotStoreError> {
        let _publishing = self.only_one();
        let Some(newest) = self.newest() else {
            return Ok(false);
        };
        if newest.version >= change.version {
            return Ok(true);
        }
        if newest.version < change.since || newest.changes.len() >= SNAPSHOT_CHANGE_COUNT_MAX {
            return Ok(false);
        }
        let part = Part::change(change.since, change.version);
        file::write(&self.inner.folder, part, &change.bytes)?;
        self.inner.newest.send_replace(Some(newest.with(change)));
        Ok(true)
    }

    /// Puts a version that was published as changes in the place of these changes, whole. What came behind it
    /// meanwhile stays behind it. Nobody is told: the version is no news. Blocks on the disk.
    ///
    /// # Errors
    /// When the disk refuses; the newest snapshot stays what it was.
    pub fn fold(&self, version: u64, bytes: Bytes) -> Result<(), SnapshotStoreError> {
        let _publishing = self.only_one();
        let Some(mut newest) = self.newest() else {
            return Ok(());
        };
        if !newest
            .changes
            .iter()
            .any(|change| change.version == version)
        {
            return Ok(());
        }
        file::write(&self.inner.folder, Part::whole(version), &bytes)?;
        newest.whole = bytes;
        newest.changes.retain(|change| change.version > version);
        self.inner.newest.send_if_modified(|kept| {
            *kept = Some(newest);
            false
        });
        remove_old(&self.inner.folder);
        Ok(())
    }

    fn only_one(&self) -> MutexGuard<'_, ()> {
        let publishing = self.inner.publishing.lock();
        publishing.unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes of the newest snapshot.
    pub fn subscribe(&self) -> watch::Receiver<Option<PublishedSnapshot>> {
        self.inner.newest.subscribe()
    }

    /// An edge says that it serves this version.
    pub fn acknowledge(&self, version: u64) {
        self.inner.acknowledged.send_if_modified(|acknowledged| {
            let is_news = version > *acknowledged;
            *acknowledged = version.max(*acknowledged);
            is_news
        });
    }

    /// Waits until the edge serves this version or a newer one. False when it did not within `wait_max`.
    pub async fn taken_up(&self, version: u64, wait_max: Duration) -> bool {
        let mut acknowledged = self.inner.acknowledged.subscribe();
        let taken_up = acknowledged.wait_for(|acknowledged| *acknowledged >= version);
        matches!(tokio::time::timeout(wait_max, taken_up).await, Ok(Ok(_)))
    }
}

/// Whole snapshots or changes on disk, newest first.
fn versions(
    folder: &Path,
    version_of: fn(&Path) -> Option<u64>,
) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut versions = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if let Some(version) = version_of(&path) {
            versions.push((version, path));
        }
    }
    versions.sort_unstable_by(|one, other| other.cmp(one));
    Ok(versions)
}

fn read_newest(folder: &Path) -> Result<Option<PublishedSnapshot>, SnapshotStoreError> {
    for (version, path) in versions(folder, file::version_of).map_err(failed("list", folder))? {
        let Some((_, bytes)) = read(version, &path)? else {
            continue;
        };
        let changes = read_changes(folder, version)?;
        return Ok(Some(PublishedSnapshot {
            version: changes.last().map_or(version, |last| last.version),
            whole: bytes,
            changes,
        }));
    }
    Ok(None)
}

/// The changes behind a whole version, as far as they hang together. Nothing can be applied behind one that is
/// torn or lost: what is there is removed, so that it never comes behind another change of the same number.
fn read_changes(folder: &Path, whole: u64) -> Result<Vec<PublishedChange>, SnapshotStoreError> {
    let mut changes: Vec<PublishedChange> = Vec::new();
    let mut is_broken = false;
    let files = versions(folder, file::changed_version_of).map_err(failed("list", folder))?;
    let behind = files.into_iter().rev();
    for (version, path) in behind.skip_while(|(version, _)| *version <= whole) {
        let reached = changes.last().map_or(whole, |last| last.version);
        let found = if is_broken {
            None
        } else {
            read(version, &path)?
        };
        if let Some((since, bytes)) = found.filter(|(since, _)| *since <= reached) {
            changes.push(PublishedChange {
                since,
                version,
                bytes,
            });
        } else {
            is_broken = true;
            remove(&path)?;
        }
    }
    Ok(changes)
}

/// Removes a file that may have been set aside before.
fn remove(path: &Path) -> Result<(), SnapshotStoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Since which version a file holds, and what. `None` when it is torn and was set aside.
fn read(version: u64, path: &Path) -> Result<Option<(u64, Bytes)>, SnapshotStoreError> {
    let bytes = fs::read(path).map_err(failed("read snapshot", path))?;
    match file::decode(version, bytes.into()) {
        Ok(found) => Ok(Some(found)),
        Err(file::Fault::Torn(reason)) => {
            set_aside(path, reason)?;
            Ok(None)
        }
        Err(file::Fault::Newer) => {
            let reason = "written by a later version of this program";
            let error = io::Error::new(io::ErrorKind::Unsupported, reason);
            Err(failed("read snapshot", path)(error))
        }
    }
}

fn set_aside(path: &Path, reason: &str) -> Result<(), SnapshotStoreError> {
    fs::rename(path, path.with_extension("damaged")).map_err(failed("set aside", path))?;
    let reason = format!("{reason}; it was set aside and the version before it holds");
    StorageDamaged {
        path: path.display().to_string(),
        reason,
    }
    .emit();
    Ok(())
}

/// Left-over files do no harm: the next publishing tries again.
fn remove_old(folder: &Path) {
    let mut whole = versions(folder, file::version_of).unwrap_or_default();
    let old = whole.split_off(whole.len().min(KEPT_COUNT));
    // A change is of use only behind a whole version that is kept.
    let oldest_kept = whole.last().map_or(0, |(version, _)| *version);
    let changes = versions(folder, file::changed_version_of).unwrap_or_default();
    let idle = changes
        .into_iter()
        .filter(|(version, _)| *version <= oldest_kept);
    old.into_iter()
        .chain(idle)
        .for_each(|(_, path)| drop(fs::remove_file(path)));
}
