//! Handlers of projects.

use axum::response::Response;
use holm_api::ProjectUpdate;
use serde::Deserialize;

use super::list::Asked;
use super::{Call, respond};
use crate::app;
use crate::authz::{Authorized, Deploy, Manage, Read};
use crate::error::ApiError;

/// [`holm_api::ProjectCreate`] before its name is checked, so that a bad name has an error of its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProjectAsk {
    name: String,
}

pub(super) async fn project_list(
    call: &mut Call,
    who: Authorized<Read>,
) -> Result<Response, ApiError> {
    let asked = Asked::read(call)?;
    let projects = app::project_list(&call.core, &who, asked.rows()).await?;
    asked.answer(call, projects, |project| project.id)
}

pub(super) async fn project_create(
    call: &mut Call,
    who: Authorized<Manage>,
) -> Result<Response, ApiError> {
    let ask: ProjectAsk = call.json().await?;
    respond::json(
        201,
        &app::project_create(&call.core, &who, &ask.name).await?,
    )
}

pub(super) async fn project_view(
    call: &mut Call,
    who: Authorized<Read>,
) -> Result<Response, ApiError> {
    let project = call.path("project")?;
    respond::json(200, &app::project_view(&call.core, &who, project).await?)
}

pub(super) async fn project_update(
    call: &mut Call,
    who: Authorized<Manage>,
) -> Result<Response, ApiError> {
    let project = call.path("project")?;
    let update: ProjectUpdate = call.json().await?;
    respond::json(
        200,
        &app::project_update(&call.core, &who, project, update).await?,
    )
}

pub(super) async fn project_delete(
    call: &mut Call,
    who: Authorized<Manage>,
) -> Result<Response, ApiError> {
    let project = call.path("project")?;
    app::project_delete(&call.core, &who, project).await?;
    Ok(respond::empty())
}

pub(super) async fn project_rollback(
    call: &mut Call,
    who: Authorized<Deploy>,
) -> Result<Response, ApiError> {
    let project = call.path("project")?;
    respond::json(200, &app::roll_back(&call.core, &who, project).await?)
}
