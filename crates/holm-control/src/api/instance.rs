//! Handlers about the server itself.

use axum::response::Response;
use holm_api::{ClaimRequest, ClaimResult};

use super::{Call, respond};
use crate::app::instance as app;
use crate::authz::{Authorized, Read};
use crate::error::ApiError;

pub(super) async fn openapi_view(call: &mut Call) -> Result<Response, ApiError> {
    let core = &call.core;
    let document = core.openapi.get_or_init(|| {
        let document = holm_api::openapi(core.config.version);
        // A JSON value can always be written.
        serde_json::to_vec(&document).unwrap_or_default().into()
    });
    Ok(respond::json_bytes(200, document.clone()))
}

pub(super) async fn instance_view(call: &mut Call) -> Result<Response, ApiError> {
    respond::json(200, &app::view(&call.core).await?)
}

pub(super) async fn instance_claim(call: &mut Call) -> Result<Response, ApiError> {
    let claim: ClaimRequest = call.json().await?;
    let claimed = app::claim(&call.core, &claim, call.peer).await?;
    let result = ClaimResult {
        secret: claimed.token,
    };
    respond::secret_json(201, &result)
}

pub(super) async fn limit_list(
    call: &mut Call,
    who: Authorized<Read>,
) -> Result<Response, ApiError> {
    respond::json(200, &crate::app::limit_list(&call.core, &who))
}
