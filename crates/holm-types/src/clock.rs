//! Where time comes from.

use std::time::Duration;

use crate::Timestamp;

/// The one source of time, handed to whoever needs it so that tests can hold the hands of the clock.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Wall-clock time, for what is shown or stored. May jump.
    fn now(&self) -> Timestamp;

    /// Time since an arbitrary start, for measuring durations. Never goes back.
    fn monotonic(&self) -> Duration;

    /// Both, for what is shown with its duration. A clock may read the machine's once for the two; the wall
    /// clock may then be behind a jump of it by a second.
    fn both(&self) -> (Timestamp, Duration) {
        (self.now(), self.monotonic())
    }
}
