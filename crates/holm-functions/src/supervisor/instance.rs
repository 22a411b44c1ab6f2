//! One running process with what it is answering.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use super::connections::{Connection, Connections};
use super::uploaded::Uploaded;
use crate::counters::{self, Counters};
use crate::failure::InvocationFailure;
use crate::process::Process;

/// An instance that takes no requests any more gave this one back.
#[derive(Debug)]
pub(super) struct Gone;

/// One process of one deployment.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(super) process: Process,
    pub(super) connections: Connections,
    pub(super) counters: Arc<Counters>,
    /// Wakes the watchdog when the first request comes.
    pub(super) work: Notify,
    folder: PathBuf,
    in_flight: Mutex<InFlight>,
    /// Grows with each sign of life: a head, a piece of a body, the end of one.
    progress: AtomicU64,
    doom: OnceLock<InvocationFailure>,
    host_tasks: Mutex<Option<tokio::task::AbortHandle>>,
}

#[derive(Debug)]
struct InFlight {
    calls: HashMap<u64, Ticket>,
    next: u64,
    /// Changes whenever the set of calls does.
    version: u64,
    is_closed: bool,
    idle_since: Instant,
}

#[derive(Debug)]
struct Ticket {
    cut: oneshot::Sender<InvocationFailure>,
}

/// What the watchdog sees of the requests at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) count: usize,
    pub(super) version: u64,
    pub(super) progress: u64,
    pub(super) idle_for: Duration,
}

impl Instance {
    pub(super) fn new(
        process: Process,
        socket: PathBuf,
        folder: PathBuf,
        counters: Arc<Counters>,
        host_tasks: tokio::task::AbortHandle,
    ) -> Self {
        counters::add(&counters.running);
        Self {
            process,
            connections: Connections::new(socket),
            counters,
            work: Notify::new(),
            folder,
            in_flight: Mutex::new(InFlight {
                calls: HashMap::new(),
                next: 0,
                version: 0,
                is_closed: false,
                idle_since: Instant::now(),
            }),
            progress: AtomicU64::new(0),
            doom: OnceLock::new(),
            host_tasks: Mutex::new(Some(host_tasks)),
        }
    }

    fn calls(&self) -> MutexGuard<'_, InFlight> {
        self.in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a request on: what it fails with, and what ends it.
    pub(super) fn enter(
        self: &Arc<Self>,
        permit: OwnedSemaphorePermit,
    ) -> Result<(oneshot::Receiver<InvocationFailure>, Lease), (Gone, OwnedSemaphorePermit)> {
        let mut calls = self.calls();
        if calls.is_closed {
            return Err((Gone, permit));
        }
        let (cut, cut_receiver) = oneshot::channel();
        let id = calls.next;
        calls.next += 1;
        calls.version += 1;
        let is_first = calls.calls.is_empty();
        calls.calls.insert(id, Ticket { cut });
        drop(calls);
        counters::add(&self.counters.in_flight);
        if is_first {
            self.work.notify_one();
        }
        let lease = Lease {
            instance: self.clone(),
            id,
            connection: None,
            permit: Some(permit),
        };
        Ok((cut_receiver, lease))
    }

    fn leave(&self, id: u64) {
        let mut calls = self.calls();
        if calls.calls.remove(&id).is_some() {
            calls.version += 1;
            if calls.calls.is_empty() {
                calls.idle_since = Instant::now();
            }
        }
        drop(calls);
        self.progress.fetch_add(1, Ordering::Relaxed);
        counters::sub(&self.counters.in_flight);
    }

    pub(super) fn load(&self) -> Load {
        let calls = self.calls();
        let count = calls.calls.len();
        Load {
            count,
            version: calls.version,
            progress: self.progress.load(Ordering::Relaxed),
            idle_for: if count == 0 {
                calls.idle_since.elapsed()
            } else {
                Duration::ZERO
            },
        }
    }

    /// Whether it takes requests.
    pub(super) fn is_open(&self) -> bool {
        !self.calls().is_closed && self.process.is_alive()
    }

    /// Takes no more requests; those it has go on. False when it was closed before.
    pub(super) fn close(&self) -> bool {
        !std::mem::replace(&mut self.calls().is_closed, true)
    }

    /// Closes it if it has no requests; so none can come in between.
    pub(super) fn close_if_idle(&self) -> bool {
        let mut calls = self.calls();
        if calls.is_closed || !calls.calls.is_empty() {
            return false;
        }
        calls.is_closed = true;
        true
    }

    /// Ends the process; all it was answering fails with `failure`. The first reason stands.
    pub(super) fn end(&self, failure: InvocationFailure) {
        // A reason that stands already is the true one.
        drop(self.doom.set(failure.clone()));
        let failure = self.doom.get().cloned().unwrap_or(failure);
        let mut calls = self.calls();
        calls.is_closed = true;
        // Each ticket stays until its lease ends; only its wire to the outside is used up.
        let tickets: Vec<Ticket> = calls.calls.drain().map(|(_, ticket)| ticket).collect();
        drop(calls);
        for ticket in tickets {
            // Nobody waits for it: its body was dropped just now.
            drop(ticket.cut.send(failure.clone()));
        }
        self.process.kill();
        self.connections.clear();
    }

    /// Why it was ended, if it was.
    pub(super) fn doom(&self) -> Option<InvocationFailure> {
        self.doom.get().cloned()
    }

    /// Removes what it had on disk and stops listening to it.
    pub(super) fn clean_up(&self) {
        let tasks = self
            .host_tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(tasks) = tasks {
            tasks.abort();
            counters::sub(&self.counters.running);
        }
        // What stays behind is removed when Holm starts next.
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// A request's place in a process; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    instance: Arc<Instance>,
    id: u64,
    connection: Option<(Connection, Uploaded)>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Lease {
    /// The connection that the answer comes on, to be kept when it was read to its end.
    pub(super) fn hold(&mut self, connection: Connection, uploaded: Uploaded) {
        self.connection = Some((connection, uploaded));
    }

    /// A piece of the answer came.
    pub(crate) fn made_progress(&self) {
        self.instance.progress.fetch_add(1, Ordering::Relaxed);
    }

    /// The answer was read to its end. Its connection takes another request if this one was sent to its end, too.
    pub(crate) fn finished(mut self) {
        if let Some((connection, uploaded)) = self.connection.take()
            && uploaded.is_over()
        {
            self.instance.connections.give_back(connection);
        }
    }

    /// Gives the place back so that another process can take the request.
    pub(super) fn into_permit(mut self) -> Option<OwnedSemaphorePermit> {
        self.permit.take()
    }

    pub(super) const fn instance(&self) -> &Arc<Instance> {
        &self.instance
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.instance.leave(self.id);
    }
}
