//! Where time comes from.

use std::time::Duration;

use crate::Timestamp;

/// The one source of time, handed to whoever needs it so that tests can hold the hands of the clock.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Wall-clock time, for what is shown or stored. May jump.
    fn now(&self) -> Timestamp;

    /// Time since an arbitrary start, for measuring durations. Never goes back.
    fn monotonic(&self) -> Duration;
}
