//! Handlers of deployments and of the deploy protocol.

use axum::response::Response;
use holm_api::{FRAME_MEDIA_TYPE, MANIFEST_MEDIA_TYPE};
use holm_types::Environment;
use serde::Deserialize;

use super::list::Asked;
use super::{Call, respond};
use crate::app;
use crate::authz::{Authorized, Deploy, Read};
use crate::error::ApiError;

pub(super) async fn deployment_list(
    call: &mut Call,
    who: Authorized<Read>,
) -> Result<Response, ApiError> {
    let project = call.path("project")?;
    let asked = Asked::read(call)?;
    let deployments = app::deployment_list(&call.core, &who, project, asked.rows()).await?;
    asked.answer(call, deployments, |deployment| deployment.id)
}

pub(super) async fn deployment_create(
    call: &mut Call,
    who: Authorized<Deploy>,
) -> Result<Response, ApiError> {
    let project = call.path("project")?;
    call.expect_media_type(MANIFEST_MEDIA_TYPE)?;
    let created = app::announce(&call.core, &who, project, &mut call.body).await?;
    respond::json(201, &created)
}

pub(super) async fn deployment_view(
    call: &mut Call,
    who: Authorized<Read>,
) -> Result<Response, ApiError> {
    let (project, deployment) = (call.path("project")?, call.path("deployment")?);
    respond::json(
        200,
        &app::deployment_view(&call.core, &who, project, deployment).await?,
    )
}

pub(super) async fn blob_upload(
    call: &mut Call,
    who: Authorized<Deploy>,
) -> Result<Response, ApiError> {
    let (project, deployment) = (call.path("project")?, call.path("deployment")?);
    call.expect_media_type(FRAME_MEDIA_TYPE)?;
    let uploaded = app::upload(&call.core, &who, project, deployment, &mut call.body).await?;
    respond::json(200, &uploaded)
}

pub(super) async fn deployment_commit(
    call: &mut Call,
    who: Authorized<Deploy>,
) -> Result<Response, ApiError> {
    let (project, deployment) = (call.path("project")?, call.path("deployment")?);
    call.expect_media_type(FRAME_MEDIA_TYPE)?;
    let committed = app::commit(&call.core, &who, project, deployment, &mut call.body).await?;
    respond::json(200, &committed)
}

pub(super) async fn deployment_cancel(
    call: &mut Call,
    who: Authorized<Deploy>,
) -> Result<Response, ApiError> {
    let (project, deployment) = (call.path("project")?, call.path("deployment")?);
    respond::json(
        200,
        &app::cancel(&call.core, &who, project, deployment).await?,
    )
}

pub(super) async fn deployment_promote(
    call: &mut Call,
    who: Authorized<Deploy>,
) -> Result<Response, ApiError> {
    let (project, deployment) = (call.path("project")?, call.path("deployment")?);
    respond::json(
        200,
        &app::promote(&call.core, &who, project, deployment).await?,
    )
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RedeployQuery {
    environment: Option<Environment>,
}

pub(super) async fn deployment_redeploy(
    call: &mut Call,
    who: Authorized<Deploy>,
) -> Result<Response, ApiError> {
    let (project, deployment) = (call.path("project")?, call.path("deployment")?);
    let query: RedeployQuery = call.query()?;
    let environment = query.environment;
    let made = app::redeploy(&call.core, &who, project, deployment, environment).await?;
    respond::json(201, &made)
}

pub(super) async fn deployment_pin(
    call: &mut Call,
    who: Authorized<Deploy>,
) -> Result<Response, ApiError> {
    let (project, deployment) = (call.path("project")?, call.path("deployment")?);
    respond::json(200, &app::pin(&call.core, &who, project, deployment).await?)
}

pub(super) async fn deployment_unpin(
    call: &mut Call,
    who: Authorized<Deploy>,
) -> Result<Response, ApiError> {
    let (project, deployment) = (call.path("project")?, call.path("deployment")?);
    respond::json(
        200,
        &app::unpin(&call.core, &who, project, deployment).await?,
    )
}

pub(super) async fn deployment_variables(
    call: &mut Call,
    who: Authorized<Read>,
) -> Result<Response, ApiError> {
    let (project, deployment) = (call.path("project")?, call.path("deployment")?);
    let variables = app::deployment_variables(&call.core, &who, project, deployment).await?;
    respond::json(200, &variables)
}

pub(super) async fn deployment_delete(
    call: &mut Call,
    who: Authorized<Deploy>,
) -> Result<Response, ApiError> {
    let (project, deployment) = (call.path("project")?, call.path("deployment")?);
    app::deployment_delete(&call.core, &who, project, deployment).await?;
    Ok(respond::empty())
}
