//! What the edge counts about itself.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The counts of one edge at a moment, since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EdgeCounts {
    /// Connections open now.
    pub connections_open: usize,
    /// Requests whose answer has not ended.
    pub requests_in_flight: usize,
    /// Connections closed at once because of `connections_max`.
    pub connections_refused_total: u64,
    /// Connections closed for sending or taking too slowly, or for being idle.
    pub connections_shed_total: u64,
    /// Panics while serving. Each is a bug.
    pub panics_total: u64,
    /// Snapshots that could not be read; the one before stays in use.
    pub snapshots_refused_total: u64,
}

/// The running counts.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) connections_open: AtomicUsize,
    pub(crate) requests_in_flight: AtomicUsize,
    pub(crate) connections_refused: AtomicU64,
    pub(crate) connections_shed: AtomicU64,
    pub(crate) panics: AtomicU64,
    pub(crate) snapshots_refused: AtomicU64,
}

impl Counters {
    /// The counts now.
    pub(crate) fn read(&self) -> EdgeCounts {
        EdgeCounts {
            connections_open: self.connections_open.load(Ordering::Relaxed),
            requests_in_flight: self.requests_in_flight.load(Ordering::Relaxed),
            connections_refused_total: self.connections_refused.load(Ordering::Relaxed),
            connections_shed_total: self.connections_shed.load(Ordering::Relaxed),
            panics_total: self.panics.load(Ordering::Relaxed),
            snapshots_refused_total: self.snapshots_refused.load(Ordering::Relaxed),
        }
    }
}

/// Counts one up.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
