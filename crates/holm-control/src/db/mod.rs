//! The database: the only place with SQL. Others say what they mean in row types, through [`View`]
//! for reading and [`Change`] for writing.
//!
//! SQLite in WAL mode with `synchronous=FULL`. One thread writes, in batches (group commit), and
//! acknowledges only after COMMIT; a few connections read, each read seeing one moment.

mod alias;
pub(crate) mod announced;
mod answer;
pub(crate) mod audit;
mod column;
mod credential;
mod deployment;
mod event;
mod guard;
mod health;
mod instance;
mod invitation;
mod migrations;
mod project;
mod reader;
mod retention;
mod settings;
mod storage;
mod sweep;
mod user;
mod variable;
mod writer;

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

pub(crate) use alias::{AliasKind, AliasRow, ListedAlias, MoveCause};
pub(crate) use answer::AnswerRow;
pub(crate) use audit::{AuditFilter, AuditRow, Trail};
pub(crate) use credential::{NEVER, SessionRow, TokenRow};
pub(crate) use deployment::{DeploymentRow, HostRow, NewDeployment, Sealing};
pub(crate) use guard::{GuardRow, ProtectionRow};
pub(crate) use health::{HealthRow, open_for_check};
pub(crate) use instance::HostChanges;
pub(crate) use invitation::InvitationRow;
pub(crate) use project::{ProjectHost, ProjectRow};
pub(crate) use settings::SettingsRow;
pub(crate) use variable::{DeploymentVariableRow, StoredValue, VariableRow};

pub(crate) use user::UserRow;

use crate::app::backup::ScratchFile;
use crate::limits::ControlLimits;

/// Why the database could not do something.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DbError {
    /// SQLite said no.
    #[error("{doing}")]
    Sql {
        /// A present-tense verb phrase.
        doing: &'static str,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// The batch that held this change could not be committed; nothing of it was kept.
    #[error("commit a batch of changes")]
    Commit(#[source] Arc<rusqlite::Error>),
    /// The file was made by a newer program.
    #[error("the database has schema {found}, this program reads up to {newest}")]
    TooNew {
        /// The file's schema.
        found: i64,
        /// The newest that is understood.
        newest: i64,
    },
    /// A stored value is not what was written.
    #[error("a stored {what} cannot be read")]
    Damaged {
        /// Which kind of value.
        what: &'static str,
    },
    /// Too many changes wait.
    #[error("queue a change: the queue of {queue_max} is full")]
    Busy {
        /// How many may wait.
        queue_max: usize,
    },
    /// The database is closed, or the change itself panicked.
    #[error("the database is closed")]
    Closed,
    /// The place for a copy cannot be used.
    #[error("make room for a copy of the database")]
    Copy(#[source] std::io::Error),
    /// A thread could not be started.
    #[error("start the database's writer")]
    Thread(#[source] std::io::Error),
}

impl DbError {
    /// For `map_err`: names what was being done.
    pub(crate) fn sql(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Sql { doing, source }
    }
}

/// One moment of the database, for reading.
#[derive(Debug)]
pub(crate) struct View<'c> {
    connection: &'c Connection,
}

/// A change in the making: everything that a [`View`] can, and writing. Kept as a whole or not at all.
#[derive(Debug)]
pub(crate) struct Change<'c> {
    view: View<'c>,
}

impl<'c> std::ops::Deref for Change<'c> {
    type Target = View<'c>;

    fn deref(&self) -> &View<'c> {
        &self.view
    }
}

impl<'c> Change<'c> {
    fn new(connection: &'c Connection) -> Self {
        Self {
            view: View { connection },
        }
    }
}

/// The database, open. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Db {
    writer: writer::Writer,
    readers: reader::Readers,
    folder: Arc<Path>,
}

impl Db {
    /// Opens the file (made if absent) and brings its schema up to date.
    pub(crate) fn open(file: &Path, limits: &ControlLimits, now_ms: i64) -> Result<Self, DbError> {
        let mut connection = Connection::open(file).map_err(DbError::sql("open the database"))?;
        configure(&connection)?;
        migrations::migrate(&mut connection, now_ms)?;
        Ok(Self {
            readers: reader::Readers::open(file, limits.db_readers_max)?,
            writer: writer::Writer::start(file, connection, limits)?,
            folder: file.parent().unwrap_or(Path::new(".")).into(),
        })
    }

    /// The folder that the file is in: on the server's own disk, and closed to others.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes a change; returns after it is durable. When `change` fails, nothing of it is kept. The
    /// first change of a request takes its row of the audit log along.
    pub(crate) async fn write<T, E>(
        &self,
        change: impl FnOnce(&Change<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let trail = audit::Trail::current();
        let on_trail = trail.clone();
        let change = move |to: &Change<'_>| {
            let done = change(to)?;
            if let Some(row) = on_trail.and_then(|trail| trail.unkept()) {
                to.insert_audit(&row)?;
            }
            Ok(done)
        };
        let (reply, answer) = tokio::sync::oneshot::channel();
        self.writer.submit(change, move |outcome: Result<T, E>| {
            if let Some(trail) = trail.filter(|_| outcome.is_ok()) {
                trail.kept();
            }
            // Whoever asked may have gone; the change stands all the same.
            drop(reply.send(outcome));
        })?;
        answer.await.unwrap_or(Err(DbError::Closed.into()))
    }

    /// Makes a change that nobody waits for: it comes after every change submitted before, and is lost
    /// when it fails. For what is only told.
    pub(crate) fn write_unawaited(
        &self,
        change: impl FnOnce(&Change<'_>) -> Result<(), DbError> + Send + 'static,
        then: impl FnOnce() + Send + 'static,
    ) {
        // A full queue says that there is more important work.
        drop(
            self.writer
                .submit(change, move |outcome: Result<(), DbError>| {
                    if outcome.is_ok() {
                        then();
                    }
                }),
        );
    }

    /// As [`Db::write`], for callers outside of any runtime. Blocks the thread.
    pub(crate) fn write_blocking<T, E>(
        &self,
        change: impl FnOnce(&Change<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (reply, answer) = std::sync::mpsc::sync_channel(1);
        self.writer
            .submit(change, move |outcome| drop(reply.send(outcome)))?;
        answer.recv().unwrap_or(Err(DbError::Closed.into()))
    }

    /// Looks at one moment of the database, on a blocking thread.
    pub(crate) async fn read<T, E>(
        &self,
        look: impl FnOnce(&View<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let readers = self.readers.clone();
        let _place = readers.place().await;
        tokio::task::spawn_blocking(move || readers.read(look))
            .await
            .unwrap_or(Err(DbError::Closed.into()))
    }

    /// As [`Db::read`], on this thread.
    pub(crate) fn read_blocking<T, E: From<DbError>>(
        &self,
        look: impl FnOnce(&View<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.readers.read(look)
    }

    /// A copy of the file as it is at one moment, made while others read and write.
    pub(crate) async fn copy(&self) -> Result<ScratchFile, DbError> {
        let readers = self.readers.clone();
        let _place = readers.place().await;
        tokio::task::spawn_blocking(move || readers.copy())
            .await
            .unwrap_or(Err(DbError::Closed))
    }

    /// Commits what waits, moves the log into the file, ends the writer. Later changes are refused.
    pub(crate) fn close(&self) {
        self.writer.close();
    }
}

/// What every connection is told first.
fn configure(connection: &Connection) -> Result<(), DbError> {
    connection
        .busy_timeout(std::time::Duration::from_secs(5))
        .and_then(|()| {
            connection.execute_batch(
                "PRAGMA journal_mode = WAL;
                 PRAGMA synchronous = FULL;
                 PRAGMA foreign_keys = ON;
                 PRAGMA wal_autocheckpoint = 0;
                 PRAGMA trusted_schema = OFF;",
            )
        })
        .map_err(DbError::sql("configure a database connection"))
}

/// Opens a connection that cannot write.
fn open_read_only(file: &Path) -> Result<Connection, DbError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)
        .map_err(DbError::sql("open the database for reading"))?;
    connection
        .busy_timeout(std::time::Duration::from_secs(5))
        .map_err(DbError::sql("configure a database connection"))?;
    Ok(connection)
}

#[cfg(test)]
mod tests;
