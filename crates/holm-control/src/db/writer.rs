//! The one thread that writes: takes what waits, runs it inside one transaction with a savepoint for
//! each change, commits once, and only then answers. So a hundred changes cost one sync, and a change
//! that fails takes no other down.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use holm_telemetry::event::{PanicCaught, TaskFailed};
use rusqlite::Connection;

use super::{Change, DbError};
use crate::error::{chain, panic_text};
use crate::limits::ControlLimits;

/// Told how the commit went; answers the one who asked.
type Acknowledge = Box<dyn FnOnce(Result<(), Arc<rusqlite::Error>>) + Send>;

/// Makes one change on the connection: whether to keep it, and how to answer.
type Job = Box<dyn FnOnce(&Connection) -> (Keep, Acknowledge) + Send>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Yes,
    No,
}

enum Message {
    Run(Job),
    Stop,
}

/// The way to the writing thread. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: SyncSender<Message>,
    queue_max: usize,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Run(_) => "Run",
            Self::Stop => "Stop",
        })
    }
}

impl Writer {
    pub(super) fn start(
        file: &Path,
        connection: Connection,
        limits: &ControlLimits,
    ) -> Result<Self, DbError> {
        let (queue, waiting) = sync_channel(limits.db_queue_max);
        let mut desk = Desk {
            connection,
            waiting,
            log_file: log_file(file),
            batch_max: limits.db_batch_max,
            log_bytes_max: limits.db_log_bytes_max,
            idle_time: limits.db_checkpoint_idle,
            has_unsaved_log: true,
        };
        let thread = std::thread::Builder::new()
            .name("holm-db-writer".to_owned())
            .spawn(move || desk.run())
            .map_err(DbError::Thread)?;
        Ok(Self {
            queue,
            queue_max: limits.db_queue_max,
            thread: Arc::new(Mutex::new(Some(thread))),
        })
    }

    /// Queues a change; `reply` is called on the writing thread when its fate is known.
    pub(super) fn submit<T, E>(
        &self,
        change: impl FnOnce(&Change<'_>) -> Result<T, E> + Send + 'static,
        reply: impl FnOnce(Result<T, E>) + Send + 'static,
    ) -> Result<(), DbError>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let job: Job = Box::new(move |connection| {
            let outcome = change(&Change::new(connection));
            let keep = if outcome.is_ok() { Keep::Yes } else { Keep::No };
            let acknowledge: Acknowledge = Box::new(move |committed| {
                reply(match committed {
                    Ok(()) => outcome,
                    Err(error) => Err(DbError::Commit(error).into()),
                });
            });
            (keep, acknowledge)
        });
        self.queue
            .try_send(Message::Run(job))
            .map_err(|error| match error {
                TrySendError::Full(_) => DbError::Busy {
                    queue_max: self.queue_max,
                },
                TrySendError::Disconnected(_) => DbError::Closed,
            })
    }

    /// Ends the thread after what waits now; returns when it has ended.
    pub(super) fn close(&self) {
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // The thread may have ended by itself; then there is nothing to stop.
            drop(self.queue.send(Message::Stop));
            drop(thread.join());
        }
    }
}

fn log_file(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// What the writing thread owns.
struct Desk {
    connection: Connection,
    waiting: Receiver<Message>,
    log_file: PathBuf,
    batch_max: usize,
    log_bytes_max: u64,
    idle_time: std::time::Duration,
    has_unsaved_log: bool,
}

impl Desk {
    fn run(&mut self) {
        loop {
            match self.waiting.recv_timeout(self.idle_time) {
                Ok(Message::Run(job)) => {
                    let (jobs, is_last) = self.gather(job);
                    self.commit(jobs);
                    if is_last {
                        break;
                    }
                    self.save_long_log();
                }
                Err(RecvTimeoutError::Timeout) => self.save_log("PASSIVE"),
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.has_unsaved_log = true;
        self.save_log("TRUNCATE");
    }

    /// Everything that waits right now, up to a batch, and whether a stop was among it.
    fn gather(&self, first: Job) -> (Vec<Job>, bool) {
        let mut jobs = vec![first];
        while jobs.len() < self.batch_max {
            match self.waiting.try_recv() {
                Ok(Message::Run(job)) => jobs.push(job),
                Ok(Message::Stop) => return (jobs, true),
                Err(_) => break,
            }
        }
        (jobs, false)
    }

    fn commit(&mut self, jobs: Vec<Job>) {
        let mut answers = Vec::with_capacity(jobs.len());
        let outcome = self.run_batch(jobs, &mut answers).map_err(Arc::new);
        self.has_unsaved_log = true;
        if outcome.is_err() && !self.connection.is_autocommit() {
            drop(self.connection.execute_batch("ROLLBACK"));
        }
        for acknowledge in answers {
            acknowledge(outcome.clone());
        }
    }

    fn run_batch(&self, jobs: Vec<Job>, answers: &mut Vec<Acknowledge>) -> rusqlite::Result<()> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        for job in jobs {
            self.connection.execute_batch("SAVEPOINT change")?;
            // A job that panics answers nobody: dropping its channel is the answer.
            let done = catch_unwind(AssertUnwindSafe(|| job(&self.connection)));
            let keep = match done {
                Ok((keep, acknowledge)) => {
                    answers.push(acknowledge);
                    keep
                }
                Err(panic) => {
                    PanicCaught {
                        task: "db_change".to_owned(),
                        reason: panic_text(panic.as_ref()),
                    }
                    .emit();
                    Keep::No
                }
            };
            if keep == Keep::No {
                self.connection.execute_batch("ROLLBACK TO change")?;
            }
            self.connection.execute_batch("RELEASE change")?;
        }
        self.connection.execute_batch("COMMIT")
    }

    fn save_long_log(&mut self) {
        let log_bytes = std::fs::metadata(&self.log_file).map_or(0, |metadata| metadata.len());
        if log_bytes > self.log_bytes_max {
            self.save_log("TRUNCATE");
        }
    }

    /// Moves the write-ahead log into the file. A reader in the way makes it less, never wrong.
    fn save_log(&mut self, mode: &str) {
        if !self.has_unsaved_log {
            return;
        }
        self.has_unsaved_log = false;
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        if let Err(error) = self.connection.query_row(&sql, (), |_| Ok(())) {
            // The log only grows longer; the next quiet moment tries again.
            TaskFailed {
                task: "db_checkpoint".to_owned(),
                reason: chain(&error),
            }
            .emit();
        }
    }
}
