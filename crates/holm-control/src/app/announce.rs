//! The first step of the deploy protocol: reading a streamed manifest and answering what is missing.

use std::collections::HashSet;

use holm_api::{DeploymentCreated, DeploymentEventKind, EventDetail, Permission};
use holm_site::FileEntry;
use holm_types::{BlobDigest, Diagnostic, ErrorCode};

use super::manifest_reader::{Announcement, Lines, ManifestReader};
use super::manifest_room::Place;
use super::{find, project};
use crate::authz::{Authorized, Deploy, forbidden};
use crate::body::{RequestBody, too_large};
use crate::core::Core;
use crate::db::{DeploymentRow, NewDeployment, announced};
use crate::error::ApiError;
use crate::limits::ControlLimits;

/// Makes a deployment from what a client announces; the answer lists the blobs that are missing.
pub(crate) async fn announce(
    core: &Core,
    who: &Authorized<Deploy>,
    project: String,
    body: &mut RequestBody,
) -> Result<DeploymentCreated, ApiError> {
    let mut place = core.manifest_room.place();
    let announcement = read(body, &core.config.limits, &mut place).await?;
    let _room = core.deploys.acquire().await;
    let digests = distinct(&announcement.files);
    let row = keep(core, who, project, announcement, Vec::new()).await?;
    // The production host may show 423 now; nobody waits for it.
    core.hosts_changed.notify_one();
    Ok(DeploymentCreated {
        deployment: find::deployment_shape(&core.config, row),
        missing: core.blobs.missing(&digests),
        inline_bytes_max: core.config.limits.inline_bytes_max,
    })
}

/// Writes the deployment down, with its project if that was asked for. `findings` are about how its
/// files came; compiling adds to them.
pub(super) async fn keep(
    core: &Core,
    who: &Authorized<Deploy>,
    project: String,
    announcement: Announcement,
    findings: Vec<Diagnostic>,
) -> Result<DeploymentRow, ApiError> {
    let (project_id, id, now) = (core.mint.mint(), core.mint.mint(), core.now());
    let projects_max = core.config.limits.projects_max;
    let manifest = announced::encode(&announcement.files);
    let size_bytes = announcement.files.iter().map(|file| file.size_bytes).sum();
    let head = announcement.head;
    let may_make_projects = who.actor().permits(Permission::Manage, None);
    core.db
        .write(move |change| {
            let project = match find::project(change, &project) {
                Err(error) if error.code == ErrorCode::ProjectNotFound && head.create_project => {
                    if !may_make_projects {
                        return Err(forbidden());
                    }
                    let name = project::read_name(&project)?;
                    project::insert(change, project_id, &name, now, projects_max)?
                }
                other => other?,
            };
            let new = NewDeployment {
                id,
                project_id: project.id,
                environment: head.environment,
                source: head.source,
                file_count: head.file_count,
                size_bytes,
                created_at: now,
                redeployed_from: None,
            };
            change.insert_deployment(&new)?;
            change.insert_announced(id, &manifest)?;
            change.note_findings(id, &findings)?;
            change.add_event(
                id,
                DeploymentEventKind::Created,
                &EventDetail::default(),
                now,
            )?;
            find::deployment_of(change, &project, &id.to_string())
        })
        .await
}

/// Every digest once, in the order of the files.
pub(super) fn distinct(files: &[FileEntry]) -> Vec<BlobDigest> {
    let mut seen = HashSet::with_capacity(files.len());
    files
        .iter()
        .map(|file| file.digest)
        .filter(|digest| seen.insert(*digest))
        .collect()
}

pub(super) async fn read(
    body: &mut RequestBody,
    limits: &ControlLimits,
    place: &mut Place<'_>,
) -> Result<Announcement, ApiError> {
    let mut reader = ManifestReader::new(limits);
    let mut lines = Lines::default();
    let mut seen_bytes = 0_u64;
    while let Some(piece) = body.next().await? {
        seen_bytes += piece.len() as u64;
        if seen_bytes > limits.manifest_bytes_max {
            let setting = "control.manifest_bytes_max";
            return Err(too_large(limits.manifest_bytes_max, seen_bytes, setting));
        }
        place.grow_to(seen_bytes)?;
        lines.push(&piece);
        while let Some(line) = lines.next_line() {
            reader.take(&line)?;
        }
        if lines.rest().len() > limits.manifest_line_bytes_max {
            return Err(reader.long_line(lines.rest().len()));
        }
    }
    let rest = lines.into_rest();
    if !rest.is_empty() {
        reader.take(&rest)?;
    }
    reader.finish()
}
