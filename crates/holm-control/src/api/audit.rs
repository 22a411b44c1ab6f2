//! The handler of the audit log.

use axum::response::Response;

use super::Call;
use super::list::Asked;
use crate::app::audit as app;
use crate::authz::{Authorized, Own};
use crate::error::ApiError;

pub(super) async fn audit_list(
    call: &mut Call,
    who: Authorized<Own>,
) -> Result<Response, ApiError> {
    let asked = Asked::read(call)?;
    let rows = app::list(&call.core, &who, asked.rows()).await?;
    asked.answer(call, rows, |row| row.id)
}
