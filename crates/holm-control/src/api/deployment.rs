//! Handlers of deployments and of the deploy protocol.

use axum::body::Body;
use axum::response::Response;
use holm_api::{
    API_PREFIX, DeploymentCreateQuery, DeploymentView, EVENTS_MEDIA_TYPE, FRAME_MEDIA_TYPE,
};
use holm_types::Environment;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LINK, LOCATION};
use serde::Deserialize;

use super::announced::Announced;
use super::list::Asked;
use super::{Call, respond};
use crate::app::{self, Committed};
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
    let may_go_on = prefers_async(&call.parts.headers);
    let (core, body) = (&call.core, &mut call.body);
    match app::commit(core, &who, project, deployment, body, may_go_on).await? {
        Committed::Done(view) => respond::json(200, &view),
        Committed::GoesOn(view) => going_on(&view),
    }
}

/// `Prefer: respond-async` (RFC 7240, section 4.1).
fn prefers_async(headers: &HeaderMap) -> bool {
    let values = headers.get_all("prefer").iter();
    let mut preferences = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    preferences.any(|preference| {
        let name = preference.split([';', '=']).next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case("respond-async")
    })
}

/// 202: where to look, and where to listen.
fn going_on(view: &DeploymentView) -> Result<Response, ApiError> {
    let mut response = respond::json(202, view)?;
    let place = format!(
        "{API_PREFIX}/projects/{}/deployments/{}",
        view.project_id, view.id
    );
    let monitor = format!("<{place}/events>; rel=\"monitor\"");
    let preference = "respond-async".to_owned();
    for (name, value) in [
        (LOCATION, place),
        (LINK, monitor),
        (HeaderName::from_static("preference-applied"), preference),
    ] {
        // Ids are letters and digits.
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

pub(super) async fn deployment_events(
    call: &mut Call,
    who: Authorized<Read>,
) -> Result<Response, ApiError> {
    let (project, deployment) = (call.path("project")?, call.path("deployment")?);
    let sent = call.parts.headers.get("last-event-id");
    let after = app::read_last_id(sent.map(|value| value.to_str().unwrap_or("?")))?;
    let Some(events) = app::follow(&call.core, &who, project, deployment, after).await? else {
        return Ok(respond::empty());
    };
    let mut response = Response::new(Body::from_stream(events));
    let media_type = HeaderValue::from_static(EVENTS_MEDIA_TYPE);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    Ok(response)
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
