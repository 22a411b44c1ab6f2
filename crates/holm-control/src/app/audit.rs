//! The audit log, read.

use holm_api::AuditView;
use holm_types::AuditId;

use super::ListAsk;
use crate::authz::{Authorized, Own};
use crate::core::Core;
use crate::db::AuditRow;
use crate::error::ApiError;

/// Rows of the log, newest first.
pub(crate) async fn list(
    core: &Core,
    _who: &Authorized<Own>,
    ask: ListAsk<AuditId>,
) -> Result<Vec<AuditView>, ApiError> {
    let rows = core
        .db
        .read(move |view| view.audit_rows(ask.before, ask.rows_max))
        .await?;
    Ok(rows.into_iter().map(shape).collect())
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
