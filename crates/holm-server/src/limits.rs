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
        assert_eq!(
            value("server.certificate_bytes_max"),
            Some(CERTIFICATE_BYTES_MAX)
        );
    }
}
