//! Handlers of what stands before a project's hosts.

use axum::response::Response;
use holm_api::{AccessRulesView, ProtectionUpdate, ShareCreate};
use serde::Serialize;

use super::{Call, precondition, respond};
use crate::app::{self, Tagged};
use crate::authz::{Authorized, Deploy, Manage, Read};
use crate::error::ApiError;

pub(super) async fn protection_view(
    call: &mut Call,
    who: Authorized<Read>,
) -> Result<Response, ApiError> {
    let project = call.path("project")?;
    shown(&app::protection_view(&call.core, &who, project).await?)
}

pub(super) async fn protection_update(
    call: &mut Call,
    who: Authorized<Manage>,
) -> Result<Response, ApiError> {
    let project = call.path("project")?;
    let expected = precondition::read(&call.parts.headers)?;
    let update: ProtectionUpdate = call.json().await?;
    shown(&app::protection_update(&call.core, &who, project, update, expected).await?)
}

pub(super) async fn access_rules_view(
    call: &mut Call,
    who: Authorized<Read>,
) -> Result<Response, ApiError> {
    let project = call.path("project")?;
    shown(&app::access_rules_view(&call.core, &who, project).await?)
}

pub(super) async fn access_rules_update(
    call: &mut Call,
    who: Authorized<Manage>,
) -> Result<Response, ApiError> {
    let project = call.path("project")?;
    let expected = precondition::read(&call.parts.headers)?;
    let rules: AccessRulesView = call.json().await?;
    shown(&app::access_rules_update(&call.core, &who, project, rules, expected).await?)
}

/// What there is, with its tag.
fn shown<T: Serialize>(tagged: &Tagged<T>) -> Result<Response, ApiError> {
    precondition::tagged(200, &tagged.view, &tagged.entity_tag)
}

pub(super) async fn project_share(
    call: &mut Call,
    who: Authorized<Deploy>,
) -> Result<Response, ApiError> {
    let project = call.path("project")?;
    let ask: ShareCreate = call.json().await?;
    respond::secret_json(200, &app::share(&call.core, &who, project, ask).await?)
}
