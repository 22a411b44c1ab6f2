//! Lines that wait to be written, in one buffer for each serving thread.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use holm_types::Timestamp;

use crate::AccessRecord;
use crate::ndjson::LineWriter;

/// How many buffers there are; beyond so many threads some share one.
const SHARE_COUNT: usize = 16;

/// Room that a buffer keeps when nothing happens.
const KEPT_BYTES: usize = 64 * 1024;

thread_local! {
    /// The buffer of this thread; chosen when it emits its first record.
    static SHARE: Cell<Option<usize>> = const { Cell::new(None) };
}

static NEXT_SHARE: AtomicUsize = AtomicUsize::new(0);

/// The buffer of the calling thread.
fn share_index() -> usize {
    SHARE.with(|share| {
        share.get().unwrap_or_else(|| {
            let index = NEXT_SHARE.fetch_add(1, Ordering::Relaxed) % SHARE_COUNT;
            share.set(Some(index));
            index
        })
    })
}

/// What was lost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) queue_full_count: u64,
    pub(crate) write_failed_count: u64,
}

/// Lines in the order of their records.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// Whole lines.
    pub(crate) text: String,
    /// How many.
    pub(crate) count: usize,
    /// When the first request was. Meaningless without lines.
    pub(crate) begin: Timestamp,
}

impl Lines {
    fn empty(&mut self) {
        let used_bytes = self.text.len();
        self.text.clear();
        self.count = 0;
        self.keep_room_for(used_bytes);
    }

    /// Gives back the room of a burst that is over.
    fn keep_room_for(&mut self, bytes: usize) {
        let kept = bytes.max(KEPT_BYTES);
        if self.text.capacity() > 4 * kept {
            self.text.shrink_to(kept);
        }
    }
}

/// One buffer. Padded, so that neighbours do not fight over a cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Share {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: Lines,
    writer: LineWriter,
    is_closed: bool,
}

impl Share {
    /// Nothing panics between taking and giving back this lock but a failed allocation, which ends the
    /// process.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What sinks and the writer share.
#[derive(Debug)]
pub(crate) struct Shares {
    buffers: [Share; SHARE_COUNT],
    pending_max: usize,
    is_closed: Mutex<bool>,
    closing: Condvar,
    queue_full_count: AtomicU64,
    write_failed_count: AtomicU64,
}

impl Shares {
    pub(crate) fn new(pending_max: usize) -> Self {
        Self {
            buffers: Default::default(),
            pending_max,
            is_closed: Mutex::new(false),
            closing: Condvar::new(),
            queue_full_count: AtomicU64::new(0),
            write_failed_count: AtomicU64::new(0),
        }
    }

    /// Adds the line of a record to this thread's buffer.
    pub(crate) fn append(&self, record: &AccessRecord) {
        // The index is below the count of shares, so `get` never fails.
        let Some(share) = self.buffers.get(share_index()) else {
            return;
        };
        let mut waiting = share.lock();
        let Waiting {
            lines,
            writer,
            is_closed,
        } = &mut *waiting;
        if lines.count < self.pending_max && !*is_closed {
            if lines.count == 0 {
                lines.begin = record.at;
            }
            writer.append(&mut lines.text, record);
            lines.count += 1;
            return;
        }
        drop(waiting);
        self.queue_full_count.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits for the interval or for the end. True at the end; then nothing is added any more.
    pub(crate) fn wait(&self, interval: Duration) -> bool {
        let is_closed = self
            .is_closed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (is_closed, _) = self
            .closing
            .wait_timeout_while(is_closed, interval, |is_closed| !*is_closed)
            .unwrap_or_else(PoisonError::into_inner);
        *is_closed
    }

    /// Hands each buffer that has lines to `write`; `spare` takes its place meanwhile.
    pub(crate) fn drain(&self, spare: &mut Lines, mut write: impl FnMut(&Lines)) {
        let mut is_idle = true;
        for share in &self.buffers {
            let mut waiting = share.lock();
            if waiting.lines.count == 0 {
                waiting.lines.keep_room_for(0);
                continue;
            }
            std::mem::swap(&mut waiting.lines, spare);
            drop(waiting);
            write(spare);
            spare.empty();
            is_idle = false;
        }
        if is_idle {
            spare.keep_room_for(0);
        }
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

    /// Takes no more lines and tells the writer to end.
    pub(crate) fn close(&self) {
        for share in &self.buffers {
            share.lock().is_closed = true;
        }
        *self
            .is_closed
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = true;
        self.closing.notify_all();
    }
}
