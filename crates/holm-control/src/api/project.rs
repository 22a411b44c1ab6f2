//! Handlers of projects.

use axum::response::Response;
use holm_api::ProjectUpdate;
use holm_types::ErrorCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::list::Asked;
use super::{Call, precondition, respond};
use crate::app::{self, Project};
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
    answer(
        201,
        &app::project_create(&call.core, &who, &ask.name).await?,
    )
}

pub(super) async fn project_view(
    call: &mut Call,
    who: Authorized<Read>,
) -> Result<Response, ApiError> {
    let project = call.path("project")?;
    answer(200, &app::project_view(&call.core, &who, project).await?)
}

pub(super) async fn project_update(
    call: &mut Call,
    who: Authorized<Manage>,
) -> Result<Response, ApiError> {
    let project = call.path("project")?;
    let expected = precondition::read(&call.parts.headers)?;
    let body: Value = call.json().await?;
    let update = read_update(body)?;
    let changed = app::project_update(&call.core, &who, project, update, expected).await?;
    answer(200, &changed)
}

/// A project with the tag of its settings.
fn answer(status: u16, project: &Project) -> Result<Response, ApiError> {
    precondition::tagged(status, &project.view, &project.entity_tag)
}

/// Reads a merge patch. When it cannot be read, the fields that are wrong are found by reading each for
/// itself, which works because none is required.
fn read_update(body: Value) -> Result<ProjectUpdate, ApiError> {
    let refusal = || ApiError::new(ErrorCode::RequestInvalid, "The body cannot be read");
    // A list would be read as the fields in their order.
    let Value::Object(fields) = body else {
        return Err(refusal().with_field("", "a JSON object"));
    };
    if fields.get("build").is_some_and(Value::is_array) {
        return Err(refusal().with_field("/build", "a JSON object or null"));
    }
    if let Ok(update) = serde_json::from_value(Value::Object(fields.clone())) {
        return Ok(update);
    }
    let mut error = refusal();
    for (name, value) in fields {
        match value {
            Value::Object(inner) if name == "build" => {
                for (inner_name, value) in inner {
                    let alone = json!({ "build": { inner_name.as_str(): value } });
                    error = named(error, format!("/build/{inner_name}"), alone);
                }
            }
            value => error = named(error, format!("/{name}"), json!({ name.as_str(): value })),
        }
    }
    Err(error)
}

/// Adds a field to the error if it is wrong when it stands alone.
fn named(error: ApiError, pointer: String, alone: Value) -> ApiError {
    match serde_json::from_value::<ProjectUpdate>(alone) {
        Ok(_) => error,
        Err(broken) => error.with_field(pointer, broken.to_string()),
    }
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
