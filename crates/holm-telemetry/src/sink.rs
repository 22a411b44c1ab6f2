//! The way of an access record from a request to the writer: a line in the buffer of the request's thread.
//!
//! A request pays for one uncontended lock and the making of its line; what the record was made of is
//! freed where it was allocated. Nobody is woken: the writer comes by itself every flush interval and
//! swaps the buffers out. Lines of one thread keep their order; between threads they may differ by an
//! interval.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::event::PanicCaught;
use crate::segment::SegmentFolder;
use crate::share::Shares;
use crate::writer::Writer;
use crate::{AccessRecord, RecordLimits};

/// Where requests leave their records. Cheap to clone; never blocks, never fails.
#[derive(Clone, Debug)]
pub struct RecordSink {
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Log(Arc<Shares>),
    Memory(Arc<Mutex<Vec<AccessRecord>>>),
}

impl RecordSink {
    /// Takes a record, or drops and counts it when too many wait or the log is closed.
    pub fn emit(&self, record: &AccessRecord) {
        match &self.kind {
            Kind::Log(shares) => shares.append(record),
            Kind::Memory(records) => records
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(record.clone()),
        }
    }

    /// A sink whose records a test can take back with [`RecordSink::take`].
    pub fn in_memory() -> Self {
        Self {
            kind: Kind::Memory(Arc::default()),
        }
    }

    /// The records of a sink in memory, taken out (for tests). A log's are on their way to the disk:
    /// none.
    pub fn take(&self) -> Vec<AccessRecord> {
        match &self.kind {
            Kind::Log(_) => Vec::new(),
            Kind::Memory(records) => {
                std::mem::take(&mut *records.lock().unwrap_or_else(PoisonError::into_inner))
            }
        }
    }

    /// How many records were lost since the start: dropped because too many waited or the log was
    /// closed, or refused by the disk.
    pub fn dropped_count(&self) -> u64 {
        match &self.kind {
            Kind::Log(shares) => {
                let lost = shares.lost();
                lost.queue_full_count + lost.write_failed_count
            }
            Kind::Memory(_) => 0,
        }
    }
}

/// The writer: one thread that appends waiting lines to NDJSON segments in a folder. Ends when dropped.
#[derive(Debug)]
pub struct RecordLog {
    shares: Arc<Shares>,
    thread: Option<JoinHandle<()>>,
}

impl RecordLog {
    /// Opens the folder (made if absent) and starts the writer.
    ///
    /// # Errors
    /// When the folder cannot be made or listed, or the thread cannot be started.
    pub fn open(folder: PathBuf, limits: RecordLimits) -> std::io::Result<(RecordSink, Self)> {
        let shares = Arc::new(Shares::new(limits.pending_max));
        let segments = SegmentFolder::open(folder, &limits)?;
        let writer = Writer::new(Arc::clone(&shares), segments, limits.flush_interval);
        let thread = std::thread::Builder::new()
            .name("record-log".to_owned())
            .spawn(move || writer.run())?;
        let log = Self {
            shares: Arc::clone(&shares),
            thread: Some(thread),
        };
        let kind = Kind::Log(shares);
        Ok((RecordSink { kind }, log))
    }

    /// Writes what waits and ends the writer. Records emitted later are dropped and counted.
    pub fn close(self) {
        drop(self);
    }
}

impl Drop for RecordLog {
    fn drop(&mut self) {
        self.shares.close();
        let ended = self.thread.take().map(JoinHandle::join);
        if let Some(Err(panic)) = ended {
            let reason = panic
                .downcast_ref::<&str>()
                .copied()
                .unwrap_or("unknown")
                .to_owned();
            PanicCaught {
                task: "record-log".to_owned(),
                reason,
            }
            .emit();
        }
    }
}
