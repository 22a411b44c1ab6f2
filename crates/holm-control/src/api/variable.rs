//! Handlers of environment variables.

use axum::response::Response;
use holm_api::VariableSet;
use holm_types::Environment;
use serde::Deserialize;

use super::{Call, precondition, respond};
use crate::app;
use crate::authz::{Authorized, Manage, Read};
use crate::error::ApiError;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WhereQuery {
    environment: Option<Environment>,
}

pub(super) async fn variable_list(
    call: &mut Call,
    who: Authorized<Read>,
) -> Result<Response, ApiError> {
    let project = call.path("project")?;
    let query: WhereQuery = call.query()?;
    let shown = app::variable_list(&call.core, &who, project, query.environment).await?;
    precondition::tagged(200, &shown.view, &shown.entity_tag)
}

pub(super) async fn variable_set(
    call: &mut Call,
    who: Authorized<Manage>,
) -> Result<Response, ApiError> {
    let project = call.path("project")?;
    let expected = precondition::read(&call.parts.headers)?;
    let ask: VariableSet = call.secret_json().await?;
    let shown = app::variable_set(&call.core, &who, project, ask, expected).await?;
    precondition::tagged(200, &shown.view, &shown.entity_tag)
}

pub(super) async fn variable_delete(
    call: &mut Call,
    who: Authorized<Manage>,
) -> Result<Response, ApiError> {
    let (project, name) = (call.path("project")?, call.path("variable")?);
    let query: WhereQuery = call.query()?;
    let expected = precondition::read(&call.parts.headers)?;
    let environment = query.environment;
    app::variable_delete(&call.core, &who, project, name, environment, expected).await?;
    Ok(respond::empty())
}
