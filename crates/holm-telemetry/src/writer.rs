//! The thread that writes access records: takes a batch, makes lines, appends them to a segment.
//!
//! A full or broken disk loses records, is counted, said once a minute, and stops nothing else.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::AccessRecord;
use crate::event::RecordsDropped;
use crate::ndjson::LineWriter;
use crate::segment::SegmentFolder;
use crate::sink::{Batch, Lost};

/// Lines are handed to the file in pieces of about this size, so that the buffer stays small.
const PIECE_BYTES: usize = 256 * 1024;
/// Room for records that is kept between batches; a burst's room beyond it is given back.
const KEPT_CAPACITY: usize = 4096;
/// How often lost records are spoken of at most.
const REPORT_INTERVAL: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(crate) struct Writer {
    batch: Arc<Batch>,
    segments: SegmentFolder,
    interval: Duration,
    lines: LineWriter,
    buffer: String,
    report: LossReport,
}

impl Writer {
    pub(crate) fn new(batch: Arc<Batch>, segments: SegmentFolder, interval: Duration) -> Self {
        Self {
            batch,
            segments,
            interval,
            lines: LineWriter::default(),
            buffer: String::new(),
            report: LossReport::default(),
        }
    }

    /// Writes until the log is closed.
    pub(crate) fn run(mut self) {
        let mut records = Vec::new();
        loop {
            let is_last = self.batch.next(self.interval, &mut records);
            self.write(&records);
            records.clear();
            records.shrink_to(KEPT_CAPACITY);
            self.report.tick(self.interval, is_last, self.batch.lost());
            if is_last {
                break;
            }
        }
        self.segments.close();
    }

    fn write(&mut self, records: &[AccessRecord]) {
        let mut begin = None;
        let mut count = 0;
        for record in records {
            begin.get_or_insert(record.at);
            count += 1;
            self.lines.append(&mut self.buffer, record);
            if self.buffer.len() >= PIECE_BYTES {
                let at = begin.take().unwrap_or_default();
                let written = self.segments.append(at, self.buffer.as_bytes());
                self.settle(written, std::mem::take(&mut count));
            }
        }
        if let Some(at) = begin {
            let written = self.segments.append(at, self.buffer.as_bytes());
            self.settle(written, count);
        }
    }

    fn settle(&mut self, written: io::Result<()>, count: u64) {
        self.buffer.clear();
        if let Err(error) = written {
            self.batch.write_failed(count);
            self.report.last_error = error.to_string();
        }
    }
}

/// Decides when lost records are spoken of.
#[derive(Debug, Default)]
struct LossReport {
    reported: Lost,
    /// Time since the last event, counted in flush intervals. `None` before the first.
    since: Option<Duration>,
    last_error: String,
}

impl LossReport {
    fn tick(&mut self, interval: Duration, is_last: bool, lost: Lost) {
        let since = self
            .since
            .map_or(REPORT_INTERVAL, |since| since.saturating_add(interval));
        let is_due = is_last || since >= REPORT_INTERVAL;
        if lost == self.reported || !is_due {
            self.since = self.since.map(|_| since);
            return;
        }
        RecordsDropped {
            queue_full_count: lost.queue_full_count - self.reported.queue_full_count,
            write_failed_count: lost.write_failed_count - self.reported.write_failed_count,
            reason: std::mem::take(&mut self.last_error),
        }
        .emit();
        self.reported = lost;
        self.since = Some(Duration::ZERO);
    }
}

#[cfg(test)]
mod tests;
