//! The maxima of the command line.

use std::time::Duration;

use holm_types::{Limit, Unit};

/// Every maximum of this room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CliLimits {
    /// Files in one folder.
    pub files_max: usize,
    /// Folders within folders.
    pub depth_max: usize,
    /// Threads that hash.
    pub hash_threads_max: usize,
    /// How often a file that changes while it is read is read again.
    pub read_attempts_max: u32,
    /// How often a folder that changes while it is deployed is deployed from the start.
    pub deploy_attempts_max: u32,
    /// Bytes of blobs in one upload request; a single larger blob is a request of its own.
    pub upload_batch_bytes_max: u64,
    /// How often one request is sent.
    pub request_attempts_max: u32,
    /// The pause before the second attempt; each further pause is twice as long.
    pub retry_pause: Duration,
    /// The time to connect.
    pub connect_time_max: Duration,
    /// The time to send one request's body.
    pub send_time_max: Duration,
    /// The time until the answer's head.
    pub answer_time_max: Duration,
    /// The time to receive one answer's body.
    pub receive_time_max: Duration,
    /// Bytes of one answer.
    pub answer_bytes_max: u64,
    /// Bytes of a file of settings: `edgeone.json`, `package.json`, the link file, the credentials, access
    /// rules, a password on standard input.
    pub settings_bytes_max: u64,
    /// Bytes of one folder's digest cache.
    pub digest_cache_bytes_max: u64,
    /// Pages that `--all` follows.
    pub pages_max: usize,
}

const MIB: u64 = 1024 * 1024;

impl Default for CliLimits {
    fn default() -> Self {
        Self {
            files_max: 1_000_000,
            depth_max: 64,
            hash_threads_max: 4,
            read_attempts_max: 3,
            deploy_attempts_max: 2,
            upload_batch_bytes_max: 32 * MIB,
            request_attempts_max: 5,
            retry_pause: Duration::from_millis(200),
            connect_time_max: Duration::from_secs(10),
            send_time_max: Duration::from_mins(10),
            answer_time_max: Duration::from_mins(2),
            receive_time_max: Duration::from_mins(2),
            answer_bytes_max: 128 * MIB,
            settings_bytes_max: MIB,
            digest_cache_bytes_max: 256 * MIB,
            pages_max: 1000,
        }
    }
}

/// The same as a table, for the reference.
pub const LIMITS: &[Limit] = &[
    limit(
        "cli.files_max",
        Unit::Count,
        1_000_000,
        "The command ends with an error that says how many files there are.",
    ),
    limit(
        "cli.depth_max",
        Unit::Count,
        64,
        "The command ends with an error that names the folder.",
    ),
    limit(
        "cli.hash_threads_max",
        Unit::Count,
        4,
        "Files wait for a thread.",
    ),
    limit(
        "cli.read_attempts_max",
        Unit::Count,
        3,
        "The command ends with an error that names the file that keeps changing.",
    ),
    limit(
        "cli.deploy_attempts_max",
        Unit::Count,
        2,
        "The command ends with an error that names the file that keeps changing.",
    ),
    limit(
        "cli.upload_batch_bytes_max",
        Unit::Bytes,
        32 * MIB,
        "The rest travels in the next request.",
    ),
    limit(
        "cli.request_attempts_max",
        Unit::Count,
        5,
        "The command ends with the last error.",
    ),
    limit(
        "cli.retry_pause_ms",
        Unit::Milliseconds,
        200,
        "The second attempt is made; each further pause is twice as long.",
    ),
    limit(
        "cli.connect_time_max",
        Unit::Milliseconds,
        10_000,
        "The attempt counts as failed.",
    ),
    limit(
        "cli.send_time_max",
        Unit::Milliseconds,
        600_000,
        "The command ends with exit code 8.",
    ),
    limit(
        "cli.answer_time_max",
        Unit::Milliseconds,
        120_000,
        "The command ends with exit code 8.",
    ),
    limit(
        "cli.receive_time_max",
        Unit::Milliseconds,
        120_000,
        "The command ends with exit code 8.",
    ),
    limit(
        "cli.answer_bytes_max",
        Unit::Bytes,
        128 * MIB,
        "The command ends with an error.",
    ),
    limit(
        "cli.settings_bytes_max",
        Unit::Bytes,
        MIB,
        "The command ends with an error that names the file.",
    ),
    limit(
        "cli.digest_cache_bytes_max",
        Unit::Bytes,
        256 * MIB,
        "The cache is ignored and written anew.",
    ),
    limit(
        "cli.pages_max",
        Unit::Count,
        1000,
        "The list ends there, and the command says so.",
    ),
];

const fn limit(name: &'static str, unit: Unit, default: u64, at_max: &'static str) -> Limit {
    Limit {
        name,
        unit,
        default,
        at_max,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_the_defaults_are() {
        let limits = CliLimits::default();
        let row = |name: &str| LIMITS.iter().find(|row| row.name == name).unwrap().default;
        assert_eq!(row("cli.files_max"), limits.files_max as u64);
        assert_eq!(row("cli.depth_max"), limits.depth_max as u64);
        assert_eq!(row("cli.hash_threads_max"), limits.hash_threads_max as u64);
        assert_eq!(
            row("cli.read_attempts_max"),
            u64::from(limits.read_attempts_max)
        );
        assert_eq!(
            row("cli.deploy_attempts_max"),
            u64::from(limits.deploy_attempts_max)
        );
        assert_eq!(
            row("cli.upload_batch_bytes_max"),
            limits.upload_batch_bytes_max
        );
        assert_eq!(
            row("cli.request_attempts_max"),
            u64::from(limits.request_attempts_max)
        );
        assert_eq!(
            Duration::from_millis(row("cli.retry_pause_ms")),
            limits.retry_pause
        );
        assert_eq!(
            Duration::from_millis(row("cli.connect_time_max")),
            limits.connect_time_max
        );
        assert_eq!(
            Duration::from_millis(row("cli.send_time_max")),
            limits.send_time_max
        );
        assert_eq!(
            Duration::from_millis(row("cli.answer_time_max")),
            limits.answer_time_max
        );
        assert_eq!(
            Duration::from_millis(row("cli.receive_time_max")),
            limits.receive_time_max
        );
        assert_eq!(row("cli.answer_bytes_max"), limits.answer_bytes_max);
        assert_eq!(row("cli.settings_bytes_max"), limits.settings_bytes_max);
        assert_eq!(
            row("cli.digest_cache_bytes_max"),
            limits.digest_cache_bytes_max
        );
        assert_eq!(row("cli.pages_max"), limits.pages_max as u64);
        assert_eq!(LIMITS.len(), 16);
    }
}
