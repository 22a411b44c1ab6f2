//! Handlers of what stands before a project's hosts.

use axum::response::Response;
use holm_api::{AccessRulesView, ProtectionUpdate, ShareCreate};

use super::{Call, respond};
use crate::app;
use crate::authz::{Authorized, Manage, Read};
use crate::error::ApiError;

pub(super) async fn protection_view(
    call: &mut Call,
    who: Authorized<Read>,
) -> Result<Response, ApiError> {
    let project = call.path("project")?;
    respond::json(200, &app::protection_view(&call.core, &who, project).await?)
}

pub(super) async fn protection_update(
    call: &mut Call,
    who: Authorized<Manage>,
) -> Result<Response, ApiError> {
    let project = call.path("project")?;
    let update: ProtectionUpdate = call.json().await?;
    respond::json(
        200,
        &app::protection_update(&call.core, &who, project, update).await?,
    )
}

pub(super) async fn access_rules_view(
    call: &mut Call,
    who: Authorized<Read>,
) -> Result<Response, ApiError> {
    let project = call.path("project")?;
    respond::json(
        200,
        &app::access_rules_view(&call.core, &who, project).await?,
    )
}

pub(super) async fn access_rules_update(
    call: &mut Call,
    who: Authorized<Manage>,
) -> Result<Response, ApiError> {
    let project = call.path("project")?;
    let rules: AccessRulesView = call.json().await?;
    respond::json(
        200,
        &app::access_rules_update(&call.core, &who, project, rules).await?,
    )
}

pub(super) async fn project_share(
    call: &mut Call,
    who: Authorized<Read>,
) -> Result<Response, ApiError> {
    let project = call.path("project")?;
    let ask: ShareCreate = call.json().await?;
    respond::secret_json(200, &app::share(&call.core, &who, project, ask).await?)
}
