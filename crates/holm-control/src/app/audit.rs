//! The audit log, read.

use holm_api::{AuditQuery, AuditView, OPERATIONS};
use holm_types::{AuditId, ErrorCode, ProjectId, Timestamp, UserId};

use super::ListAsk;
use crate::authz::{Authorized, Own, email};
use crate::core::Core;
use crate::db::{AuditFilter, AuditRow, View};
use crate::error::ApiError;

/// Rows of the log that fit the query, newest first. Which page, `ask` says.
pub(crate) async fn list(
    core: &Core,
    _who: &Authorized<Own>,
    ask: ListAsk<AuditId>,
    query: AuditQuery,
) -> Result<Vec<AuditView>, ApiError> {
    let rows = core
        .db
        .read(move |view| {
            let filter = read_filter(view, query)?;
            Ok::<_, ApiError>(view.audit_rows(ask.before, ask.rows_max, &filter)?)
        })
        .await?;
    Ok(rows.into_iter().map(shape).collect())
}

/// A user or project that is gone is named by its id; names and e-mails are those of now.
fn read_filter(view: &View<'_>, query: AuditQuery) -> Result<AuditFilter, ApiError> {
    let is_operation = |id: &String| OPERATIONS.iter().any(|operation| operation.id == id);
    if query.operation.as_ref().is_some_and(|id| !is_operation(id)) {
        return Err(unfit("query:operation", "the id of an operation"));
    }
    let since = query.since.map(|text| {
        Timestamp::parse(&text)
            .ok_or_else(|| unfit("query:since", "a time such as 2026-01-31T12:00:00Z"))
    });
    Ok(AuditFilter {
        user_id: query.user.map(|user| find_user(view, &user)).transpose()?,
        project_id: query
            .project
            .map(|project| find_project(view, &project))
            .transpose()?,
        operation: query.operation,
        since: since.transpose()?,
    })
}

fn find_user(view: &View<'_>, user: &str) -> Result<UserId, ApiError> {
    if let Ok(id) = user.parse() {
        return Ok(id);
    }
    let row = match email::normalize(user) {
        Some(address) => view.user_by_email(&address)?,
        None => None,
    };
    let what = "the id of a user, or the e-mail of a member";
    row.map(|row| row.id)
        .ok_or_else(|| unfit("query:user", what))
}

fn find_project(view: &View<'_>, project: &str) -> Result<ProjectId, ApiError> {
    if let Ok(id) = project.parse() {
        return Ok(id);
    }
    let what = "the id of a project, or the name of one that is there";
    view.project_by_name(project)?
        .map(|row| row.id)
        .ok_or_else(|| unfit("query:project", what))
}

fn unfit(pointer: &str, what: &str) -> ApiError {
    ApiError::new(ErrorCode::RequestInvalid, "The query cannot be read").with_field(pointer, what)
}

fn shape(row: AuditRow) -> AuditView {
    AuditView {
        id: row.id,
        at: row.at,
        operation: row.operation,
        target: row.target,
        outcome: row.outcome,
        status: row.status,
        code: row.code,
        user_id: row.user_id,
        email: row.email,
        token_id: row.token_id,
        address: row.address,
        request_id: row.request_id,
    }
}
