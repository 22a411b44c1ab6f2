//! Rows of the audit log, and the trail that puts a row into the same transaction as the change.
//!
//! A request that changes something runs within [`Trail::follow`]. The first change that it makes
//! takes the request's row along, so neither is kept without the other; `Db::write` does it, and no
//! operation can forget to. What ends without a change is written down afterwards.

use std::sync::{Arc, Mutex, PoisonError};

use holm_api::AuditOutcome;
use holm_types::{AuditId, ErrorCode, ProjectId, Timestamp, TokenId, UserId};
use rusqlite::{Row, params};

use super::{Change, DbError, View, column};

/// One call of a changing operation.
#[derive(Clone, Debug)]
pub(crate) struct AuditRow {
    pub(crate) id: AuditId,
    pub(crate) at: Timestamp,
    pub(crate) operation: String,
    pub(crate) target: String,
    pub(crate) project_id: Option<ProjectId>,
    pub(crate) outcome: AuditOutcome,
    pub(crate) status: u16,
    /// `None` when it was done.
    pub(crate) code: Option<String>,
    pub(crate) user_id: Option<UserId>,
    /// The user's e-mail now; only in rows that were read.
    pub(crate) email: Option<String>,
    pub(crate) token_id: Option<TokenId>,
    pub(crate) address: String,
    pub(crate) request_id: String,
}

/// Which rows of the log. `None` leaves a column open.
#[derive(Clone, Debug, Default)]
pub(crate) struct AuditFilter {
    pub(crate) user_id: Option<UserId>,
    pub(crate) project_id: Option<ProjectId>,
    pub(crate) operation: Option<String>,
    /// The earliest time.
    pub(crate) since: Option<Timestamp>,
}

tokio::task_local! {
    static CURRENT: Arc<Trail>;
}

/// One request's row on its way into the log.
#[derive(Debug)]
pub(crate) struct Trail {
    row: Mutex<AuditRow>,
    is_kept: Mutex<bool>,
}

impl Trail {
    /// A trail for a request; the row says how it would end if all goes well.
    pub(crate) fn new(row: AuditRow) -> Arc<Self> {
        Arc::new(Self {
            row: Mutex::new(row),
            is_kept: Mutex::new(false),
        })
    }

    /// Runs a request so that its first change takes the row along.
    pub(crate) async fn follow<F: Future>(self: &Arc<Self>, request: F) -> F::Output {
        CURRENT.scope(Arc::clone(self), request).await
    }

    /// The trail of the request that this task carries out. `None` outside of one.
    pub(super) fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// Says who it is and what it is about.
    pub(crate) fn name(
        &self,
        user_id: Option<UserId>,
        token_id: Option<TokenId>,
        project_id: Option<ProjectId>,
    ) {
        let mut row = lock(&self.row);
        row.user_id = user_id;
        row.token_id = token_id;
        row.project_id = project_id;
    }

    /// Says who it was, where the request itself tells that only while it is carried out.
    pub(crate) fn name_user(user_id: UserId) {
        if let Some(trail) = Self::current() {
            lock(&trail.row).user_id = Some(user_id);
        }
    }

    /// Leaves no row: nothing is done that was not done before.
    pub(crate) fn leave_out() {
        if let Some(trail) = Self::current() {
            trail.kept();
        }
    }

    /// The row, if no change has taken it along yet.
    pub(super) fn unkept(&self) -> Option<AuditRow> {
        (!*lock(&self.is_kept)).then(|| self.row())
    }

    /// A change with the row is durable.
    pub(super) fn kept(&self) {
        *lock(&self.is_kept) = true;
    }

    pub(crate) fn is_kept(&self) -> bool {
        *lock(&self.is_kept)
    }

    pub(crate) fn row(&self) -> AuditRow {
        lock(&self.row).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Whole values are put in; a panic cannot leave one half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const fn word(outcome: AuditOutcome) -> &'static str {
    match outcome {
        AuditOutcome::Done => "done",
        AuditOutcome::Refused => "refused",
        AuditOutcome::Failed => "failed",
    }
}

/// How an answer with this error ended.
pub(crate) fn outcome_of(code: ErrorCode) -> AuditOutcome {
    if code.status() >= 500 {
        AuditOutcome::Failed
    } else {
        AuditOutcome::Refused
    }
}

fn audit(row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    let outcome = match row.get::<_, String>(5)?.as_str() {
        "done" => AuditOutcome::Done,
        "refused" => AuditOutcome::Refused,
        _ => AuditOutcome::Failed,
    };
    Ok(AuditRow {
        id: column::id(row, 0, AuditId::from_bytes)?,
        at: column::time(row, 1)?,
        operation: row.get(2)?,
        target: row.get(3)?,
        project_id: column::optional_id(row, 4, ProjectId::from_bytes)?,
        outcome,
        status: row.get(6)?,
        code: row.get(7)?,
        user_id: column::optional_id(row, 8, UserId::from_bytes)?,
        token_id: column::optional_id(row, 9, TokenId::from_bytes)?,
        address: row.get(10)?,
        request_id: row.get(11)?,
        email: row.get(12)?,
    })
}

impl View<'_> {
    /// Rows of the log that fit, newest first, older than `before`.
    pub(crate) fn audit_rows(
        &self,
        before: Option<AuditId>,
        rows_max: u32,
        filter: &AuditFilter,
    ) -> Result<Vec<AuditRow>, DbError> {
        let before = before.map_or([0xFF; 16], |id| *id.as_bytes());
        let sql = "SELECT audit.id, at, operation, target, project_id, outcome, status, code,
                          user_id, token_id, address, request_id, users.email
                   FROM audit LEFT JOIN users ON users.id = audit.user_id
                   WHERE audit.id < ?1 AND (?3 IS NULL OR user_id = ?3)
                   AND (?4 IS NULL OR project_id = ?4) AND (?5 IS NULL OR operation = ?5)
                   AND (?6 IS NULL OR at >= ?6) ORDER BY audit.id DESC LIMIT ?2";
        let values = (
            before,
            rows_max,
            filter.user_id.as_ref().map(UserId::as_bytes),
            filter.project_id.as_ref().map(ProjectId::as_bytes),
            &filter.operation,
            filter.since.map(Timestamp::unix_ms),
        );
        self.connection
            .prepare(sql)
            .and_then(|mut statement| statement.query_map(values, audit)?.collect())
            .map_err(DbError::sql("list the audit log"))
    }
}

impl Change<'_> {
    /// Keeps a row of the log.
    pub(crate) fn insert_audit(&self, row: &AuditRow) -> Result<(), DbError> {
        self.connection
            .execute(
                "INSERT INTO audit (id, at, operation, target, project_id, outcome, status, code,
                                    user_id, token_id, address, request_id)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                params![
                    row.id.as_bytes(),
                    row.at.unix_ms(),
                    row.operation,
                    row.target,
                    row.project_id.as_ref().map(ProjectId::as_bytes),
                    word(row.outcome),
                    row.status,
                    row.code,
                    row.user_id.as_ref().map(UserId::as_bytes),
                    row.token_id.as_ref().map(TokenId::as_bytes),
                    row.address,
                    row.request_id,
                ],
            )
            .map(drop)
            .map_err(DbError::sql("write the audit log"))
    }

    /// Corrects how a call ended that made its change and failed afterwards.
    pub(crate) fn correct_audit(
        &self,
        id: AuditId,
        outcome: AuditOutcome,
        status: u16,
        code: Option<&str>,
    ) -> Result<(), DbError> {
        self.connection
            .execute(
                "UPDATE audit SET outcome = ?2, status = ?3, code = ?4 WHERE id = ?1",
                params![id.as_bytes(), word(outcome), status, code],
            )
            .map(drop)
            .map_err(DbError::sql("correct the audit log"))
    }

    /// Removes rows from before `before`, then the oldest beyond the maxima: of refused calls, so that
    /// they cannot push the others out, and of all. How many there were.
    pub(crate) fn trim_audit(
        &self,
        before: Timestamp,
        refused_max: u64,
        rows_max: u64,
    ) -> Result<u64, DbError> {
        let old = "DELETE FROM audit WHERE at < ?1";
        let refused = "DELETE FROM audit WHERE outcome = 'refused' AND id <= (SELECT id FROM audit
                       WHERE outcome = 'refused' ORDER BY id DESC LIMIT 1 OFFSET ?1)";
        let all = "DELETE FROM audit WHERE id <=
                   (SELECT id FROM audit ORDER BY id DESC LIMIT 1 OFFSET ?1)";
        let mut removed = 0;
        for (sql, bound) in [
            (old, before.unix_ms()),
            (refused, column::from_count(refused_max)),
            (all, column::from_count(rows_max)),
        ] {
            removed += self
                .connection
                .execute(sql, [bound])
                .map_err(DbError::sql("trim the audit log"))?;
        }
        Ok(removed as u64)
    }
}
