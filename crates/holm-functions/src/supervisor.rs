//! The one supervisor of function processes.
//!
//! A deployment has at most one process that takes requests. It is started by the first request, watched
//! while it works, replaced when it fails, and ended when nobody asks any more.

mod ask;
mod connections;
mod functions;
mod instance;
mod slot;
mod start;
mod uploaded;
mod watchdog;

pub(crate) use ask::strip;
pub use functions::{Functions, FunctionsConfig, OpenError};
pub(crate) use instance::Lease;
