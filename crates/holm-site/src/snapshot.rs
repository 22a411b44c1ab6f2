//! Everything the edge knows, one version: which host answers with which deployment.

use holm_types::{BlobDigest, DeploymentId, Environment, ProjectId, Timestamp, VisitorCode};

/// Which host answers with what. Replaced whole; versions only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EdgeSnapshot {
    /// Grows by at least one with every change.
    pub version: u64,
    /// Every host, sorted by name, each once.
    pub hosts: Vec<HostEntry>,
}

/// One host and what it answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostEntry {
    /// The full host name, lower case, without port.
    pub host: String,
    /// Whose host it is.
    pub project_id: ProjectId,
    /// Which environment the host shows.
    pub environment: Environment,
    /// Whether a person brought this name (as against `<project>.<base>`).
    pub is_custom_domain: bool,
    /// What it answers with.
    pub target: HostTarget,
}

/// What a host answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostTarget {
    /// A sealed deployment.
    Site {
        /// Which one.
        deployment_id: DeploymentId,
        /// The blob that holds its [`crate::DeploymentDocument`], as `codec::encode_document` made it.
        document: BlobDigest,
        /// When it was sealed: `Last-Modified` of all its files.
        sealed_at: Timestamp,
    },
    /// A page of Holm's: 401, 410, 423, 424 or 451.
    Gate {
        /// Why there is no site.
        code: VisitorCode,
        /// Which deployment the gate is about. `None` when it is about the project.
        deployment_id: Option<DeploymentId>,
    },
}
