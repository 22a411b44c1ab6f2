//! Handlers of deployments and of the deploy protocol.

use axum::response::Response;
use holm_api::DeploymentCreateQuery;
use holm_api::FRAME_MEDIA_TYPE;

use super::announced::Announced;
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
    let query: DeploymentCreateQuery = call.query()?;
    let (core, body) = (&call.core, &mut call.body);
    match Announced::of(&call.parts, &query)? {
        Announced::Manifest if query.dry_run => {
            respond::json(200, &app::plan(core, &who, project, body).await?)
        }
        Announced::Manifest => respond::json(201, &app::announce(core, &who, project, body).await?),
        Announced::Archive if query.dry_run => {
            let plan = app::plan_archive(core, &who, project, query, body).await?;
            respond::json(200, &plan)
        }
        Announced::Archive => {
            let created = app::announce_archive(core, &who, project, query, body).await?;
            respond::json(201, &created)
        }
    }
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

pub(super) async fn deployment_delete(
    call: &mut Call,
    who: Authorized<Deploy>,
) -> Result<Response, ApiError> {
    let (project, deployment) = (call.path("project")?, call.path("deployment")?);
    app::deployment_delete(&call.core, &who, project, deployment).await?;
    Ok(respond::empty())
}
