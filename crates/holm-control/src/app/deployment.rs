//! Deployments: looking, promoting, cancelling, deleting.

use holm_api::{DeploymentEventKind, DeploymentView};
use holm_types::{DeploymentId, DeploymentState, ErrorCode};

use super::host::production_label;
use super::release::Alias;
use super::seal::SealedDeployment;
use super::{ListAsk, event, find, release};
use crate::authz::{Authorized, Deploy, Read};
use crate::core::Core;
use crate::db::{DeploymentRow, MoveCause};
use crate::error::ApiError;

/// One deployment.
pub(crate) async fn view(
    core: &Core,
    _who: &Authorized<Read>,
    project: String,
    deployment: String,
) -> Result<DeploymentView, ApiError> {
    let row = core
        .db
        .read(move |view| find::deployment(view, &project, &deployment))
        .await?;
    Ok(find::deployment_shape(&core.config, row))
}

/// A project's deployments, newest first, without the deleted ones.
pub(crate) async fn list(
    core: &Core,
    _who: &Authorized<Read>,
    project: String,
    ask: ListAsk<DeploymentId>,
) -> Result<Vec<DeploymentView>, ApiError> {
    let rows = core
        .db
        .read(move |view| {
            let project = find::project(view, &project)?;
            Ok::<_, ApiError>(view.deployments(project.id, ask.before, ask.rows_max)?)
        })
        .await?;
    let shape = |row| find::deployment_shape(&core.config, row);
    Ok(rows.into_iter().map(shape).collect())
}

/// The newest deployments of all projects that may be seen.
pub(crate) async fn recent(
    core: &Core,
    who: &Authorized<Read>,
    rows_max: u32,
) -> Result<Vec<DeploymentView>, ApiError> {
    let rows: Vec<DeploymentRow> = core
        .db
        .read(move |view| view.recent_deployments(rows_max))
        .await?;
    let shape = |row| find::deployment_shape(&core.config, row);
    let seen = rows.into_iter().filter(|row| who.sees(row.project_id));
    Ok(seen.map(shape).collect())
}

/// Points production at a deployment; returns when the edge serves it.
pub(crate) async fn promote(
    core: &Core,
    _who: &Authorized<Deploy>,
    project: String,
    deployment: String,
) -> Result<DeploymentView, ApiError> {
    let (now, alias_id) = (core.now(), core.mint.mint());
    let (row, version) = core
        .db
        .write(move |change| {
            let mut row = find::deployment(change, &project, &deployment)?;
            let sealed = SealedDeployment::of(&row).ok_or_else(|| not_sealed(&row))?;
            let alias = Alias::production(&row.project_name);
            release::point(change, &alias, &sealed, MoveCause::Promote, alias_id, now)?;
            row.is_live = true;
            Ok::<_, ApiError>((row, change.snapshot_version()?))
        })
        .await?;
    // What production pointed at before may be one too many now.
    core.to_retain.notify_one();
    release::announce_move(core, &production_label(&row.project_name), &row);
    release::show(core, version).await?;
    Ok(find::deployment_shape(&core.config, row))
}

/// Keeps a sealed deployment whatever retention says. One that is pinned stays so.
pub(crate) async fn pin(
    core: &Core,
    _who: &Authorized<Deploy>,
    project: String,
    deployment: String,
) -> Result<DeploymentView, ApiError> {
    let now = core.now();
    let row = core
        .db
        .write(move |change| {
            let mut row = find::deployment(change, &project, &deployment)?;
            if row.state != DeploymentState::Sealed {
                return Err(not_sealed(&row));
            }
            if !row.is_pinned {
                change.set_pinned(row.id, Some(now))?;
                row.is_pinned = true;
            }
            Ok(row)
        })
        .await?;
    Ok(find::deployment_shape(&core.config, row))
}

/// Leaves a deployment to retention again; it may expire at once.
pub(crate) async fn unpin(
    core: &Core,
    _who: &Authorized<Deploy>,
    project: String,
    deployment: String,
) -> Result<DeploymentView, ApiError> {
    let row = core
        .db
        .write(move |change| {
            let mut row = find::deployment(change, &project, &deployment)?;
            change.set_pinned(row.id, None)?;
            row.is_pinned = false;
            Ok::<_, ApiError>(row)
        })
        .await?;
    core.to_retain.notify_one();
    Ok(find::deployment_shape(&core.config, row))
}

/// Gives up an unfinished deployment. One that was given up before stays so.
pub(crate) async fn cancel(
    core: &Core,
    _who: &Authorized<Deploy>,
    project: String,
    deployment: String,
) -> Result<DeploymentView, ApiError> {
    let now = core.now();
    let row = core
        .db
        .write(move |change| {
            let mut row = find::deployment(change, &project, &deployment)?;
            if row.state == DeploymentState::Cancelled {
                return Ok(row);
            }
            if !change.end_deployment(row.id, DeploymentState::Cancelled, &[])? {
                return Err(ended(&row));
            }
            change.delete_announced(row.id)?;
            event::add(change, &row, DeploymentEventKind::Cancelled, now)?;
            row.state = DeploymentState::Cancelled;
            Ok(row)
        })
        .await?;
    core.events.ring();
    core.hosts_changed.notify_one();
    Ok(find::deployment_shape(&core.config, row))
}

/// Deletes a deployment that production does not point at; its host answers 410 from then on.
/// One that was deleted before stays so.
pub(crate) async fn delete(
    core: &Core,
    _who: &Authorized<Deploy>,
    project: String,
    deployment: String,
) -> Result<(), ApiError> {
    let now = core.now();
    let version = core
        .db
        .write(move |change| {
            let row = find::deployment(change, &project, &deployment)?;
            if row.is_live {
                return Err(ApiError::new(
                    ErrorCode::DeploymentIsLive,
                    format!("Production of `{}` points at {}", row.project_name, row.id),
                ));
            }
            if row.state == DeploymentState::Deleted {
                return Ok(change.snapshot_version()?);
            }
            change.delete_branch_aliases(row.id)?;
            change.delete_announced(row.id)?;
            change.delete_deployment(row.id)?;
            event::add(change, &row, DeploymentEventKind::Deleted, now)?;
            Ok(change.snapshot_version()?)
        })
        .await?;
    core.events.ring();
    release::show(core, version).await
}

pub(super) fn not_sealed(row: &DeploymentRow) -> ApiError {
    if row.state.is_terminal() {
        ended(row)
    } else {
        ApiError::new(
            ErrorCode::DeploymentNotSealed,
            format!("{} is {}, not sealed", row.id, row.state),
        )
    }
}

/// The deployment's state allows no more.
pub(super) fn ended(row: &DeploymentRow) -> ApiError {
    ApiError::new(
        ErrorCode::DeploymentEnded,
        format!("{} has ended as {}", row.id, row.state),
    )
}
