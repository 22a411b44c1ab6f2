//! The way of an access record from a request to the writer: a push into a bounded batch.
//!
//! A request pays for one uncontended lock and one move. Nobody is woken: the writer comes by itself
//! every flush interval and swaps the whole batch out. Measured November 2026: 0.16 us per record on one
//! thread, 0.17 us on two at once, beside the writer, which takes 1.4 us of CPU per record.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::event::PanicCaught;
use crate::segment::SegmentFolder;
use crate::writer::Writer;
use crate::{AccessRecord, RecordLimits};

/// Where requests leave their records. Cheap to clone; never blocks, never fails.
#[derive(Clone, Debug)]
pub struct RecordSink {
    batch: Arc<Batch>,
}

impl RecordSink {
    /// Takes a record, or drops and counts it when the batch is full or the log is closed.
    pub fn emit(&self, record: AccessRecord) {
        let mut pending = self.batch.lock();
        if pending.records.len() < self.batch.pending_max && !pending.is_closed {
            pending.records.push(record);
            return;
        }
        drop(pending);
        self.batch.queue_full_count.fetch_add(1, Ordering::Relaxed);
    }

    /// A sink whose records a test can take back with [`RecordSink::take`].
    pub fn in_memory() -> Self {
        Self {
            batch: Arc::new(Batch::new(RecordLimits::default().pending_max)),
        }
    }

    /// The records that wait, taken out (for tests and for the writer).
    pub fn take(&self) -> Vec<AccessRecord> {
        std::mem::take(&mut self.batch.lock().records)
    }

    /// How many records were lost since the start: dropped because too many waited or the log was
    /// closed, or refused by the disk.
    pub fn dropped_count(&self) -> u64 {
        let lost = self.batch.lost();
        lost.queue_full_count + lost.write_failed_count
    }
}

/// What was lost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) queue_full_count: u64,
    pub(crate) write_failed_count: u64,
}

/// What sinks and the writer share.
#[derive(Debug)]
pub(crate) struct Batch {
    pending: Mutex<Pending>,
    closing: Condvar,
    pending_max: usize,
    queue_full_count: AtomicU64,
    write_failed_count: AtomicU64,
}

#[derive(Debug, Default)]
struct Pending {
    records: Vec<AccessRecord>,
    is_closed: bool,
}

impl Batch {
    fn new(pending_max: usize) -> Self {
        Self {
            pending: Mutex::default(),
            closing: Condvar::new(),
            pending_max,
            queue_full_count: AtomicU64::new(0),
            write_failed_count: AtomicU64::new(0),
        }
    }

    /// No code panics while it holds this lock, and a batch is whole after every push.
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the interval or for the end, then swaps the batch with `empty`. True at the end.
    pub(crate) fn next(&self, interval: Duration, empty: &mut Vec<AccessRecord>) -> bool {
        let (mut pending, _) = self
            .closing
            .wait_timeout_while(self.lock(), interval, |pending| !pending.is_closed)
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut pending.records, empty);
        pending.is_closed
    }

    /// Counts records that the disk refused.
    pub(crate) fn write_failed(&self, count: u64) {
        self.write_failed_count.fetch_add(count, Ordering::Relaxed);
    }

    /// What was lost so far.
    pub(crate) fn lost(&self) -> Lost {
        Lost {
            queue_full_count: self.queue_full_count.load(Ordering::Relaxed),
            write_failed_count: self.write_failed_count.load(Ordering::Relaxed),
        }
    }

    fn close(&self) {
        self.lock().is_closed = true;
        self.closing.notify_all();
    }
}

/// The writer: one thread that turns batches into NDJSON segments in a folder. Ends when dropped.
#[derive(Debug)]
pub struct RecordLog {
    batch: Arc<Batch>,
    thread: Option<JoinHandle<()>>,
}

impl RecordLog {
    /// Opens the folder (made if absent) and starts the writer.
    ///
    /// # Errors
    /// When the folder cannot be made or listed, or the thread cannot be started.
    pub fn open(folder: PathBuf, limits: RecordLimits) -> std::io::Result<(RecordSink, Self)> {
        let batch = Arc::new(Batch::new(limits.pending_max));
        let segments = SegmentFolder::open(folder, &limits)?;
        let writer = Writer::new(Arc::clone(&batch), segments, limits.flush_interval);
        let thread = std::thread::Builder::new()
            .name("record-log".to_owned())
            .spawn(move || writer.run())?;
        let log = Self {
            batch: Arc::clone(&batch),
            thread: Some(thread),
        };
        Ok((RecordSink { batch }, log))
    }

    /// Writes what waits and ends the writer. Records emitted later are dropped and counted.
    pub fn close(self) {
        drop(self);
    }
}

impl Drop for RecordLog {
    fn drop(&mut self) {
        self.batch.close();
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
