//! Moving aliases: releasing, promoting and rolling back are one act, and showing it to the edge.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use holm_telemetry::event::{AliasMoved, SnapshotRefused, TaskFailed};
use holm_types::{
    AliasId, DeploymentId, DeploymentState, Environment, ErrorCode, ProjectId, ProjectName,
    Timestamp,
};

use super::host::{branch_label, other_branch_label, production_label};
use super::seal::SealedDeployment;
use crate::core::Core;
use crate::db::{AliasKind, AliasRow, Change, DeploymentRow, MoveCause, ProjectRow};
use crate::error::{ApiError, chain};

/// How far back a roll-back looks for something that is still sealed.
const MOVES_MAX: usize = 1000;

/// How many labels are tried for a branch. Each further one is taken only if somebody named a branch after
/// the hash of another.
const SLUG_ATTEMPTS_MAX: u8 = 8;

/// An alias to move.
#[derive(Clone, Debug)]
pub(super) struct Alias {
    pub(super) kind: AliasKind,
    pub(super) label: String,
    /// Which branch it follows. `None` for production.
    pub(super) branch: Option<String>,
}

impl Alias {
    /// A project's production alias.
    pub(super) fn production(name: &ProjectName) -> Self {
        Self {
            kind: AliasKind::Production,
            label: production_label(name),
            branch: None,
        }
    }

    /// The alias of a branch: the one it has, else one of its own under the slug if no other branch has
    /// that, else under slug and hash.
    fn of_branch(
        change: &Change<'_>,
        project_id: ProjectId,
        name: &ProjectName,
        branch: &str,
    ) -> Result<Self, ApiError> {
        let of_label = |label| Self {
            kind: AliasKind::Branch,
            label,
            branch: Some(branch.to_owned()),
        };
        if let Some(row) = change.branch_alias(project_id, branch)? {
            return Ok(of_label(row.label));
        }
        let mut label = branch_label(name, branch);
        for attempt in 1..=SLUG_ATTEMPTS_MAX {
            if change.alias(project_id, &label)?.is_none() {
                return Ok(of_label(label));
            }
            label = other_branch_label(name, branch, attempt);
        }
        Err(ApiError::new(
            ErrorCode::Internal,
            "No host could be found for the branch",
        ))
    }
}

/// Which aliases a deployment moves when it is sealed. Its own host needs none: it always shows it.
pub(super) fn aliases_of(change: &Change<'_>, row: &DeploymentRow) -> Result<Vec<Alias>, ApiError> {
    let mut aliases = Vec::new();
    if row.environment == Environment::Production {
        aliases.push(Alias::production(&row.project_name));
    }
    if let Some(branch) = &row.source.branch {
        let (id, name) = (row.project_id, &row.project_name);
        aliases.push(Alias::of_branch(change, id, name, branch)?);
    }
    Ok(aliases)
}

/// Points an alias at a sealed deployment. What it pointed at before stays beneath, for roll-back;
/// pointing at the same deployment again changes nothing.
pub(super) fn point(
    change: &Change<'_>,
    alias: &Alias,
    to: &SealedDeployment,
    cause: MoveCause,
    alias_id: AliasId,
    now: Timestamp,
) -> Result<(), ApiError> {
    let before = change.alias(to.project_id(), &alias.label)?;
    if before
        .as_ref()
        .is_some_and(|row| row.deployment_id == to.id())
    {
        return Ok(());
    }
    let beneath = before.map(|row| row.move_id);
    record(change, alias, to, cause, beneath, alias_id, now)
}

/// Points production at the nearest deployment beneath the present one that is still sealed.
pub(super) fn roll_back(
    change: &Change<'_>,
    project: &ProjectRow,
    alias_id: AliasId,
    now: Timestamp,
) -> Result<SealedDeployment, ApiError> {
    let alias = Alias::production(&project.name);
    let nothing = || {
        ApiError::new(
            ErrorCode::ProjectNothingToRollBack,
            format!(
                "The project `{}` has no older production deployment",
                project.name
            ),
        )
    };
    let present = change
        .alias(project.id, &alias.label)?
        .ok_or_else(nothing)?;
    let mut next = change
        .alias_move(present.move_id)?
        .and_then(|top| top.beneath);
    for _ in 0..MOVES_MAX {
        let Some(candidate) = next.map(|id| change.alias_move(id)).transpose()?.flatten() else {
            break;
        };
        let is_other = candidate.deployment_id != present.deployment_id;
        if is_other && candidate.state == DeploymentState::Sealed {
            let row = change.deployment(candidate.deployment_id)?;
            let sealed = row
                .as_ref()
                .and_then(SealedDeployment::of)
                .ok_or_else(nothing)?;
            let cause = MoveCause::RollBack;
            record(
                change,
                &alias,
                &sealed,
                cause,
                candidate.beneath,
                alias_id,
                now,
            )?;
            return Ok(sealed);
        }
        next = candidate.beneath;
    }
    Err(nothing())
}

fn record(
    change: &Change<'_>,
    alias: &Alias,
    to: &SealedDeployment,
    cause: MoveCause,
    beneath: Option<i64>,
    alias_id: AliasId,
    now: Timestamp,
) -> Result<(), ApiError> {
    let project_id = to.project_id();
    let move_id =
        change.insert_alias_move(project_id, &alias.label, to.id(), cause, beneath, now)?;
    let row = AliasRow {
        project_id,
        kind: alias.kind,
        label: alias.label.clone(),
        deployment_id: to.id(),
        move_id,
        branch: alias.branch.clone(),
    };
    Ok(change.put_alias(alias_id, &row)?)
}

/// Says that a host points at another deployment now.
pub(super) fn announce_move(core: &Core, label: &str, row: &DeploymentRow) {
    AliasMoved {
        host: core.config.host(label),
        project_id: row.project_id,
        deployment_id: row.id,
    }
    .emit();
}

/// Publishes a snapshot that has at least this version and waits until the edge serves it, at most
/// `take_up_wait_max`. An error says that the change stands but is not served yet: the publisher goes
/// on trying, and asking for the same again answers well once it is served.
pub(super) async fn show(core: &Core, version: u64) -> Result<(), ApiError> {
    if let Err(error) = core.publisher.reach(version).await {
        SnapshotRefused {
            version,
            reason: chain(&error),
        }
        .emit();
        // The change is committed; the publisher's timer tries again.
        core.hosts_changed.notify_one();
        let mut refusal = ApiError::from(error);
        refusal.external = format!(
            "The change is kept but not served yet: {}",
            refusal.external
        );
        return Err(refusal);
    }
    let wait_max = core.config.limits.take_up_wait_max;
    if core.snapshots.taken_up(version, wait_max).await {
        return Ok(());
    }
    TaskFailed {
        task: "snapshot_take_up".to_owned(),
        reason: format!("the edge does not serve version {version} after {wait_max:?}"),
    }
    .emit();
    Err(ApiError::new(
        ErrorCode::EdgeNotTakenUp,
        format!(
            "The change is kept but not served yet: the edge has not taken it up within {wait_max:?}"
        ),
    )
    .with_time_limit(wait_max, "control.take_up_wait_max"))
}

/// Roll-backs that were made but could not be shown, each with its snapshot's version. Whoever asks
/// again for one of these means the same roll-back, not one further back. At most one a project.
#[derive(Debug, Default)]
pub(crate) struct UnshownRollBacks(Mutex<HashMap<ProjectId, (DeploymentId, u64)>>);

impl UnshownRollBacks {
    /// Remembers, or forgets once it is shown, where a project was rolled back to.
    pub(super) fn keep(&self, row: &DeploymentRow, version: u64, is_shown: bool) {
        let mut unshown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if is_shown {
            unshown.remove(&row.project_id);
        } else {
            unshown.insert(row.project_id, (row.id, version));
        }
    }

    /// Where the project was rolled back to without the edge serving it, and since which version.
    pub(super) fn of(&self, project_id: ProjectId) -> Option<(DeploymentId, u64)> {
        let unshown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        unshown.get(&project_id).copied()
    }
}
