//! The catalogue of what the house says about itself (events, the access record) and the store that
//! keeps it. It decides nothing.
#![forbid(unsafe_code)]

mod record;
mod sink;

pub use record::{AccessRecord, CacheStatus, FaultSource, SendOutcome, ServedBy};
pub use sink::{RecordLimits, RecordLog, RecordSink};
