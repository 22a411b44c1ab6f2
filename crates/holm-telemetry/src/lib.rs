//! The catalogue of what the house says about itself (events, the access record) and the store that
//! keeps it. It decides nothing.
#![forbid(unsafe_code)]

pub mod event;
mod limits;
mod ndjson;
mod plain_text;
mod record;
mod segment;
mod share;
mod sink;
mod writer;

pub use event::{EVENTS, EventKind};
pub use limits::{LIMITS, RecordLimits};
pub use record::{AccessRecord, CacheStatus, FaultSource, Protocol, SendOutcome, ServedBy};
pub use sink::{RecordLog, RecordSink};
