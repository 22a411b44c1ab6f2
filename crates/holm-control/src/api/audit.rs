//! The handler of the audit log.

use axum::response::Response;
use holm_api::{AuditQuery, PageQuery};

use super::Call;
use super::list::Asked;
use crate::app::audit as app;
use crate::authz::{Authorized, Own};
use crate::error::ApiError;

pub(super) async fn audit_list(
    call: &mut Call,
    who: Authorized<Own>,
) -> Result<Response, ApiError> {
    let mut query: AuditQuery = call.query()?;
    let asked = Asked::of(PageQuery {
        limit: query.limit.take(),
        cursor: query.cursor.take(),
    })?;
    let rows = app::list(&call.core, &who, asked.rows(), query).await?;
    asked.answer(call, rows, |row| row.id)
}
