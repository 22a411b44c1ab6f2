//! The published snapshot: written by the control plane, taken up by edges, the one thing that crosses.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

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
    pub path: std::path::PathBuf,
    /// Why.
    #[source]
    pub source: std::io::Error,
}

/// Keeps the newest snapshot on disk and tells those who wait. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SnapshotStore {
    _inner: Arc<()>,
}

impl SnapshotStore {
    /// Opens the folder (made if absent) and reads the newest snapshot that is whole.
    pub fn open(folder: &Path) -> Result<Self, SnapshotStoreError> {
        let _ = folder;
        todo!("helper: storage")
    }

    /// The newest snapshot. `None` before the first.
    pub fn newest(&self) -> Option<PublishedSnapshot> {
        todo!("helper: storage")
    }

    /// Writes a snapshot (temporary name, sync, rename) and tells the edges. An older version than
    /// the newest is ignored.
    pub fn publish(&self, snapshot: PublishedSnapshot) -> Result<(), SnapshotStoreError> {
        let _ = snapshot;
        todo!("helper: storage")
    }

    /// Changes of the newest snapshot.
    pub fn subscribe(&self) -> watch::Receiver<Option<PublishedSnapshot>> {
        todo!("helper: storage")
    }

    /// An edge says that it serves this version.
    pub fn acknowledge(&self, version: u64) {
        let _ = version;
        todo!("helper: storage")
    }

    /// Waits until the edge serves this version or a newer one. False when it did not within `wait_max`.
    pub async fn taken_up(&self, version: u64, wait_max: Duration) -> bool {
        let _ = (version, wait_max);
        todo!("helper: storage")
    }
}
