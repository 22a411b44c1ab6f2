//! Projects.

use std::sync::Arc;

use holm_api::{DeploymentView, ProjectView};
use holm_types::{ErrorCode, ProjectId, ProjectName, Timestamp};

use super::host::production_label;
use super::{ListAsk, find, release};
use crate::authz::{Authorized, Deploy, Manage, Read};
use crate::core::Core;
use crate::db::{Change, DbError, ProjectRow, SettingsRow, View};
use crate::error::ApiError;

/// A project and which state of its settings that is.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) view: ProjectView,
    /// The strong entity tag of its settings, quotes included: changed by every change of them, and by
    /// nothing else, so that a deployment in between is in nobody's way.
    pub(crate) entity_tag: String,
}

impl Project {
    pub(super) fn new(core: &Core, row: ProjectRow) -> Self {
        Self {
            entity_tag: entity_tag(&row),
            view: find::project_shape(&core.config, row),
        }
    }
}

/// Names the project too: another one of the same name later is not this one.
pub(super) fn entity_tag(row: &ProjectRow) -> String {
    format!("\"{}.{}\"", row.id, row.revision)
}

/// Makes a project.
pub(crate) async fn create(
    core: &Core,
    _who: &Authorized<Manage>,
    name: &str,
) -> Result<Project, ApiError> {
    let name = read_name(name)?;
    let (id, now, projects_max) = (
        core.mint.mint(),
        core.now(),
        core.config.limits.projects_max,
    );
    let row = core
        .db
        .write(move |change| insert(change, id, &name, now, projects_max))
        .await?;
    Ok(Project::new(core, row))
}

/// One project.
pub(crate) async fn view(
    core: &Core,
    _who: &Authorized<Read>,
    reference: String,
) -> Result<Project, ApiError> {
    let row = core
        .db
        .read(move |view| find::project(view, &reference))
        .await?;
    Ok(Project::new(core, row))
}

/// The projects, newest first.
pub(crate) async fn list(
    core: &Core,
    who: &Authorized<Read>,
    ask: ListAsk<ProjectId>,
) -> Result<Vec<ProjectView>, ApiError> {
    let only = who.actor().scopes().projects();
    let rows = core
        .db
        .read(move |view| match only {
            None => view.projects(ask.before, ask.rows_max),
            Some(only) => among(view, only, ask),
        })
        .await?;
    let shape = |row| find::project_shape(&core.config, row);
    Ok(rows.into_iter().map(shape).collect())
}

/// A page of a few projects, newest first.
fn among(
    view: &View<'_>,
    mut only: Vec<ProjectId>,
    ask: ListAsk<ProjectId>,
) -> Result<Vec<ProjectRow>, DbError> {
    only.retain(|id| ask.before.is_none_or(|before| *id < before));
    let newest_first = only.into_iter().rev();
    let rows = newest_first.filter_map(|id| view.project(id).transpose());
    rows.take(ask.rows_max as usize).collect()
}

/// Deletes a project: it is marked, however much belongs to it, and all its hosts vanish with the next
/// snapshot, for which this waits. The sweeper removes the rest behind.
pub(crate) async fn delete(
    core: &Core,
    _who: &Authorized<Manage>,
    reference: String,
) -> Result<(), ApiError> {
    let now = core.now();
    let version = core
        .db
        .write(move |change| {
            let row = find::project(change, &reference)?;
            change.delete_project(row.id, now)?;
            Ok::<_, ApiError>(change.snapshot_version()?)
        })
        .await?;
    core.to_sweep.notify_one();
    release::show(core, version).await
}

/// Points production at the deployment beneath the present one. When an earlier roll-back stands but
/// was not served, asking again shows that one.
pub(crate) async fn roll_back(
    core: &Core,
    _who: &Authorized<Deploy>,
    reference: String,
) -> Result<DeploymentView, ApiError> {
    let (now, alias_id) = (core.now(), core.mint.mint());
    let unshown = Arc::clone(&core.unshown_roll_backs);
    let (row, version) = core
        .db
        .write(move |change| {
            let project = find::project(change, &reference)?;
            if let Some((id, version)) = unshown.of(project.id) {
                let row = find::deployment_of(change, &project, &id.to_string())?;
                if row.is_live {
                    return Ok((row, version));
                }
            }
            let sealed = release::roll_back(change, &project, alias_id, now)?;
            let version = change.snapshot_version()?;
            let row = find::deployment_of(change, &project, &sealed.id().to_string())?;
            Ok::<_, ApiError>((row, version))
        })
        .await?;
    core.to_retain.notify_one();
    release::announce_move(core, &production_label(&row.project_name), &row);
    let shown = release::show(core, version).await;
    core.unshown_roll_backs.keep(&row, version, shown.is_ok());
    shown?;
    Ok(find::deployment_shape(&core.config, row))
}

/// Reads a name that a person chose.
pub(super) fn read_name(name: &str) -> Result<ProjectName, ApiError> {
    name.parse::<ProjectName>().map_err(|error| {
        ApiError::new(
            ErrorCode::ProjectNameInvalid,
            "This name cannot be a project's",
        )
        .with_field("/name", error.to_string())
    })
}

/// Keeps a new project, as part of a change.
pub(super) fn insert(
    change: &Change<'_>,
    id: ProjectId,
    name: &ProjectName,
    now: Timestamp,
    projects_max: u64,
) -> Result<ProjectRow, ApiError> {
    let count = change.project_count()?;
    if count >= projects_max {
        return Err(ApiError::new(
            ErrorCode::ProjectLimit,
            format!("This server may have {projects_max} projects and has {count}"),
        )
        .with_limit(projects_max, count, "control.projects_max"));
    }
    if !change.insert_project(id, name, now)? {
        return Err(ApiError::new(
            ErrorCode::ProjectNameTaken,
            format!("A project named `{name}` already exists"),
        ));
    }
    Ok(ProjectRow {
        id,
        name: name.clone(),
        created_at: now,
        live: None,
        revision: 0,
        settings: SettingsRow::default(),
    })
}
