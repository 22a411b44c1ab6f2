//! The published snapshot: written by the control plane, taken up by edges, the one thing that crosses.
//!
//! The two newest versions stay on disk, each a file with a checksum. One that is torn is set aside with
//! an event and the one before it holds.

mod file;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use holm_telemetry::event::StorageDamaged;
use tokio::sync::watch;

/// Versions that stay on disk.
const KEPT_COUNT: usize = 2;

/// One version of the snapshot, unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedSnapshot {
    /// Only grows.
    pub version: u64,
    /// As `holm_site::codec::encode_snapshot` made it.
    pub bytes: Bytes,
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

    /// Writes a snapshot (temporary name, sync, rename) and tells the edges. A version that is not newer
    /// than the newest is ignored. Blocks on the disk.
    ///
    /// # Errors
    /// When the disk refuses; the newest snapshot stays what it was.
    pub fn publish(&self, snapshot: PublishedSnapshot) -> Result<(), SnapshotStoreError> {
        let _publishing = self
            .inner
            .publishing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let newest = self
            .inner
            .newest
            .borrow()
            .as_ref()
            .map(|newest| newest.version);
        if newest.is_some_and(|newest| snapshot.version <= newest) {
            return Ok(());
        }
        file::write(&self.inner.folder, &snapshot)?;
        self.inner.newest.send_replace(Some(snapshot));
        remove_old(&self.inner.folder);
        Ok(())
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

/// Snapshots on disk, newest first.
fn versions(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut versions = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if let Some(version) = file::version_of(&path) {
            versions.push((version, path));
        }
    }
    versions.sort_unstable_by(|one, other| other.cmp(one));
    Ok(versions)
}

fn read_newest(folder: &Path) -> Result<Option<PublishedSnapshot>, SnapshotStoreError> {
    for (version, path) in versions(folder).map_err(failed("list", folder))? {
        let bytes = fs::read(&path).map_err(failed("read snapshot", &path))?;
        match file::decode(version, bytes.into()) {
            Ok(bytes) => return Ok(Some(PublishedSnapshot { version, bytes })),
            Err(file::Fault::Torn(reason)) => set_aside(&path, reason)?,
            Err(file::Fault::Newer) => {
                let reason = "written by a later version of this program";
                let error = io::Error::new(io::ErrorKind::Unsupported, reason);
                return Err(failed("read snapshot", &path)(error));
            }
        }
    }
    Ok(None)
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
    let old = versions(folder)
        .unwrap_or_default()
        .into_iter()
        .skip(KEPT_COUNT);
    old.for_each(|(_, path)| drop(fs::remove_file(path)));
}
