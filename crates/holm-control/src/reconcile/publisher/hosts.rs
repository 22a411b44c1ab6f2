//! From rows to hosts: which host of a project answers with what, and what stands before it.

use std::collections::HashMap;

use holm_site::guard::ProjectGuard;
use holm_site::{HostEntry, HostTarget};
use holm_types::{DeploymentId, DeploymentState, Environment, ProjectId, VisitorCode};

use crate::app::{deployment_label, production_label, read_protection, read_rules};
use crate::db::{AliasKind, AliasRow, DbError, GuardRow, HostRow, ProjectHost};

/// What stands before the hosts, in order; nothing for projects that have set nothing.
pub(super) fn guards(rows: Vec<GuardRow>) -> Result<Vec<ProjectGuard>, DbError> {
    let mut guards = Vec::with_capacity(rows.len());
    for row in rows {
        let damaged = |_| DbError::Damaged {
            what: "access rule",
        };
        let guard = ProjectGuard {
            project_id: row.project_id,
            protection: row.protection.as_ref().and_then(read_protection),
            access: read_rules(&row.access_rules).map_err(damaged)?,
        };
        if guard.protection.is_some() || !guard.access.is_empty() {
            guards.push(guard);
        }
    }
    guards.sort_unstable_by_key(|guard| guard.project_id);
    Ok(guards)
}

/// Every host of every project; the names are still without the base domain.
pub(super) fn hosts(
    projects: &[ProjectHost],
    deployments: &[HostRow],
    aliases: &[AliasRow],
) -> Vec<HostEntry> {
    let by_id: HashMap<DeploymentId, &HostRow> =
        deployments.iter().map(|row| (row.id, row)).collect();
    let names: HashMap<ProjectId, &ProjectHost> = projects
        .iter()
        .map(|project| (project.id, project))
        .collect();
    let own = deployments.iter().filter_map(|row| {
        let label = deployment_label(&names.get(&row.project_id)?.name, &row.label);
        // Whatever it was made for: the address of one deployment is for looking at it, and a search
        // engine that kept it would show old production deployments beside the new (S-37).
        Some(entry(
            label,
            row.project_id,
            Environment::Preview,
            own_target(row)?,
        ))
    });
    let pointed_at = aliases.iter().filter_map(|alias| {
        let target = site(by_id.get(&alias.deployment_id)?)?;
        let environment = match alias.kind {
            AliasKind::Production => Environment::Production,
            AliasKind::Branch => Environment::Preview,
        };
        Some(entry(
            alias.label.clone(),
            alias.project_id,
            environment,
            target,
        ))
    });
    let gates = first_deployments(projects, deployments, aliases).into_iter();
    own.chain(pointed_at).chain(gates).collect()
}

fn entry(
    label: String,
    project_id: ProjectId,
    environment: Environment,
    target: HostTarget,
) -> HostEntry {
    HostEntry {
        host: label,
        project_id,
        environment,
        is_custom_domain: false,
        target,
    }
}

/// What a deployment's own host shows: the deployment, or why there is nothing to show.
fn own_target(row: &HostRow) -> Option<HostTarget> {
    let code = match row.state {
        DeploymentState::Sealed => return site(row),
        DeploymentState::Queued | DeploymentState::Building | DeploymentState::Uploading => {
            VisitorCode::Deploying
        }
        DeploymentState::Failed | DeploymentState::Cancelled | DeploymentState::TimedOut => {
            VisitorCode::Failed
        }
        DeploymentState::Expired => VisitorCode::Unauthorized,
        DeploymentState::Deleted => VisitorCode::Deleted,
    };
    Some(HostTarget::Gate {
        code,
        deployment_id: Some(row.id),
    })
}

/// `None` when the row is not of a sealed deployment.
fn site(row: &HostRow) -> Option<HostTarget> {
    if row.state != DeploymentState::Sealed {
        return None;
    }
    Some(HostTarget::Site {
        deployment_id: row.id,
        document: row.document?,
        sealed_at: row.sealed_at?,
    })
}

/// The production hosts of projects without a success: 423 while a production deployment is under
/// way, 424 when the newest one ended without success, no host at all when there was none.
fn first_deployments(
    projects: &[ProjectHost],
    deployments: &[HostRow],
    aliases: &[AliasRow],
) -> Vec<HostEntry> {
    let mut waiting: HashMap<ProjectId, Option<HostTarget>> =
        projects.iter().map(|project| (project.id, None)).collect();
    for alias in aliases {
        if alias.kind == AliasKind::Production {
            waiting.remove(&alias.project_id);
        }
    }
    // Oldest first, so that the newest has the last word; one under way is not overruled.
    for row in deployments {
        let is_production = row.environment == Environment::Production;
        let Some(gate) = waiting.get_mut(&row.project_id).filter(|_| is_production) else {
            continue;
        };
        let is_under_way = matches!(
            gate,
            Some(HostTarget::Gate {
                code: VisitorCode::Deploying,
                ..
            })
        );
        if !is_under_way && row.state != DeploymentState::Deleted {
            *gate = own_target(row).filter(|target| matches!(target, HostTarget::Gate { .. }));
        }
    }
    projects
        .iter()
        .filter_map(|project| {
            let target = waiting.remove(&project.id)??;
            let label = production_label(&project.name);
            Some(entry(label, project.id, Environment::Production, target))
        })
        .collect()
}

#[cfg(test)]
mod tests;
