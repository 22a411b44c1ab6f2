//! The published snapshot: written by the control plane, taken up by edges, the one thing that crosses.
//!
//! A snapshot is written whole, or as a change behind the one before it, so that one more deployment costs what
//! it changes and not what there is. From time to time the changes are folded into a whole snapshot.
//!
//! The two newest whole versions stay on disk with the changes since, each a file with a checksum. One that is
//! torn is set aside with an event and the one before it holds.

mod file;
mod folder;
mod published;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use holm_telemetry::event::StorageDamaged;
use tokio::sync::watch;

use crate::limits::SNAPSHOT_LOOKS_MAX;
use file::Part;
pub use published::{PublishedChange, PublishedSnapshot};

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

/// What a folder holds, for who only looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotLook {
    /// The version that an edge would serve after a start. `None` when there is none that can be read.
    pub version: Option<u64>,
    /// Files that are not whole; the next start sets them aside.
    pub torn: Vec<PathBuf>,
    /// Changes behind one that is torn or lost, which nobody can read any more; the next publishing removes them.
    pub cut_off: Vec<PathBuf>,
    /// Files that were not whole at an earlier start.
    pub set_aside: Vec<PathBuf>,
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
    publishing: Mutex<Disk>,
    /// One folds at a time, beside who publishes.
    folding: Mutex<()>,
}

/// What is to be known about the folder before something is published.
#[derive(Debug)]
struct Disk {
    /// Whether a change may be written behind the whole version: a program that knows no changes has to see
    /// that it cannot read that.
    takes_changes: bool,
    /// Changes that nothing leads to, oldest first. They have to go before something is published, or they
    /// would come behind it.
    cut_off: Vec<PathBuf>,
}

impl Disk {
    /// Newest first, so that what a crash leaves is still cut off.
    fn remove_cut_off(&mut self) -> Result<(), SnapshotStoreError> {
        while let Some(path) = self.cut_off.last() {
            folder::remove(path)?;
            self.cut_off.pop();
        }
        Ok(())
    }
}

impl SnapshotStore {
    /// Opens the folder (made if absent) and reads the newest snapshot that is whole. What is not whole is set
    /// aside if the disk permits; nothing is removed.
    ///
    /// # Errors
    /// When the disk cannot be read, or when the newest file was written by a later version of this program.
    pub fn open(folder: &Path) -> Result<Self, SnapshotStoreError> {
        fs::create_dir_all(folder).map_err(failed("create", folder))?;
        let contents = folder::read(folder)?;
        let left = contents.torn.into_iter().filter_map(set_aside);
        let inner = Inner {
            folder: folder.to_owned(),
            newest: watch::Sender::new(contents.newest),
            acknowledged: watch::Sender::new(0),
            publishing: Mutex::new(Disk {
                takes_changes: contents.takes_changes,
                cut_off: left.chain(contents.cut_off).collect(),
            }),
            folding: Mutex::new(()),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// What is in the folder. Changes nothing, and may be asked beside a running server.
    ///
    /// # Errors
    /// As [`SnapshotStore::open`]; with `NotFound` when there is no such folder.
    pub fn look(folder: &Path) -> Result<SnapshotLook, SnapshotStoreError> {
        let mut contents = folder::read(folder)?;
        let mut looks_left = SNAPSHOT_LOOKS_MAX - 1;
        while contents.is_moving && looks_left > 0 {
            looks_left -= 1;
            contents = folder::read(folder)?;
        }
        Ok(SnapshotLook {
            version: contents.newest.map(|newest| newest.version),
            torn: contents.torn.into_iter().map(|(path, _)| path).collect(),
            cut_off: contents.cut_off,
            set_aside: contents.set_aside,
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
        let mut disk = self.disk();
        if self.newest_version() >= Some(version) {
            return Ok(());
        }
        disk.remove_cut_off()?;
        file::write(&self.inner.folder, Part::whole(version), &bytes)?;
        disk.takes_changes = true;
        let snapshot = PublishedSnapshot::whole(version, bytes);
        self.inner.newest.send_replace(Some(snapshot));
        folder::remove_old(&self.inner.folder);
        Ok(())
    }

    /// Writes what changed since a version and tells the edges. False, and nothing is done, when a whole one has
    /// to be published: there is no snapshot that the change can be applied to, too much lies on that already,
    /// the change is not much smaller than it, or an earlier program wrote it. A version that is not newer than
    /// the newest is ignored. Blocks on the disk.
    ///
    /// # Errors
    /// When the disk refuses; the newest snapshot stays what it was.
    pub fn publish_change(&self, change: PublishedChange) -> Result<bool, SnapshotStoreError> {
        let mut disk = self.disk();
        let Some(newest) = self.newest() else {
            return Ok(false);
        };
        if newest.version >= change.version {
            return Ok(true);
        }
        if !disk.takes_changes || newest.version < change.since || !newest.has_room_for(&change) {
            return Ok(false);
        }
        disk.remove_cut_off()?;
        let part = Part::change(change.since, change.version);
        file::write(&self.inner.folder, part, &change.bytes)?;
        self.inner.newest.send_replace(Some(newest.with(change)));
        Ok(true)
    }

    /// Puts a version that was published as changes in the place of these changes, whole. What came behind it
    /// meanwhile stays behind it. Nobody is told: the version is no news. Blocks on the disk, and keeps nobody
    /// from publishing meanwhile.
    ///
    /// # Errors
    /// When the disk refuses; the newest snapshot stays what it was.
    pub fn fold(&self, version: u64, bytes: Bytes) -> Result<(), SnapshotStoreError> {
        self.fold_by(version, bytes, |bytes| {
            file::write(&self.inner.folder, Part::whole(version), bytes)
        })
    }

    fn fold_by(
        &self,
        version: u64,
        bytes: Bytes,
        write: impl FnOnce(&Bytes) -> Result<(), SnapshotStoreError>,
    ) -> Result<(), SnapshotStoreError> {
        let folding = self.inner.folding.lock();
        let _folding = folding.unwrap_or_else(PoisonError::into_inner);
        self.disk().remove_cut_off()?;
        let has_change = |newest: &PublishedSnapshot| newest.has_change(version);
        if !self.newest().as_ref().is_some_and(has_change) {
            return Ok(());
        }
        write(&bytes)?;
        let mut disk = self.disk();
        self.inner.newest.send_if_modified(|newest| {
            // A whole one that was published meanwhile has taken all changes with it.
            if let Some(newest) = newest.as_mut().filter(|newest| has_change(newest)) {
                newest.fold(version, bytes);
                disk.takes_changes = true;
            }
            false
        });
        folder::remove_old(&self.inner.folder);
        Ok(())
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
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

/// Gives a file that is not whole another name. The file when the disk refuses: it is no snapshot all the same.
fn set_aside((path, reason): (PathBuf, &'static str)) -> Option<PathBuf> {
    let done = fs::rename(&path, path.with_extension(folder::SET_ASIDE));
    let what = match &done {
        Ok(()) => "it was set aside and the version before it holds".to_owned(),
        Err(error) => {
            format!("the version before it holds, but it cannot be set aside: {error}")
        }
    };
    StorageDamaged {
        path: path.display().to_string(),
        reason: format!("{reason}; {what}"),
    }
    .emit();
    done.is_err().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_keeps_nobody_from_publishing() {
        let folder = tempfile::tempdir().unwrap();
        let store = SnapshotStore::open(folder.path()).unwrap();
        let change = |version| PublishedChange {
            since: version - 1,
            version,
            bytes: "change".into(),
        };
        store.publish(1, "whole".into()).unwrap();
        assert!(store.publish_change(change(2)).unwrap());
        // Would never come back if whoever writes held what who publishes needs.
        let write_slowly = |_: &Bytes| {
            assert!(store.publish_change(change(3))?);
            Ok(())
        };
        store.fold_by(2, "folded".into(), write_slowly).unwrap();
        let newest = store.newest().unwrap();
        assert_eq!(newest.parts(), (&Bytes::from("folded"), &[change(3)][..]));
        // A whole one that comes meanwhile stays.
        let write_too_late = |_: &Bytes| store.publish(4, "newer".into());
        store.fold_by(3, "folded".into(), write_too_late).unwrap();
        let newest = store.newest().unwrap();
        assert_eq!(newest, PublishedSnapshot::whole(4, "newer".into()));
    }
}
