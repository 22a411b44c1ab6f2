//! The thread that writes access records: takes the waiting lines and appends them to a segment.
//!
//! A full or broken disk loses records, is counted, said once a minute, and stops nothing else.

use std::sync::Arc;
use std::time::Duration;

use crate::event::RecordsDropped;
use crate::segment::SegmentFolder;
use crate::share::{Lines, Lost, Shares};

/// Lines are handed to the file in pieces of about this size, so that segments keep to theirs.
const PIECE_BYTES: usize = 256 * 1024;
/// How often lost records are spoken of at most.
const REPORT_INTERVAL: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(crate) struct Writer {
    shares: Arc<Shares>,
    segments: SegmentFolder,
    interval: Duration,
    report: LossReport,
}

impl Writer {
    pub(crate) fn new(shares: Arc<Shares>, segments: SegmentFolder, interval: Duration) -> Self {
        Self {
            shares,
            segments,
            interval,
            report: LossReport::default(),
        }
    }

    /// Writes until the log is closed.
    pub(crate) fn run(mut self) {
        let mut spare = Lines::default();
        loop {
            let is_last = self.shares.wait(self.interval);
            let shares = Arc::clone(&self.shares);
            shares.drain(&mut spare, |lines| self.write(lines));
            self.report.tick(self.interval, is_last, self.shares.lost());
            if is_last {
                break;
            }
        }
        self.segments.close();
    }

    fn write(&mut self, lines: &Lines) {
        for piece in pieces(&lines.text) {
            if let Err(error) = self.segments.append(lines.begin, piece.as_bytes()) {
                let count = piece.bytes().filter(|byte| *byte == b'\n').count();
                self.shares.write_failed(count as u64);
                self.report.last_error = error.to_string();
            }
        }
    }
}

/// Cuts whole lines into pieces of whole lines, each of about [`PIECE_BYTES`].
fn pieces(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let end = text
            .as_bytes()
            .iter()
            .skip(PIECE_BYTES)
            .position(|byte| *byte == b'\n')
            .map_or(text.len(), |position| PIECE_BYTES + position + 1);
        let (piece, rest) = text.split_at(end);
        text = rest;
        Some(piece)
    })
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
