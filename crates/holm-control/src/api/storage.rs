//! Handlers of what is stored.

use axum::response::Response;
use holm_api::StorageCollect;

use super::{Call, respond};
use crate::app::storage as app;
use crate::authz::{Authorized, Manage, Read};
use crate::error::ApiError;

pub(super) async fn storage_view(
    call: &mut Call,
    who: Authorized<Read>,
) -> Result<Response, ApiError> {
    respond::json(200, &app::view(&call.core, &who).await?)
}

pub(super) async fn storage_collect(
    call: &mut Call,
    who: Authorized<Manage>,
) -> Result<Response, ApiError> {
    let ask: StorageCollect = call.json().await?;
    respond::json(200, &app::collect(&call.core, &who, &ask).await?)
}
