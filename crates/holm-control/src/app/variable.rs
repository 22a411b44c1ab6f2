//! Environment variables. A secret is sealed before the database sees it, and nothing here opens it again
//! for a caller of the API; only a deployment's own functions get it.

use std::collections::HashSet;
use std::sync::Arc;

use holm_api::{
    DeploymentVariableView, DeploymentVariables, VariableInput, VariableList, VariableSet,
    VariableView,
};
use holm_types::{
    DeploymentId, DeploymentState, Environment, ErrorCode, ProjectId, Timestamp, VariableName,
};

use super::expected::{Expected, Tagged};
use super::find;
use crate::authz::{Authorized, Manage, Read};
use crate::core::Core;
use crate::db::{Change, DeploymentVariableRow, ProjectRow, StoredValue, VariableRow, View};
use crate::error::ApiError;
use crate::limits::ControlLimits;
use crate::secret_key::variable_owner;

/// A project's variables by name, of one environment or both.
pub(crate) async fn list(
    core: &Core,
    _who: &Authorized<Read>,
    project: String,
    environment: Option<Environment>,
) -> Result<Tagged<VariableList>, ApiError> {
    core.db
        .read(move |view| {
            let project = find::project(view, &project)?;
            let mut all = tagged(view, project.id)?;
            if let Some(environment) = environment {
                let rows = &mut all.view.data;
                rows.retain(|variable| variable.environment == environment);
            }
            Ok(all)
        })
        .await
}

/// All variables of a project. The tag is that of all, whichever of them are shown.
fn tagged(view: &View<'_>, id: ProjectId) -> Result<Tagged<VariableList>, ApiError> {
    let rows = view.variables(id, None)?;
    Ok(Tagged::by_content(VariableList {
        data: rows.into_iter().map(shape).collect(),
    }))
}

/// Refuses to change other variables than those that the caller has seen.
fn check_expected(
    change: &Change<'_>,
    project: &ProjectRow,
    expected: &Expected,
) -> Result<(), ApiError> {
    let what = format!("The variables of `{}`", project.name);
    let present = tagged(change, project.id)?;
    expected.check(&present.entity_tag, &what)
}

/// Sets variables, all of them or none. The answer is what the project has then.
pub(crate) async fn set(
    core: &Core,
    _who: &Authorized<Manage>,
    project: String,
    ask: VariableSet,
    expected: Expected,
) -> Result<Tagged<VariableList>, ApiError> {
    check(&ask, &core.config.limits)?;
    let now = core.now();
    let project = core
        .db
        .read(move |view| find::project(view, &project))
        .await?;
    let seal = |input: &VariableInput| sealed_or_plain(core, project.id, input);
    let rows: Vec<VariableRow> = ask
        .variables
        .iter()
        .map(|input| (input, seal(input)))
        .flat_map(|(input, value)| rows_of(input, &value, now))
        .collect();
    let (id, variables_max) = (project.id, core.config.limits.variables_max);
    core.db
        .write(move |change| {
            // Deleted in between: the key of its variables would dangle.
            let project = find::project(change, &id.to_string())?;
            check_expected(change, &project, &expected)?;
            for row in &rows {
                change.put_variable(id, row)?;
            }
            refuse_too_many(change, id, variables_max)?;
            tagged(change, id)
        })
        .await
}

/// Deletes a variable, from one environment or both.
pub(crate) async fn delete(
    core: &Core,
    _who: &Authorized<Manage>,
    project: String,
    name: String,
    environment: Option<Environment>,
    expected: Expected,
) -> Result<(), ApiError> {
    core.db
        .write(move |change| {
            let project = find::project(change, &project)?;
            check_expected(change, &project, &expected)?;
            if change.delete_variable(project.id, &name, environment)? {
                return Ok(());
            }
            let shown: String = name.chars().take(80).collect();
            Err(ApiError::new(
                ErrorCode::VariableNotFound,
                format!("`{}` has no variable `{shown}` there", project.name),
            ))
        })
        .await
}

/// What a deployment was made with.
pub(crate) async fn of_deployment(
    core: &Core,
    _who: &Authorized<Read>,
    project: String,
    deployment: String,
) -> Result<DeploymentVariables, ApiError> {
    core.db
        .read(move |view| {
            let row = find::deployment(view, &project, &deployment)?;
            let rows = view.deployment_variables(row.id)?;
            let shape = |(name, (is_secret, value))| DeploymentVariableView {
                name,
                is_secret,
                value,
            };
            let rows = rows.into_iter().map(|row| (row.name, shown(row.value)));
            Ok(DeploymentVariables {
                data: rows.map(shape).collect(),
            })
        })
        .await
}

/// What a deployment was made with, secrets opened: for its own functions and nobody else.
pub(crate) async fn for_functions(
    core: &Core,
    id: DeploymentId,
) -> Result<Arc<[(String, String)]>, ApiError> {
    let (project_id, rows) = core
        .db
        .read(move |view| {
            let row = view.deployment(id)?;
            let row = row.filter(|row| row.state != DeploymentState::Deleted);
            let row = row.ok_or_else(|| {
                ApiError::new(
                    ErrorCode::DeploymentNotFound,
                    format!("There is no deployment {id}"),
                )
            })?;
            Ok::<_, ApiError>((row.project_id, view.deployment_variables(id)?))
        })
        .await?;
    let opened = rows.into_iter().map(|row| opened(core, project_id, row));
    opened.collect()
}

/// Its name and its value in clear.
fn opened(
    core: &Core,
    project_id: ProjectId,
    row: DeploymentVariableRow,
) -> Result<(String, String), ApiError> {
    let sealed = match row.value {
        StoredValue::Plain(text) => return Ok((row.name, text)),
        StoredValue::Sealed(sealed) => sealed,
    };
    let owner = variable_owner(project_id, &row.name);
    let text = core.secret_key.open(&sealed, &owner).ok();
    // It was text when it was set; what opens is what was sealed.
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
    let name = row.name;
    match text {
        Some(text) => Ok((name, text)),
        None => Err(ApiError::new(
            ErrorCode::Internal,
            format!("The secret {name} does not open with this server's key"),
        )),
    }
}

/// Whether it is a secret, and the value when it is not.
fn shown(value: StoredValue) -> (bool, Option<String>) {
    match value {
        StoredValue::Plain(text) => (false, Some(text)),
        StoredValue::Sealed(_) => (true, None),
    }
}

fn shape(row: VariableRow) -> VariableView {
    let (is_secret, value) = shown(row.value);
    VariableView {
        name: row.name,
        environment: row.environment,
        is_secret,
        value,
        updated_at: row.updated_at,
    }
}

fn sealed_or_plain(core: &Core, project_id: ProjectId, input: &VariableInput) -> StoredValue {
    if !input.is_secret {
        return StoredValue::Plain(input.value.clone());
    }
    let owner = variable_owner(project_id, &input.name);
    let value = input.value.as_bytes();
    StoredValue::Sealed(core.secret_key.seal(value, &owner, &*core.entropy))
}

fn rows_of(input: &VariableInput, value: &StoredValue, now: Timestamp) -> Vec<VariableRow> {
    let row = |environment: &Environment| VariableRow {
        name: input.name.clone(),
        environment: *environment,
        value: value.clone(),
        updated_at: now,
    };
    input.environments.iter().map(row).collect()
}

/// Every variable that breaks a rule is named; what its value is, is not.
fn check(ask: &VariableSet, limits: &ControlLimits) -> Result<(), ApiError> {
    for (index, input) in ask.variables.iter().enumerate() {
        check_size(index, input, limits)?;
    }
    let mut error = ApiError::new(ErrorCode::VariableInvalid, "The variables cannot be set");
    let mut seen = HashSet::new();
    for (index, input) in ask.variables.iter().enumerate() {
        let at = |field: &str| format!("/variables/{index}/{field}");
        if let Err(broken) = input.name.parse::<VariableName>() {
            error = error.with_field(at("name"), broken.to_string());
        }
        if input.value.contains('\0') {
            error = error.with_field(at("value"), "no NUL character");
        }
        if input.environments.is_empty() {
            error = error.with_field(at("environments"), "at least one of production and preview");
        }
        let mut places = input.environments.iter();
        if !places.all(|place| seen.insert((input.name.as_str(), *place))) {
            error = error.with_field(at("name"), "the same name and environment twice");
        }
    }
    if error.details.fields.is_empty() {
        Ok(())
    } else {
        Err(error)
    }
}

fn check_size(index: usize, input: &VariableInput, limits: &ControlLimits) -> Result<(), ApiError> {
    let sizes = [
        (
            "name",
            input.name.len(),
            limits.variable_name_bytes_max,
            "control.variable_name_bytes_max",
        ),
        (
            "value",
            input.value.len(),
            limits.variable_value_bytes_max,
            "control.variable_value_bytes_max",
        ),
    ];
    for (field, length, limit, setting) in sizes {
        let length = length as u64;
        if length > limit {
            let about =
                format!("The {field} of a variable has {length} bytes, {limit} are allowed");
            return Err(ApiError::new(ErrorCode::VariableTooLarge, about)
                .with_field(
                    format!("/variables/{index}/{field}"),
                    format!("at most {limit} bytes"),
                )
                .with_limit(limit, length, setting));
        }
    }
    Ok(())
}

fn refuse_too_many(change: &Change<'_>, id: ProjectId, limit: u64) -> Result<(), ApiError> {
    for environment in [Environment::Production, Environment::Preview] {
        let count = change.variable_count(id, environment)?;
        if count > limit {
            let about = format!("{environment} would have {count} variables, {limit} are allowed");
            return Err(ApiError::new(ErrorCode::VariableLimit, about).with_limit(
                limit,
                count,
                "control.variables_max",
            ));
        }
    }
    Ok(())
}
