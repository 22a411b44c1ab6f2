//! A new deployment from an old one's files, with the present variables.
//!
//! The new one has the same document: same source, same rules, nothing compiled again. While it is made
//! it counts as an upload whose manifest names every blob, the document among them, so that collecting
//! leaves them alone from then on; only then is it looked whether they are all still there.

use holm_api::DeploymentView;
use holm_site::{FileEntry, codec};
use holm_types::{BlobDigest, DeploymentState, Environment, ErrorCode};

use super::announce::distinct;
use super::commit::release_sealed;
use super::{deployment, find};
use crate::authz::{Authorized, Deploy};
use crate::core::Core;
use crate::db::{DeploymentRow, NewDeployment, Sealing, announced};
use crate::error::ApiError;

/// The document in the manifest of a deployment that is being made again. Nobody may upload this path.
const DOCUMENT_PATH: &str = "/\0document";

/// Makes a deployment again, for the same environment unless another is named; returns when the edge
/// serves it.
pub(crate) async fn redeploy(
    core: &Core,
    _who: &Authorized<Deploy>,
    project: String,
    deployment: String,
    environment: Option<Environment>,
) -> Result<DeploymentView, ApiError> {
    let old = core
        .db
        .read(move |view| find::deployment(view, &project, &deployment))
        .await?;
    let document = document_of(&old)?;
    let _room = core.deploys.acquire().await;
    let files = files_of(core, &old, document).await?;
    let new = keep(core, &old, &files, environment).await?;
    if !core.blobs.missing(&distinct(&files)).is_empty() {
        let id = new.id;
        core.db
            .write(move |change| {
                change.end_deployment(id, DeploymentState::Cancelled, &[])?;
                Ok::<_, ApiError>(change.delete_announced(id)?)
            })
            .await?;
        core.hosts_changed.notify_one();
        return Err(collected(&old));
    }
    let sealing = Sealing {
        document,
        sealed_at: core.now(),
        diagnostics: old.diagnostics,
    };
    let held = core.references.read().await;
    release_sealed(core, new, sealing, 0, held).await
}

/// Only what was sealed once can be made again.
fn document_of(old: &DeploymentRow) -> Result<BlobDigest, ApiError> {
    match (old.state, old.document) {
        (DeploymentState::Sealed | DeploymentState::Expired, Some(document)) => Ok(document),
        (DeploymentState::Sealed | DeploymentState::Expired, None) => Err(collected(old)),
        _ => Err(deployment::not_sealed(old)),
    }
}

fn collected(old: &DeploymentRow) -> ApiError {
    ApiError::new(
        ErrorCode::DeploymentCollected,
        format!(
            "{} has expired and its files have been collected since, so it cannot be made again",
            old.id
        ),
    )
}

/// Every blob that the deployment needs.
async fn files_of(
    core: &Core,
    old: &DeploymentRow,
    digest: BlobDigest,
) -> Result<Vec<FileEntry>, ApiError> {
    if !core.blobs.missing(&[digest]).is_empty() {
        return Err(collected(old));
    }
    let bytes = core.blobs.read_verified(digest).await?;
    let document = codec::decode_document(&bytes).map_err(|error| {
        ApiError::from_cause(ErrorCode::Internal, "The deployment cannot be read", &error)
    })?;
    let entries = document.manifest.entries().iter();
    let mut files: Vec<FileEntry> = entries
        .map(|entry| FileEntry {
            path: entry.path.to_string(),
            digest: entry.digest,
            size_bytes: entry.size_bytes,
        })
        .collect();
    files.push(FileEntry {
        path: DOCUMENT_PATH.to_owned(),
        digest,
        size_bytes: bytes.len() as u64,
    });
    Ok(files)
}

async fn keep(
    core: &Core,
    old: &DeploymentRow,
    files: &[FileEntry],
    environment: Option<Environment>,
) -> Result<DeploymentRow, ApiError> {
    let new = NewDeployment {
        id: core.mint.mint(),
        project_id: old.project_id,
        environment: environment.unwrap_or(old.environment),
        source: old.source.clone(),
        file_count: old.file_count,
        size_bytes: old.size_bytes,
        created_at: core.now(),
        redeployed_from: Some(old.id),
    };
    let manifest = announced::encode(files);
    core.db
        .write(move |change| {
            // Deleted in between: there is nothing to be made again for.
            let project = find::project(change, &new.project_id.to_string())?;
            change.insert_deployment(&new)?;
            change.insert_announced(new.id, &manifest)?;
            find::deployment_of(change, &project, &new.id.to_string())
        })
        .await
}
