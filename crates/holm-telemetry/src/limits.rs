//! The maxima of the record log.

use std::time::Duration;

use holm_types::{Limit, Unit};

const PENDING_MAX: usize = 16_384;
const SEGMENT_BYTES_MAX: u64 = 16 * 1024 * 1024;
const TOTAL_BYTES_MAX: u64 = 256 * 1024 * 1024;
const FLUSH_INTERVAL_MS: u64 = 100;

/// The maxima of the record log.
#[derive(Clone, Copy, Debug)]
pub struct RecordLimits {
    /// Records of one thread waiting to be written; beyond it new ones are dropped and counted. Default
    /// 16,384 (about 6 MB; at the default flush interval that is 160,000 requests a second a thread).
    /// Beyond 16 threads some share a maximum.
    pub pending_max: usize,
    /// Size of one segment file; then a new one is begun. Default 16 MiB.
    pub segment_bytes_max: u64,
    /// Size of all segments; the oldest are deleted. Default 256 MiB.
    pub total_bytes_max: u64,
    /// How often the batch is written. Default 100 ms.
    pub flush_interval: Duration,
}

impl Default for RecordLimits {
    fn default() -> Self {
        Self {
            pending_max: PENDING_MAX,
            segment_bytes_max: SEGMENT_BYTES_MAX,
            total_bytes_max: TOTAL_BYTES_MAX,
            flush_interval: Duration::from_millis(FLUSH_INTERVAL_MS),
        }
    }
}

/// The table of this room's limits.
pub const LIMITS: &[Limit] = &[
    Limit {
        name: "telemetry.pending_max",
        unit: Unit::Count,
        default: PENDING_MAX as u64,
        at_max: "New access records are dropped and counted until the writer has caught up.",
    },
    Limit {
        name: "telemetry.segment_bytes_max",
        unit: Unit::Bytes,
        default: SEGMENT_BYTES_MAX,
        at_max: "A new segment file is begun.",
    },
    Limit {
        name: "telemetry.total_bytes_max",
        unit: Unit::Bytes,
        default: TOTAL_BYTES_MAX,
        at_max: "The oldest segment files are deleted.",
    },
    Limit {
        name: "telemetry.flush_interval",
        unit: Unit::Milliseconds,
        default: FLUSH_INTERVAL_MS,
        at_max: "The waiting access records are written.",
    },
];
