//! What the supervisor counts.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counters of the supervisor; they only grow, except where a line says "now".
        #[derive(Debug, Default)]
        pub struct Counters { $($(#[$doc])* pub(crate) $name: AtomicU64,)* }

        /// What [`Counters`] showed at a moment.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct CountersSnapshot { $($(#[$doc])* pub $name: u64,)* }

        impl Counters {
            /// What they show.
            pub fn snapshot(&self) -> CountersSnapshot {
                CountersSnapshot { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Invocations handed to a process.
    invocations,
    /// Invocations that failed, for whatever reason.
    failures,
    /// Invocations refused because too many waited.
    overloaded,
    /// Processes started.
    started,
    /// Starts that failed.
    start_failures,
    /// Processes ended because they had nothing to do.
    evicted,
    /// Processes replaced: their deployment was stopped, or they were to make room.
    drained,
    /// Processes ended for their CPU time.
    killed_cpu,
    /// Processes ended for their memory.
    killed_memory,
    /// Processes that ended by themselves.
    crashed,
    /// Sub-requests of functions.
    sub_requests,
    /// Sub-requests refused for where they were to go.
    sub_requests_refused,
    /// Processes running now.
    running,
    /// Requests in flight now.
    in_flight,
    /// Requests waiting for their turn now.
    waiting,
}

pub(crate) fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

pub(crate) fn sub(counter: &AtomicU64) {
    counter.fetch_sub(1, Ordering::Relaxed);
}
