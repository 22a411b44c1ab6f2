//! The connections that read, and who may use one now.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{DbError, View, open_read_only};
use crate::app::backup::ScratchFile;

/// A few read-only connections. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    file: std::path::PathBuf,
    idle: Mutex<Vec<Connection>>,
    idle_max: usize,
    places: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn open(file: &Path, readers_max: usize) -> Result<Self, DbError> {
        let first = open_read_only(file)?;
        Ok(Self {
            shared: Arc::new(Shared {
                file: file.to_owned(),
                idle: Mutex::new(vec![first]),
                idle_max: readers_max,
                places: Arc::new(Semaphore::new(readers_max)),
            }),
        })
    }

    /// Waits until fewer than the maximum read. `None` never happens while the pool lives.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.shared.places).acquire_owned().await.ok()
    }

    /// Lets `look` see one moment of the database.
    pub(super) fn read<T, E: From<DbError>>(
        &self,
        look: impl FnOnce(&View<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.take()?;
        let outcome = {
            let moment = connection
                .transaction()
                .map_err(DbError::sql("begin to read"))?;
            look(&View {
                connection: &moment,
            })
        };
        self.put_back(connection);
        outcome
    }

    /// Copies the whole file with SQLite's back-up, in one step and so from one moment.
    pub(super) fn copy(&self) -> Result<ScratchFile, DbError> {
        let path = self.shared.file.with_added_extension("copy");
        let scratch = ScratchFile(path);
        match std::fs::remove_file(scratch.path()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(DbError::Copy(error));
            }
            _ => {}
        }
        let source = self.take()?;
        let mut copy = Connection::open(scratch.path())
            .map_err(DbError::sql("make a copy of the database"))?;
        let outcome = copy_all(&source, &mut copy);
        self.put_back(source);
        outcome.map_err(DbError::sql("copy the database"))?;
        Ok(scratch)
    }

    fn take(&self) -> Result<Connection, DbError> {
        let idle = self.lock().pop();
        match idle {
            Some(connection) => Ok(connection),
            None => open_read_only(&self.shared.file),
        }
    }

    fn put_back(&self, connection: Connection) {
        let mut idle = self.lock();
        if idle.len() < self.shared.idle_max {
            idle.push(connection);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        // A panic while it was held cannot have left the list half changed.
        self.shared
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn copy_all(source: &Connection, copy: &mut Connection) -> rusqlite::Result<()> {
    const ALL: std::ffi::c_int = -1;
    {
        let backup = Backup::new(source, copy)?;
        // Within WAL mode a reader is in nobody's way, so this is done at once.
        while backup.step(ALL)? != StepResult::Done {}
    }
    // A file of its own, readable without a log beside it.
    copy.pragma_update(None, "journal_mode", "DELETE")
}
