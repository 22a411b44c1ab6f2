//! Sealing: from an upload to something that can be pointed at.

use holm_types::{BlobDigest, DeploymentId, DeploymentState, ProjectId};

use crate::db::{Change, DeploymentRow, Sealing};
use crate::error::ApiError;

/// A deployment whose blobs are all stored. Only [`seal`] makes one, and [`SealedDeployment::of`]
/// recognises one that it made; an alias can point at nothing else.
#[derive(Clone, Debug)]
pub(crate) struct SealedDeployment {
    id: DeploymentId,
    project_id: ProjectId,
    document: BlobDigest,
}

impl SealedDeployment {
    /// The sealed deployment that a row of this very change shows. `None` when it is not sealed.
    pub(super) fn of(row: &DeploymentRow) -> Option<Self> {
        match (row.state, row.document) {
            (DeploymentState::Sealed, Some(document)) => Some(Self {
                id: row.id,
                project_id: row.project_id,
                document,
            }),
            _ => None,
        }
    }

    pub(crate) fn id(&self) -> DeploymentId {
        self.id
    }

    pub(crate) fn project_id(&self) -> ProjectId {
        self.project_id
    }

    /// The blob that holds its document.
    pub(crate) fn document(&self) -> BlobDigest {
        self.document
    }
}

/// Seals a deployment whose blobs and document are durable. `None` when it is not uploading any more.
pub(super) fn seal(
    change: &Change<'_>,
    deployment: &DeploymentRow,
    sealing: &Sealing,
) -> Result<Option<SealedDeployment>, ApiError> {
    if !change.seal_deployment(deployment.id, sealing)? {
        return Ok(None);
    }
    change.delete_announced(deployment.id)?;
    Ok(Some(SealedDeployment {
        id: deployment.id,
        project_id: deployment.project_id,
        document: sealing.document,
    }))
}
