//! The way of an access record from a request to the disk: a bounded batch, then NDJSON segments.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::AccessRecord;

/// The maxima of the record log.
#[derive(Clone, Debug)]
pub struct RecordLimits {
    /// Records waiting to be written; beyond it new ones are dropped and counted. Default 65,536.
    pub pending_max: usize,
    /// Size of one segment file; then a new one is begun. Default 16 MiB.
    pub segment_bytes_max: u64,
    /// Size of all segments; the oldest are deleted. Default 256 MiB.
    pub total_bytes_max: u64,
    /// How often the batch is written. Default 100 ms.
    pub flush_interval: Duration,
}

/// Where requests leave their records. Cheap to clone; never blocks, never fails.
#[derive(Clone, Debug)]
pub struct RecordSink {
    _inner: Arc<()>,
}

impl RecordSink {
    /// Takes a record, or drops and counts it when the batch is full.
    pub fn emit(&self, record: AccessRecord) {
        let _ = record;
        todo!("helper: storage")
    }

    /// A sink whose records a test can take back with [`RecordSink::take`].
    pub fn in_memory() -> Self {
        todo!("helper: storage")
    }

    /// The records that wait, taken out (for tests and for the writer).
    pub fn take(&self) -> Vec<AccessRecord> {
        todo!("helper: storage")
    }

    /// How many records were dropped since the start.
    pub fn dropped_count(&self) -> u64 {
        todo!("helper: storage")
    }
}

/// The writer: one thread that turns batches into NDJSON segments in a folder.
#[derive(Debug)]
pub struct RecordLog {}

impl RecordLog {
    /// Opens the folder (made if absent) and starts the writer.
    pub fn open(folder: PathBuf, limits: RecordLimits) -> std::io::Result<(RecordSink, Self)> {
        let _ = (folder, limits);
        todo!("helper: storage")
    }

    /// Writes what waits and ends the writer.
    pub fn close(self) {
        todo!("helper: storage")
    }
}
