//! What a new snapshot means to functions: deployments that have left are let go of, and one that a
//! production host shows now is started before its first visitor comes.

use std::sync::Arc;

use holm_telemetry::event::FunctionNotWarm;
use holm_types::{DeploymentId, ProjectId};

use super::desk::Known;
use crate::edge::EdgeInner;
use crate::hosts::{HostRow, HostTable, RowTarget};

/// Looks at the table that was just taken up.
pub(crate) fn follow(edge: &Arc<EdgeInner>) {
    let Some(desk) = &edge.functions else { return };
    let hosts = edge.hosts.load_full();
    for Known { deployment, row } in desk.all_known() {
        if !is_shown(&hosts, row.project_id, deployment.id) {
            desk.retire(deployment.id);
        }
    }
    for project in &hosts.changed {
        let rows = hosts.of_project(*project).iter();
        let production = rows.filter(|row| !row.is_preview);
        let mut seen: Vec<DeploymentId> = Vec::new();
        for row in production {
            if let RowTarget::Site(site) = &row.target
                && !seen.contains(&site.deployment_id)
            {
                seen.push(site.deployment_id);
                warm(edge, row);
            }
        }
    }
}

fn is_shown(hosts: &HostTable, project: ProjectId, deployment: DeploymentId) -> bool {
    let mut rows = hosts.of_project(project).iter();
    rows.any(|row| matches!(&row.target, RowTarget::Site(site) if site.shows(deployment)))
}

/// Starts a deployment in the background. Past `edge.function_warm_max` of them, its first visitor does.
fn warm(edge: &Arc<EdgeInner>, row: &Arc<HostRow>) {
    let Some(desk) = &edge.functions else { return };
    let Ok(place) = Arc::clone(&desk.warm_places).try_acquire_owned() else {
        return;
    };
    let (edge, row) = (Arc::clone(edge), Arc::clone(row));
    tokio::spawn(async move {
        let started = start(&edge, &row).await;
        if let (Err(reason), Some(deployment_id)) = (started, row.deployment_id()) {
            // Its visitors are told by pages; this is for the owner, who has just deployed.
            FunctionNotWarm {
                deployment_id,
                reason,
            }
            .emit();
        }
        drop(place);
    });
}

async fn start(edge: &Arc<EdgeInner>, row: &Arc<HostRow>) -> Result<(), String> {
    let (Some(desk), RowTarget::Site(site_row)) = (&edge.functions, &row.target) else {
        return Ok(());
    };
    // One after the other: visitors have the machine first.
    let turn = desk.warm_turn.acquire().await;
    let site = edge.sites.load(&site_row.slot, &*edge.parts.blobs).await;
    let site = site.map_err(|error| crate::record::chain(&error))?;
    if site.edge_bundle().is_none() {
        return Ok(());
    }
    let words = |refusal: crate::error::Refusal| refusal.reason.into_owned();
    let functions = desk.functions(edge).await.map_err(words)?;
    let deployment = desk.deployment(edge, row, &site).await.map_err(words)?;
    if let Some(deployment) = deployment {
        let prepared = functions.prepare(&deployment).await;
        prepared.map_err(|failure| failure.to_string())?;
    }
    drop(turn);
    Ok(())
}
