//! The maxima of the control plane.

use std::time::Duration;

use holm_types::{Limit, Unit};

/// Every maximum of the control plane. The defaults are in [`LIMITS`], in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlLimits {
    /// Files in one deployment. Default 20,000 (EdgeOne's), at most 100,000.
    pub files_max: u64,
    /// Bytes of one file. Default 25 MiB (EdgeOne's).
    pub file_bytes_max: u64,
    /// Bytes of one streamed manifest. Default 64 MiB.
    pub manifest_bytes_max: u64,
    /// Bytes of all manifests being read or written down at once. Default 256 MiB.
    pub manifests_bytes_max: u64,
    /// Bytes of one line of a streamed manifest. Default 16 KiB.
    pub manifest_line_bytes_max: usize,
    /// Bytes of one path in a manifest. Default 1,024.
    pub path_bytes_max: usize,
    /// Bytes of blobs in one commit. Default 4 MiB (decision D10.16).
    pub inline_bytes_max: u64,
    /// Bytes of one configuration file that is read while compiling. Default 1 MiB.
    pub config_bytes_max: u64,
    /// Deployments being written down or compiled at once, after their bodies arrived. Default 8.
    pub deploys_max: usize,
    /// Bytes of one archive. Default 1 GiB.
    pub archive_bytes_max: u64,
    /// Entries of one archive, folders included. Default 100,000.
    pub archive_entries_max: u64,
    /// Bytes of an archive's list of entries, which is held in memory. Default 32 MiB.
    pub archive_directory_bytes_max: u64,
    /// Bytes that an archive unpacks to. Default 4 GiB.
    pub archive_unpacked_bytes_max: u64,
    /// Unpacked bytes for each byte of an archive, where it unpacks to more than 64 MiB. Default 200.
    pub archive_ratio_max: u64,
    /// Archives on disk at once, arriving or being unpacked. Default 2.
    pub archives_max: usize,
    /// Streams of events that are followed at once. Default 32.
    pub event_streams_max: usize,
    /// How long one stream of events is followed. Default 30 minutes.
    pub event_stream_time_max: Duration,
    /// Commits that go on behind their answer at once. Default 32.
    pub background_commits_max: usize,
    /// Projects on this server. Default 1,000.
    pub projects_max: u64,
    /// Sealed deployments that a project keeps when it does not say how many itself: the newest, beside
    /// what is pinned or pointed at. Default 10 (decision D10.15).
    pub deployments_kept_max: u64,
    /// Variables in one environment of a project. Default 100.
    pub variables_max: u64,
    /// Bytes of a variable's name. Default 128.
    pub variable_name_bytes_max: u64,
    /// Bytes of a variable's value. Default 500 (EdgeOne's).
    pub variable_value_bytes_max: u64,
    /// Rows of deleted projects, or deployments that expire, in one change. Default 500.
    pub sweep_rows_max: u64,
    /// How long an upload may stay unfinished. Default 24 hours.
    pub upload_time_max: Duration,
    /// How long a commit waits for the edge to serve it. Default 5 s.
    pub take_up_wait_max: Duration,
    /// Bytes of a JSON or form body. Default 64 KiB.
    pub body_bytes_max: u64,
    /// Time between two pieces of a body. Default 30 s.
    pub body_idle_max: Duration,
    /// Time of one request from head to answer. Default 10 minutes.
    pub request_time_max: Duration,
    /// Time for the whole body of a request that needs no sign-in. Default 10 s.
    pub open_body_time_max: Duration,
    /// Bytes of a body that nobody wanted which are read behind the answer, so that the client gets to
    /// see it. Default 64 KiB (decision D10.14).
    pub drain_bytes_max: u64,
    /// Time for reading a body that nobody wanted. Default 1 s (decision D10.14).
    pub drain_body_time_max: Duration,
    /// Time for a request's head. Default 10 s.
    pub head_time_max: Duration,
    /// Open connections. Default 256.
    pub connections_max: usize,
    /// Requests in flight. Default 64.
    pub requests_max: usize,
    /// Time for requests in flight when the server stops. Default 10 s.
    pub drain_time_max: Duration,
    /// Connections that read the database. Default 4.
    pub db_readers_max: usize,
    /// Changes waiting for the database's writer. Default 1,024.
    pub db_queue_max: usize,
    /// Changes in one commit of the database. Default 256.
    pub db_batch_max: usize,
    /// Bytes of the write-ahead log before it is moved into the file at once. Default 32 MiB.
    pub db_log_bytes_max: u64,
    /// Quiet time after which the write-ahead log is moved into the file. Default 500 ms.
    pub db_checkpoint_idle: Duration,
    /// Bytes of the largest asset that is given encoded variants. Default 10 MiB.
    pub variant_source_bytes_max: u64,
    /// Bytes of the largest asset whose variants are made as small as can be, which takes some seconds
    /// of a processor for each megabyte. Default 4 MiB.
    pub best_variant_source_bytes_max: u64,
    /// Bytes of variants stored together. Default 4 MiB.
    pub variant_batch_bytes_max: u64,
    /// Bytes of memory that one password hash takes (argon2id). Default 19 MiB, OWASP's first choice.
    pub password_memory_bytes: u64,
    /// Passes over that memory. Default 2.
    pub password_passes: u32,
    /// Password hashes made at once. Default 2.
    pub password_hashes_max: usize,
    /// Password hashes that wait. Default 32.
    pub password_queue_max: usize,
    /// Failed sign-ins of one account within [`Self::sign_in_window`]. Default 10.
    pub account_sign_ins_max: u64,
    /// Failed sign-ins from one address within [`Self::sign_in_window`]. Default 60.
    pub address_sign_ins_max: u64,
    /// Time in which failed sign-ins are forgotten. Default 15 minutes.
    pub sign_in_window: Duration,
    /// Requests of one user within [`Self::requests_window`]. Default 12,000.
    pub actor_requests_max: u64,
    /// Requests from one address within [`Self::requests_window`]. Default 24,000.
    pub address_requests_max: u64,
    /// Time in which requests are forgotten. Default 1 minute.
    pub requests_window: Duration,
    /// Users, addresses and accounts that are counted apart at once. Default 10,000.
    pub rate_keys_max: usize,
    /// Members and open invitations. Default 1,000.
    pub members_max: u64,
    /// How long an invitation can be accepted. Default 7 days.
    pub invitation_time_max: Duration,
    /// Tokens of one user. Default 200.
    pub user_tokens_max: u64,
    /// Browsers that one user is signed in with. Default 50.
    pub user_sessions_max: u64,
    /// Rows of the audit log. Default 200,000.
    pub audit_rows_max: u64,
    /// Rows of the audit log about refused calls. Default 20,000.
    pub audit_refusals_max: u64,
    /// How long a row of the audit log is kept. Default 365 days.
    pub audit_time_max: Duration,
    /// How long an idempotency key is known. Default 24 hours.
    pub idempotency_time_max: Duration,
    /// Bytes of one answer that an idempotency key keeps. Default 8 MiB.
    pub idempotency_answer_bytes_max: u64,
    /// Idempotency keys that are known. Default 10,000.
    pub idempotency_keys_max: u64,
    /// Bytes of all answers that idempotency keys keep. Default 64 MiB.
    pub idempotency_bytes_max: u64,
    /// Projects that one change of the snapshot replaces. Default 1,000.
    pub changed_projects_max: u32,
    /// How long changes of the snapshot lie on a whole one before they are folded into it. Default 1 h.
    pub snapshot_changes_time_max: Duration,
    /// How long a collection waits, after it has found what nobody wants, for visitors whose requests
    /// began before. Default 5 s.
    pub collect_settle_time: Duration,
    /// How long a back-up waits for its client to take the next piece. Default 60 s.
    pub backup_stall_max: Duration,
}

/// Below this many unpacked bytes an archive's growth does not matter: what is small is no bomb.
pub(crate) const ARCHIVE_RATIO_FREE_BYTES: u64 = 64 * 1024 * 1024;

/// The bounds of [`ControlLimits::files_max`].
pub const FILES_MAX_MAX: u64 = 2_000_000;

/// The most that [`ControlLimits::password_memory_bytes`] may be: 1 GiB. What cannot be allocated ends
/// the program.
pub(crate) const PASSWORD_MEMORY_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// The most that [`ControlLimits::password_passes`] may be.
pub(crate) const PASSWORD_PASSES_MAX: u64 = 100;

impl Default for ControlLimits {
    fn default() -> Self {
        Self {
            files_max: 20_000,
            file_bytes_max: 25 * 1024 * 1024,
            manifest_bytes_max: 64 * 1024 * 1024,
            manifests_bytes_max: 256 * 1024 * 1024,
            manifest_line_bytes_max: 16 * 1024,
            path_bytes_max: 1024,
            inline_bytes_max: 4 * 1024 * 1024,
            config_bytes_max: 1024 * 1024,
            deploys_max: 8,
            archive_bytes_max: 1024 * 1024 * 1024,
            archive_entries_max: 100_000,
            archive_directory_bytes_max: 32 * 1024 * 1024,
            archive_unpacked_bytes_max: 4 * 1024 * 1024 * 1024,
            archive_ratio_max: 200,
            archives_max: 2,
            event_streams_max: 32,
            event_stream_time_max: Duration::from_mins(30),
            background_commits_max: 32,
            projects_max: 1000,
            deployments_kept_max: 10,
            variables_max: 100,
            variable_name_bytes_max: 128,
            variable_value_bytes_max: 500,
            sweep_rows_max: 500,
            upload_time_max: Duration::from_hours(24),
            take_up_wait_max: Duration::from_secs(5),
            body_bytes_max: 64 * 1024,
            body_idle_max: Duration::from_secs(30),
            request_time_max: Duration::from_mins(10),
            open_body_time_max: Duration::from_secs(10),
            drain_bytes_max: 64 * 1024,
            drain_body_time_max: Duration::from_secs(1),
            head_time_max: Duration::from_secs(10),
            connections_max: 256,
            requests_max: 64,
            drain_time_max: Duration::from_secs(10),
            db_readers_max: 4,
            db_queue_max: 1024,
            db_batch_max: 256,
            db_log_bytes_max: 32 * 1024 * 1024,
            db_checkpoint_idle: Duration::from_millis(500),
            variant_source_bytes_max: 10 * 1024 * 1024,
            best_variant_source_bytes_max: 4 * 1024 * 1024,
            variant_batch_bytes_max: 4 * 1024 * 1024,
            password_memory_bytes: 19 * 1024 * 1024,
            password_passes: 2,
            password_hashes_max: 2,
            password_queue_max: 32,
            account_sign_ins_max: 10,
            address_sign_ins_max: 60,
            sign_in_window: Duration::from_mins(15),
            actor_requests_max: 12_000,
            address_requests_max: 24_000,
            requests_window: Duration::from_mins(1),
            rate_keys_max: 10_000,
            members_max: 1000,
            invitation_time_max: Duration::from_hours(7 * 24),
            user_tokens_max: 200,
            user_sessions_max: 50,
            audit_rows_max: 200_000,
            audit_refusals_max: 20_000,
            audit_time_max: Duration::from_hours(365 * 24),
            idempotency_time_max: Duration::from_hours(24),
            idempotency_answer_bytes_max: 8 * 1024 * 1024,
            idempotency_keys_max: 10_000,
            idempotency_bytes_max: 64 * 1024 * 1024,
            changed_projects_max: 1000,
            snapshot_changes_time_max: Duration::from_hours(1),
            collect_settle_time: Duration::from_secs(5),
            backup_stall_max: Duration::from_mins(1),
        }
    }
}

macro_rules! limits {
    ($($name:literal $unit:ident $default:literal $at_max:literal;)*) => {
        /// The table of the control plane's maxima, for the reference page.
        pub const LIMITS: &[Limit] = &[$(Limit {
            name: concat!("control.", $name), unit: Unit::$unit, default: $default, at_max: $at_max,
        }),*];
    };
}

limits! {
    "files_max" Count 20_000 "The deployment is refused with 422 deployment/too-many-files.";
    "file_bytes_max" Bytes 26_214_400 "The deployment is refused with 422 deployment/file-too-large.";
    "manifest_bytes_max" Bytes 67_108_864 "The manifest is refused with 413 request/too-large.";
    "manifests_bytes_max" Bytes 268_435_456 "The manifest is refused with 503 server/busy.";
    "manifest_line_bytes_max" Bytes 16_384 "The manifest is refused with 422 deployment/manifest.";
    "path_bytes_max" Bytes 1_024 "The manifest is refused with 422 deployment/manifest.";
    "inline_bytes_max" Bytes 4_194_304 "The commit is refused with 413 request/too-large; upload the blobs first.";
    "config_bytes_max" Bytes 1_048_576 "The deployment is refused with 422 deployment/file-too-large.";
    "deploys_max" Count 8 "Further announcements and commits wait.";
    "archive_bytes_max" Bytes 1_073_741_824 "The archive is refused with 413 request/too-large.";
    "archive_entries_max" Count 100_000 "The archive is refused with 413 deployment/archive-too-large.";
    "archive_directory_bytes_max" Bytes 33_554_432 "The archive is refused with 413 deployment/archive-too-large.";
    "archive_unpacked_bytes_max" Bytes 4_294_967_296 "The archive is refused with 413 deployment/archive-too-large.";
    "archive_ratio_max" Count 200 "The archive is refused with 413 deployment/archive-too-large.";
    "archives_max" Count 2 "A further archive is refused with 503 server/busy.";
    "event_streams_max" Count 32 "A further stream is refused with 503 server/busy.";
    "event_stream_time_max" Milliseconds 1_800_000 "The stream ends; `Last-Event-ID` goes on behind it.";
    "background_commits_max" Count 32 "A further commit is carried out before it is answered.";
    "projects_max" Count 1_000 "A new project is refused with 409 project/limit.";
    "deployments_kept_max" Count 10 "The oldest that is neither pinned nor pointed at expires and answers 401.";
    "variables_max" Count 100 "Further variables are refused with 409 variable/limit.";
    "variable_name_bytes_max" Bytes 128 "The variable is refused with 422 variable/too-large.";
    "variable_value_bytes_max" Bytes 500 "The variable is refused with 422 variable/too-large.";
    "sweep_rows_max" Count 500 "The rest goes with the next change.";
    "upload_time_max" Milliseconds 86_400_000 "The deployment ends as timed_out.";
    "take_up_wait_max" Milliseconds 5_000 "The change is kept and answered with 503 edge/not-taken-up.";
    "body_bytes_max" Bytes 65_536 "The request is refused with 413 request/too-large.";
    "body_idle_max" Milliseconds 30_000 "The request is refused with 408 request/timeout.";
    "request_time_max" Milliseconds 600_000 "The request is ended with 408 request/timeout.";
    "open_body_time_max" Milliseconds 10_000 "The request is refused with 408 request/timeout.";
    "drain_bytes_max" Bytes 65_536 "The connection is closed after the answer.";
    "drain_body_time_max" Milliseconds 1_000 "The connection is closed after the answer.";
    "head_time_max" Milliseconds 10_000 "The connection is closed.";
    "connections_max" Count 256 "Further connections wait in the listen backlog.";
    "requests_max" Count 64 "Further requests are refused with 503 server/busy.";
    "drain_time_max" Milliseconds 10_000 "Connections that are still busy are closed.";
    "db_readers_max" Count 4 "Further reads wait.";
    "db_queue_max" Count 1_024 "Further changes are refused with 503 server/busy.";
    "db_batch_max" Count 256 "Further changes go into the next commit.";
    "db_log_bytes_max" Bytes 33_554_432 "The log is moved into the file before the next change.";
    "db_checkpoint_idle" Milliseconds 500 "The log is moved into the file.";
    "variant_source_bytes_max" Bytes 10_485_760 "A larger asset is served as it is.";
    "best_variant_source_bytes_max" Bytes 4_194_304 "A larger asset keeps the variants that were made quickly.";
    "variant_batch_bytes_max" Bytes 4_194_304 "What was made so far is stored before the next asset.";
    "password_memory_bytes" Bytes 19_922_944 "A guess at a password costs as much.";
    "password_passes" Count 2 "A guess at a password costs as many.";
    "password_hashes_max" Count 2 "Further sign-ins wait.";
    "password_queue_max" Count 32 "Further sign-ins are refused with 503 server/busy.";
    "account_sign_ins_max" Count 10 "Further ones are refused with 429 request/rate-limited.";
    "address_sign_ins_max" Count 60 "Further ones are refused with 429 request/rate-limited.";
    "sign_in_window" Milliseconds 900_000 "Failed sign-ins are forgotten.";
    "actor_requests_max" Count 12_000 "Further ones are refused with 429 request/rate-limited.";
    "address_requests_max" Count 24_000 "Further ones are refused with 429 request/rate-limited.";
    "requests_window" Milliseconds 60_000 "Requests are forgotten.";
    "rate_keys_max" Count 10_000 "Further ones are counted together.";
    "members_max" Count 1_000 "A new invitation is refused with 409 member/limit.";
    "invitation_time_max" Milliseconds 604_800_000 "The invitation is refused with 403 invitation/invalid.";
    "user_tokens_max" Count 200 "A new token is refused with 409 token/limit.";
    "user_sessions_max" Count 50 "The oldest session ends.";
    "audit_rows_max" Count 200_000 "The oldest rows are removed.";
    "audit_refusals_max" Count 20_000 "The oldest of them are removed.";
    "audit_time_max" Milliseconds 31_536_000_000 "The row is removed.";
    "idempotency_time_max" Milliseconds 86_400_000 "The key is as good as new.";
    "idempotency_answer_bytes_max" Bytes 8_388_608 "The request is done; asking again is refused with 409 request/idempotency-not-kept.";
    "idempotency_keys_max" Count 10_000 "The oldest are forgotten.";
    "idempotency_bytes_max" Bytes 67_108_864 "The oldest are forgotten.";
    "changed_projects_max" Count 1_000 "The snapshot is published whole.";
    "snapshot_changes_time_max" Milliseconds 3_600_000 "The changes are folded into a whole snapshot.";
    "collect_settle_time" Milliseconds 5_000 "The collection removes what nobody wants.";
    "backup_stall_max" Milliseconds 60_000 "The back-up is broken off.";
}

holm_types::settable_limits!(ControlLimits {
    files_max,
    file_bytes_max,
    manifest_bytes_max,
    manifests_bytes_max,
    manifest_line_bytes_max,
    path_bytes_max,
    inline_bytes_max,
    config_bytes_max,
    deploys_max,
    archive_bytes_max,
    archive_entries_max,
    archive_directory_bytes_max,
    archive_unpacked_bytes_max,
    archive_ratio_max,
    archives_max,
    event_streams_max,
    event_stream_time_max,
    background_commits_max,
    projects_max,
    deployments_kept_max,
    variables_max,
    variable_name_bytes_max,
    variable_value_bytes_max,
    sweep_rows_max,
    upload_time_max,
    take_up_wait_max,
    body_bytes_max,
    body_idle_max,
    request_time_max,
    open_body_time_max,
    drain_bytes_max,
    drain_body_time_max,
    head_time_max,
    connections_max,
    requests_max,
    drain_time_max,
    db_readers_max,
    db_queue_max,
    db_batch_max,
    db_log_bytes_max,
    db_checkpoint_idle,
    variant_source_bytes_max,
    best_variant_source_bytes_max,
    variant_batch_bytes_max,
    password_memory_bytes,
    password_passes,
    password_hashes_max,
    password_queue_max,
    account_sign_ins_max,
    address_sign_ins_max,
    sign_in_window,
    actor_requests_max,
    address_requests_max,
    requests_window,
    rate_keys_max,
    members_max,
    invitation_time_max,
    user_tokens_max,
    user_sessions_max,
    audit_rows_max,
    audit_refusals_max,
    audit_time_max,
    idempotency_time_max,
    idempotency_answer_bytes_max,
    idempotency_keys_max,
    idempotency_bytes_max,
    changed_projects_max,
    snapshot_changes_time_max,
    collect_settle_time,
    backup_stall_max,
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_the_defaults_are() {
        let limits = ControlLimits::default();
        let default = |name: &str| {
            let full = format!("control.{name}");
            let row = LIMITS.iter().find(|limit| limit.name == full);
            row.unwrap_or_else(|| panic!("{full} is not in the table"))
                .default
        };
        assert_eq!(default("files_max"), limits.files_max);
        assert_eq!(default("file_bytes_max"), limits.file_bytes_max);
        assert_eq!(default("manifest_bytes_max"), limits.manifest_bytes_max);
        assert_eq!(default("inline_bytes_max"), limits.inline_bytes_max);
        assert_eq!(default("body_bytes_max"), limits.body_bytes_max);
        assert_eq!(
            u128::from(default("upload_time_max")),
            limits.upload_time_max.as_millis()
        );
        assert_eq!(
            u128::from(default("take_up_wait_max")),
            limits.take_up_wait_max.as_millis()
        );
        assert_eq!(default("db_queue_max"), limits.db_queue_max as u64);
        assert_eq!(LIMITS.len(), 70);
        assert_eq!(
            limits
                .in_force(LIMITS)
                .find(|row| row.value != row.limit.default),
            None,
            "a default in the table is not the one in the code"
        );
        assert!(limits.in_force(LIMITS).all(|row| row.is_settable));
    }
}
