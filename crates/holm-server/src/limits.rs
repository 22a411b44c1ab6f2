//! The maxima of the daemon itself.

use std::time::Duration;

use holm_types::{Limit, Unit};

/// How long a stop may take in all, drain included, before the process ends anyway.
pub(crate) const STOP_MAX: Duration = Duration::from_secs(40);

/// Threads for file work, shared by both planes; work beyond it waits.
pub(crate) const BLOCKING_THREADS_MAX: usize = 32;

/// How long after a failure the control plane is opened again.
pub(crate) const CONTROL_RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// How often it is said that the control plane still cannot be opened.
pub(crate) const CONTROL_REPORT_INTERVAL: Duration = Duration::from_mins(1);

/// How often it is looked whether the files of the TLS certificate have changed.
pub(crate) const CERTIFICATE_LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// How large a file of certificates or keys may be.
pub(crate) const CERTIFICATE_BYTES_MAX: u64 = 128 * 1024;

/// How long a request may take that is only refused, because the control plane is not open.
pub(crate) const REFUSED_REQUEST_MAX: Duration = Duration::from_secs(1);

/// How much of such a request is read.
pub(crate) const REFUSED_HEAD_BYTES_MAX: usize = 16 * 1024;

/// How long one side of a hand-over may take to say the next line, where it has nothing to do before.
pub(crate) const HANDOVER_STEP_MAX: Duration = Duration::from_secs(10);

/// How long a line of that talk may be.
pub(crate) const HANDOVER_MESSAGE_BYTES_MAX: usize = 4096;

/// How long the control plane may take to stop when the next server waits for the data folder.
pub(crate) const HANDOVER_STOP_MAX: Duration = Duration::from_secs(30);

/// How long the next server waits for the data folder.
pub(crate) const HANDOVER_RELEASE_MAX: Duration = Duration::from_secs(45);

/// How long the next server may take from then on until it serves, migrations included.
pub(crate) const HANDOVER_OPEN_MAX: Duration = Duration::from_mins(10);

/// The table for `docs/reference/limits.md`.
pub const LIMITS: &[Limit] = &[
    Limit {
        name: "server.stop_max",
        unit: Unit::Milliseconds,
        default: 40_000,
        at_max: "The process ends without waiting for what is still open.",
    },
    Limit {
        name: "server.blocking_threads_max",
        unit: Unit::Count,
        default: 32,
        at_max: "Further file work waits for a free thread.",
    },
    Limit {
        name: "server.certificate_bytes_max",
        unit: Unit::Bytes,
        default: 131_072,
        at_max: "The file is not read, and the server does not start.",
    },
    Limit {
        name: "server.handover_step_max",
        unit: Unit::Milliseconds,
        default: 10_000,
        at_max: "The hand-over is given up; before the data folder was let go of, everything stays as it was.",
    },
    Limit {
        name: "server.handover_message_bytes_max",
        unit: Unit::Bytes,
        default: 4_096,
        at_max: "The hand-over is given up, as above.",
    },
    Limit {
        name: "server.handover_stop_max",
        unit: Unit::Milliseconds,
        default: 30_000,
        at_max: "Requests to the API that are still open are cut.",
    },
    Limit {
        name: "server.handover_release_max",
        unit: Unit::Milliseconds,
        default: 45_000,
        at_max: "The next server ends and says so; the running one goes on serving sites, with its API closed.",
    },
    Limit {
        name: "server.handover_open_max",
        unit: Unit::Milliseconds,
        default: 600_000,
        at_max: "The running server stays and serves sites, with its API closed; the next one ends.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_says_what_the_code_does() {
        let value = |name: &str| {
            LIMITS
                .iter()
                .find(|limit| limit.name == name)
                .map(|limit| limit.default)
        };
        assert_eq!(
            value("server.stop_max").map(u128::from),
            Some(STOP_MAX.as_millis())
        );
        assert_eq!(
            value("server.blocking_threads_max"),
            u64::try_from(BLOCKING_THREADS_MAX).ok()
        );
        for (name, limit) in [
            ("server.handover_step_max", HANDOVER_STEP_MAX),
            ("server.handover_stop_max", HANDOVER_STOP_MAX),
            ("server.handover_release_max", HANDOVER_RELEASE_MAX),
            ("server.handover_open_max", HANDOVER_OPEN_MAX),
        ] {
            assert_eq!(value(name).map(u128::from), Some(limit.as_millis()));
        }
        assert_eq!(
            value("server.handover_message_bytes_max"),
            u64::try_from(HANDOVER_MESSAGE_BYTES_MAX).ok()
        );
        assert_eq!(
            value("server.certificate_bytes_max"),
            Some(CERTIFICATE_BYTES_MAX)
        );
    }
}
