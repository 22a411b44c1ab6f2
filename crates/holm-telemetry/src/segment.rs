//! The folder of segments: files `access-<start in ms>-<sequence>.ndjson`, begun anew at a size, the
//! oldest deleted when all together are too large.
//!
//! A failed append is undone, so that a segment holds whole lines only.
//!
//! While one server hands over to the next, both write here for a moment, each into segments of its own:
//! a name is only taken by making the file, and one that is taken is passed over. What the other writes
//! meanwhile does not count towards the total until the next start.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use holm_types::Timestamp;

use crate::RecordLimits;

/// Names that another process may have taken in the same millisecond.
const TAKEN_NAMES_MAX: usize = 16;

#[derive(Debug)]
pub(crate) struct SegmentFolder {
    folder: PathBuf,
    segment_bytes_max: u64,
    total_bytes_max: u64,
    /// Finished segments, oldest first.
    finished: VecDeque<Segment>,
    finished_bytes: u64,
    current: Option<(File, Segment)>,
    next_sequence: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Segment {
    sequence: u64,
    path: PathBuf,
    size_bytes: u64,
}

impl SegmentFolder {
    /// Makes the folder if absent and takes stock of the segments in it.
    pub(crate) fn open(folder: PathBuf, limits: &RecordLimits) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let mut finished = Vec::new();
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if let Some(sequence) = sequence_of(&entry.path()) {
                let size_bytes = entry.metadata()?.len();
                finished.push(Segment {
                    sequence,
                    path: entry.path(),
                    size_bytes,
                });
            }
        }
        // Two processes may have used a number at the same time; the names then tell the order.
        finished
            .sort_by(|one, other| (one.sequence, &one.path).cmp(&(other.sequence, &other.path)));
        Ok(Self {
            folder,
            segment_bytes_max: limits.segment_bytes_max,
            total_bytes_max: limits.total_bytes_max,
            finished_bytes: finished.iter().map(|segment| segment.size_bytes).sum(),
            next_sequence: finished
                .last()
                .map_or(1, |last| last.sequence.saturating_add(1)),
            finished: finished.into(),
            current: None,
        })
    }

    /// Appends whole lines; `at` is the time of the first. Nothing of them stays when it fails.
    pub(crate) fn append(&mut self, at: Timestamp, lines: &[u8]) -> io::Result<()> {
        let added = lines.len() as u64;
        if self.current_bytes() > 0 && self.current_bytes() + added > self.segment_bytes_max {
            self.finish_current();
        }
        self.delete_oldest(added);
        let (file, segment) = match &mut self.current {
            Some(current) => current,
            none => none.insert(begin(&self.folder, at, &mut self.next_sequence)?),
        };
        if let Err(error) = file.write_all(lines) {
            let is_undone = file.set_len(segment.size_bytes).is_ok();
            if !is_undone || segment.size_bytes == 0 {
                self.finish_current();
            }
            return Err(error);
        }
        segment.size_bytes += added;
        Ok(())
    }

    /// Syncs the current segment. Errors do not matter any more: what the kernel has it will write.
    pub(crate) fn close(mut self) {
        if let Some((file, _)) = self.current.take() {
            drop(file.sync_data());
        }
    }

    fn current_bytes(&self) -> u64 {
        self.current
            .as_ref()
            .map_or(0, |(_, segment)| segment.size_bytes)
    }

    fn finish_current(&mut self) {
        let Some((_, segment)) = self.current.take() else {
            return;
        };
        if segment.size_bytes == 0 {
            // Left by a disk that was full from the first byte on; a file that stays is only untidy.
            drop(fs::remove_file(&segment.path));
            return;
        }
        self.finished_bytes += segment.size_bytes;
        self.finished.push_back(segment);
    }

    /// Makes room for `added` bytes. The current segment is never deleted.
    fn delete_oldest(&mut self, added: u64) {
        while self.finished_bytes + self.current_bytes() + added > self.total_bytes_max {
            let Some(oldest) = self.finished.pop_front() else {
                return;
            };
            self.finished_bytes -= oldest.size_bytes;
            // Someone else may have deleted it; the next start takes stock again.
            drop(fs::remove_file(&oldest.path));
        }
    }
}

fn begin(folder: &Path, at: Timestamp, next_sequence: &mut u64) -> io::Result<(File, Segment)> {
    for _ in 0..TAKEN_NAMES_MAX {
        let sequence = *next_sequence;
        let path = folder.join(format!("access-{}-{sequence}.ndjson", at.unix_ms()));
        match File::options().create_new(true).append(true).open(&path) {
            Ok(file) => {
                *next_sequence = sequence.saturating_add(1);
                let size_bytes = 0;
                let segment = Segment {
                    sequence,
                    path,
                    size_bytes,
                };
                return Ok((file, segment));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                *next_sequence = sequence.saturating_add(1);
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// The sequence number in a segment's name. `None` when it is another file.
fn sequence_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let (start, sequence) = name
        .strip_prefix("access-")?
        .strip_suffix(".ndjson")?
        .rsplit_once('-')?;
    start.parse::<i64>().ok()?;
    sequence.parse().ok()
}

#[cfg(test)]
mod tests;
