//! One error of the API: what the caller is told, and what only the log is told.

use std::error::Error;
use std::time::Duration;

use holm_api::{Problem, ProblemField};
use holm_storage::{BlobError, SnapshotStoreError};
use holm_types::{Blame, Diagnostic, ErrorCode, RequestId, Retry};

use crate::db::DbError;
use crate::rate::Taken;

/// Why an operation did not happen.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) code: ErrorCode,
    /// For the caller: never a path, an address or another library's message.
    pub(crate) external: String,
    /// For the log.
    pub(crate) internal: Option<String>,
    /// What some codes add. Boxed, because errors are rare and results are not.
    pub(crate) details: Box<Details>,
}

/// What some codes add to an error.
#[derive(Debug, Default)]
pub(crate) struct Details {
    pub(crate) fields: Vec<ProblemField>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) missing: Vec<String>,
    pub(crate) reached: Option<Reached>,
    /// The rate that the request was counted by.
    pub(crate) rate: Option<(&'static str, Taken)>,
    /// When asking again may help.
    pub(crate) retry_after: Option<Duration>,
}

/// A limit that was reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reached {
    pub(crate) limit: u64,
    pub(crate) observed: u64,
    /// The setting that holds the limit, for example `control.files_max`.
    pub(crate) setting: &'static str,
}

impl ApiError {
    pub(crate) fn new(code: ErrorCode, external: impl Into<String>) -> Self {
        Self {
            code,
            external: external.into(),
            internal: None,
            details: Box::default(),
        }
    }

    /// A bug or a broken machine: the caller is told `external`, the log the whole chain.
    pub(crate) fn from_cause(
        code: ErrorCode,
        external: impl Into<String>,
        cause: &(dyn Error + 'static),
    ) -> Self {
        let mut error = Self::new(code, external);
        error.internal = Some(chain(cause));
        error
    }

    pub(crate) fn with_field(
        mut self,
        pointer: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        self.details.fields.push(ProblemField {
            pointer: pointer.into(),
            detail: detail.into(),
        });
        self
    }

    pub(crate) fn with_fields(mut self, fields: Vec<ProblemField>) -> Self {
        self.details.fields = fields;
        self
    }

    pub(crate) fn with_diagnostics(mut self, diagnostics: Vec<Diagnostic>) -> Self {
        self.details.diagnostics = diagnostics;
        self
    }

    pub(crate) fn with_missing(mut self, missing: Vec<String>) -> Self {
        self.details.missing = missing;
        self
    }

    pub(crate) fn with_limit(mut self, limit: u64, observed: u64, setting: &'static str) -> Self {
        self.details.reached = Some(Reached {
            limit,
            observed,
            setting,
        });
        self
    }

    /// As [`ApiError::with_limit`], for a time that has run out: both numbers are milliseconds.
    pub(crate) fn with_time_limit(self, limit: Duration, setting: &'static str) -> Self {
        let ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        self.with_limit(ms, ms, setting)
    }

    /// Says by which rate the request was counted.
    pub(crate) fn with_rate(mut self, name: &'static str, taken: Taken) -> Self {
        self.details.rate = Some((name, taken));
        self
    }

    /// Says when asking again may help: `Retry-After`.
    pub(crate) fn with_retry_after(mut self, retry_after: Duration) -> Self {
        self.details.retry_after = Some(retry_after);
        self
    }

    /// For the log: what the caller is not told, or what it is told when that is all there is.
    pub(crate) fn reason(&self) -> String {
        let told = self.internal.as_ref().unwrap_or(&self.external);
        format!("{}: {told}", self.code)
    }

    /// The body of the answer.
    pub(crate) fn problem(self, request_id: RequestId) -> Problem {
        Problem {
            kind: format!("https://holm.invalid/errors/{}", self.code),
            title: self.code.advice().to_owned(),
            status: self.code.status(),
            detail: self.external,
            code: self.code.to_string(),
            blame: match self.code.blame() {
                Blame::Caller => "caller",
                Blame::Platform => "platform",
            }
            .to_owned(),
            retry: match self.code.retry() {
                Retry::No => "no",
                Retry::Later => "later",
                Retry::Yes => "yes",
            }
            .to_owned(),
            request_id: request_id.to_string(),
            errors: self.details.fields,
            diagnostics: self.details.diagnostics,
            missing: self.details.missing,
            limit: self.details.reached.map(|reached| reached.limit),
            observed: self.details.reached.map(|reached| reached.observed),
            setting: self
                .details
                .reached
                .map(|reached| reached.setting.to_owned()),
        }
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without words").to_owned()
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        let (code, external) = match &error {
            DbError::Busy { .. } => (ErrorCode::ServerBusy, "Too many changes are waiting"),
            DbError::Closed => (ErrorCode::ServerStopping, "The server is stopping"),
            DbError::Sql { source, .. } if is_disk(source) => DISK,
            DbError::Commit(source) if is_disk(source) => DISK,
            DbError::Copy(_) => DISK,
            _ => (
                ErrorCode::Internal,
                "The database did not answer as it should",
            ),
        };
        let refusal = Self::from_cause(code, external, &error);
        match error {
            DbError::Busy { queue_max } => {
                let limit = queue_max as u64;
                refusal.with_limit(limit, limit + 1, "control.db_queue_max")
            }
            _ => refusal,
        }
    }
}

const DISK: (ErrorCode, &str) = (
    ErrorCode::StorageUnavailable,
    "The server's disk refused to read or write",
);

fn is_disk(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode as Sqlite;
    matches!(
        error.sqlite_error_code(),
        Some(Sqlite::DiskFull | Sqlite::SystemIoFailure | Sqlite::CannotOpen | Sqlite::ReadOnly)
    )
}

impl From<BlobError> for ApiError {
    fn from(error: BlobError) -> Self {
        match &error {
            BlobError::Mismatch { expected, .. } => Self::new(
                ErrorCode::BlobMismatch,
                format!("The bytes sent for blob {expected} are not its bytes"),
            ),
            _ => Self::from_cause(DISK.0, DISK.1, &error),
        }
    }
}

impl From<SnapshotStoreError> for ApiError {
    fn from(error: SnapshotStoreError) -> Self {
        Self::from_cause(DISK.0, DISK.1, &error)
    }
}
