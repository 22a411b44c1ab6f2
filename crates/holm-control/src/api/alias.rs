//! Handlers of aliases.

use axum::response::Response;

use super::Call;
use super::list::Asked;
use crate::app;
use crate::authz::{Authorized, Read};
use crate::error::ApiError;

pub(super) async fn alias_list(
    call: &mut Call,
    who: Authorized<Read>,
) -> Result<Response, ApiError> {
    let project = call.path("project")?;
    let asked = Asked::read(call)?;
    let aliases = app::alias_list(&call.core, &who, project, asked.rows()).await?;
    asked.answer(call, aliases, |alias| alias.id)
}
