//! The data folder: where everything lives, held by one server at a time.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use holm_control::{BackupFile, SECRET_KEY_FILE};

use crate::restore::refuse_half_restored;

/// The data folder, locked for as long as this value lives.
#[derive(Debug)]
pub(crate) struct DataFolder {
    root: PathBuf,
    _lock: File,
}

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataFolderError {
    /// It cannot be made or opened.
    #[error("open the data folder {}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A back-up was being restored into it, and that did not end.
    #[error("the data folder {} holds half of a back-up", path.display())]
    HalfRestored {
        /// Which.
        path: PathBuf,
    },
    /// Another server holds it.
    #[error("the data folder {} is in use by another Holm", path.display())]
    InUse {
        /// Which.
        path: PathBuf,
    },
}

impl DataFolderError {
    pub(crate) fn is_in_use(&self) -> bool {
        matches!(self, Self::InUse { .. })
    }

    pub(crate) fn hint(&self) -> String {
        match self {
            Self::InUse { .. } => {
                "stop the other one, take its place with `holm serve --take-over`, deploy to it with `holm deploy`, or choose another folder with --data".to_owned()
            }
            Self::HalfRestored { .. } => {
                "run `holm restore` into this folder again, or remove the folder".to_owned()
            }
            Self::Io { .. } => "choose a folder that you may write with --data".to_owned(),
        }
    }
}

impl DataFolder {
    /// Makes the folder if it is absent (readable by its owner only) and locks it.
    pub(crate) fn lock(root: &Path) -> Result<Self, DataFolderError> {
        let held = Self::lock_for_restore(root)?;
        refuse_half_restored(&held.layout())?;
        Ok(held)
    }

    /// As [`DataFolder::lock`], also when half of a back-up is in it.
    pub(crate) fn lock_for_restore(root: &Path) -> Result<Self, DataFolderError> {
        let io = |source| DataFolderError::Io {
            path: root.to_owned(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(root)
            .map_err(io)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(root.join("lock"))
            .map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {
                close_to_others(root, &lock).map_err(io)?;
                Ok(Self {
                    root: root.to_owned(),
                    _lock: lock,
                })
            }
            Err(TryLockError::WouldBlock) => Err(DataFolderError::InUse {
                path: root.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }

    /// Where each thing lives.
    pub(crate) fn layout(&self) -> Layout {
        Layout::of(&self.root)
    }
}

/// Takes the rights of everybody else from a folder that was there before with wider ones. One that
/// belongs to another user than the lock in it is left alone: its rights are that user's to set.
fn close_to_others(root: &Path, lock: &File) -> std::io::Result<()> {
    let folder = std::fs::metadata(root)?;
    let is_open = folder.permissions().mode() & 0o077 != 0;
    if !is_open || folder.uid() != lock.metadata()?.uid() {
        return Ok(());
    }
    std::fs::set_permissions(root, Permissions::from_mode(0o700))
}

/// Where each thing lives in a data folder.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// Blobs by digest.
    pub(crate) blobs: PathBuf,
    /// The index of encoded forms.
    pub(crate) variants: PathBuf,
    /// The published snapshot.
    pub(crate) snapshots: PathBuf,
    /// The control plane's database.
    pub(crate) database: PathBuf,
    /// Access records.
    pub(crate) records: PathBuf,
    /// The certificate for development.
    pub(crate) tls: PathBuf,
    /// The socket where a next server asks for everything.
    pub(crate) handover: PathBuf,
    /// The sample project, when `up` is not given a folder.
    pub(crate) sample: PathBuf,
    /// Who this server is to its object store.
    pub(crate) store_owner: PathBuf,
    /// What was read from an object store; may be lost at any time.
    pub(crate) cache: PathBuf,
    /// The engines that run functions, fetched for this machine; may be lost at any time.
    pub(crate) runtimes: PathBuf,
    /// The folders of running function processes.
    pub(crate) run: PathBuf,
    /// There while a back-up is being restored into the folder.
    pub(crate) restoring: PathBuf,
    root: PathBuf,
}

impl Layout {
    pub(crate) fn of(root: &Path) -> Self {
        Self {
            blobs: root.join("blobs"),
            variants: root.join("variants.index"),
            snapshots: root.join("snapshots"),
            database: root.join("control.db"),
            records: root.join("records"),
            tls: root.join("tls"),
            handover: root.join("handover.sock"),
            sample: root.join("sample"),
            store_owner: root.join("store-owner"),
            cache: root.join("cache"),
            runtimes: root.join("runtimes"),
            run: root.join("run"),
            restoring: root.join("restoring"),
            root: root.to_owned(),
        }
    }
}

impl Layout {
    /// The data folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What a back-up has beside the database and the blobs. The published snapshot is not among it: the
    /// server makes it from the database when it starts.
    pub(crate) fn backup_files(&self) -> Vec<BackupFile> {
        let file = |name: &str, path: PathBuf| BackupFile {
            name: name.to_owned(),
            path,
            is_key: false,
        };
        vec![
            file("holm.toml", self.root.join("holm.toml")),
            file("variants.index", self.variants.clone()),
            BackupFile {
                is_key: true,
                ..file(SECRET_KEY_FILE, self.root.join(SECRET_KEY_FILE))
            },
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_is_refused_while_the_first_lives() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("data");
        let first = DataFolder::lock(&root).unwrap();
        assert!(DataFolder::lock(&root).unwrap_err().is_in_use());
        drop(first);
        assert!(DataFolder::lock(&root).is_ok());
    }

    #[test]
    fn only_the_owner_may_look_inside() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("data");
        let mode = || std::fs::metadata(&root).unwrap().permissions().mode() & 0o777;
        drop(DataFolder::lock(&root).unwrap());
        assert_eq!(mode(), 0o700);
        std::fs::set_permissions(&root, Permissions::from_mode(0o755)).unwrap();
        let _held = DataFolder::lock(&root).unwrap();
        assert_eq!(mode(), 0o700);
    }
}
