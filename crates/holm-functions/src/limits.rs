//! Every maximum of function processes, with its default and what happens there.

use std::time::Duration;

use holm_types::{Limit, Unit};

/// The maxima of functions. `Default` is what holds when nobody says otherwise: EdgeOne's numbers where
/// it names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionLimits {
    /// Bytes of a deployment's bundle (EdgeOne: 5 MB).
    pub bundle_bytes_max: u64,
    /// CPU time of one invocation; waiting is free (EdgeOne: 200 ms).
    pub cpu_max: Duration,
    /// Bytes of the heap of one process (EdgeOne: 128 MB). Everything beside the heap may take half as
    /// much again.
    pub memory_bytes_max: u64,
    /// Private bytes that one process may map, which ends bursts that no sample sees.
    pub process_data_bytes_max: u64,
    /// Descriptors of one process.
    pub process_files_max: u64,
    /// From the handing over of a request, or of the last piece of its body, to the head of its answer.
    pub first_byte_max: Duration,
    /// Bytes that a reader of a whole body gathers inside a function (EdgeOne: 1 MB).
    pub body_bytes_max: u64,
    /// Requests that one process has at once. At least 1.
    pub concurrency_max: usize,
    /// Requests of one deployment that wait for their turn.
    pub queue_max: usize,
    /// How long one waits.
    pub queue_wait_max: Duration,
    /// From the start of a process to its being ready, the loading of its bundle included.
    pub start_max: Duration,
    /// Processes at once, over all deployments. At least 1.
    pub instances_max: usize,
    /// How long a process without requests is kept.
    pub idle_max: Duration,
    /// How long a replaced process may go on with the requests that it has.
    pub drain_max: Duration,
    /// How often a busy process is looked at.
    pub watch_interval: Duration,
    /// The longest pause before a process that failed is started again.
    pub backoff_max: Duration,
    /// Sub-requests of one invocation.
    pub sub_requests_max: usize,
    /// Sub-requests of one invocation at once.
    pub sub_requests_parallel_max: usize,
    /// Redirects that one sub-request follows (EdgeOne: 12).
    pub redirects_max: usize,
    /// How long a sub-request may take to connect.
    pub egress_connect_max: Duration,
    /// How long a sub-request may wait for the head of its answer.
    pub egress_head_max: Duration,
    /// Console lines recorded for one invocation (EdgeOne: 20).
    pub console_lines_max: usize,
    /// Bytes of one of them.
    pub console_line_bytes_max: usize,
    /// Bytes of what a function's failure says.
    pub failure_bytes_max: usize,
    /// How long the fetching of an engine may take.
    pub engine_fetch_max: Duration,
}

impl Default for FunctionLimits {
    fn default() -> Self {
        Self {
            bundle_bytes_max: 5_000_000,
            cpu_max: Duration::from_millis(200),
            memory_bytes_max: 128 * 1024 * 1024,
            process_data_bytes_max: 1024 * 1024 * 1024,
            process_files_max: 512,
            first_byte_max: Duration::from_secs(30),
            body_bytes_max: 1_000_000,
            concurrency_max: 128,
            queue_max: 256,
            queue_wait_max: Duration::from_secs(10),
            start_max: Duration::from_secs(10),
            instances_max: 256,
            idle_max: Duration::from_mins(1),
            drain_max: Duration::from_secs(30),
            watch_interval: Duration::from_millis(25),
            backoff_max: Duration::from_secs(30),
            sub_requests_max: 64,
            sub_requests_parallel_max: 8,
            redirects_max: 12,
            egress_connect_max: Duration::from_secs(10),
            egress_head_max: Duration::from_mins(1),
            console_lines_max: 20,
            console_line_bytes_max: 4_096,
            failure_bytes_max: 16 * 1024,
            engine_fetch_max: Duration::from_mins(10),
        }
    }
}

const fn limit(name: &'static str, unit: Unit, default: u64, at_max: &'static str) -> Limit {
    Limit {
        name,
        unit,
        default,
        at_max,
    }
}

/// What `docs/reference/limits.md` says about this room. A unit test holds it to [`FunctionLimits`].
pub const LIMITS: &[Limit] = &[
    limit(
        "functions.bundle_bytes_max",
        Unit::Bytes,
        5_000_000,
        "The process is not started and the failure names both sizes.",
    ),
    limit(
        "functions.cpu_max",
        Unit::Milliseconds,
        200,
        "The process is ended; what it was answering fails with 545 and the time used.",
    ),
    limit(
        "functions.memory_bytes_max",
        Unit::Bytes,
        134_217_728,
        "The engine ends at this heap, and is ended when all its memory is half as much again; what \
         it was answering fails with 545 and the memory used.",
    ),
    limit(
        "functions.process_data_bytes_max",
        Unit::Bytes,
        1_073_741_824,
        "The process gets no more memory from the system.",
    ),
    limit(
        "functions.process_files_max",
        Unit::Count,
        512,
        "The process can open no more descriptors.",
    ),
    limit(
        "functions.first_byte_max",
        Unit::Milliseconds,
        30_000,
        "The invocation fails with 545; the process goes on.",
    ),
    limit(
        "functions.body_bytes_max",
        Unit::Bytes,
        1_000_000,
        "The reader inside the function throws `OverSize`; the stream is not limited.",
    ),
    limit(
        "functions.concurrency_max",
        Unit::Count,
        128,
        "Further requests of the deployment wait.",
    ),
    limit(
        "functions.queue_max",
        Unit::Count,
        256,
        "The invocation fails at once, as overloaded.",
    ),
    limit(
        "functions.queue_wait_max",
        Unit::Milliseconds,
        10_000,
        "The invocation fails, as overloaded.",
    ),
    limit(
        "functions.start_max",
        Unit::Milliseconds,
        10_000,
        "The process is ended and what waits for it fails.",
    ),
    limit(
        "functions.instances_max",
        Unit::Count,
        256,
        "The process that was idle longest makes room; when none is idle the invocation fails, as \
         overloaded.",
    ),
    limit(
        "functions.idle_max",
        Unit::Milliseconds,
        60_000,
        "The process is ended; the next request starts another.",
    ),
    limit(
        "functions.drain_max",
        Unit::Milliseconds,
        30_000,
        "What a replaced process still answers is cut.",
    ),
    limit(
        "functions.watch_interval",
        Unit::Milliseconds,
        25,
        "A busy process is asked whether it answers, and its clock and memory are read.",
    ),
    limit(
        "functions.backoff_max",
        Unit::Milliseconds,
        30_000,
        "Pauses between the starts of a failing process grow no further.",
    ),
    limit(
        "functions.sub_requests_max",
        Unit::Count,
        64,
        "`fetch` throws.",
    ),
    limit(
        "functions.sub_requests_parallel_max",
        Unit::Count,
        8,
        "Further calls of `fetch` wait.",
    ),
    limit(
        "functions.redirects_max",
        Unit::Count,
        12,
        "`fetch` throws.",
    ),
    limit(
        "functions.egress_connect_max",
        Unit::Milliseconds,
        10_000,
        "`fetch` throws.",
    ),
    limit(
        "functions.egress_head_max",
        Unit::Milliseconds,
        60_000,
        "`fetch` throws.",
    ),
    limit(
        "functions.console_lines_max",
        Unit::Count,
        20,
        "Further lines of the invocation are not recorded.",
    ),
    limit(
        "functions.console_line_bytes_max",
        Unit::Bytes,
        4_096,
        "The line is cut.",
    ),
    limit(
        "functions.failure_bytes_max",
        Unit::Bytes,
        16_384,
        "What the failure says is cut.",
    ),
    limit(
        "functions.engine_fetch_max",
        Unit::Milliseconds,
        600_000,
        "The fetching is given up and nothing is installed.",
    ),
];

holm_types::settable_limits!(FunctionLimits {
    bundle_bytes_max,
    cpu_max,
    memory_bytes_max,
    process_data_bytes_max,
    process_files_max,
    first_byte_max,
    body_bytes_max,
    concurrency_max,
    queue_max,
    queue_wait_max,
    start_max,
    instances_max,
    idle_max,
    drain_max,
    watch_interval,
    backoff_max,
    sub_requests_max,
    sub_requests_parallel_max,
    redirects_max,
    egress_connect_max,
    egress_head_max,
    console_lines_max,
    console_line_bytes_max,
    failure_bytes_max,
    engine_fetch_max,
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_what_holds() {
        let limits = FunctionLimits::default();
        for row in limits.in_force(LIMITS) {
            assert!(row.is_settable, "{}", row.limit.name);
            assert_eq!(row.value, row.limit.default, "{}", row.limit.name);
        }
    }
}
