//! Deployments on the wire, and the deploy protocol (decision D10.16):
//!
//! 1. `deployment_create`: a streamed manifest; the answer lists the blobs that are missing.
//! 2. `blob_upload`, as often as needed, when more than [`DeploymentCreated::inline_bytes_max`] is missing.
//! 3. `deployment_commit`: may carry the (remaining) missing blobs; seals, releases, and returns when
//!    the edge serves it. So a small change is two round trips.

use holm_types::{
    BlobDigest, DeploymentId, DeploymentState, Diagnostic, Environment, ProjectId, ProjectName,
    Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The first line of a streamed manifest.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeploymentCreate {
    /// `production` moves the production alias when the deployment is sealed; `preview` does not.
    #[schemars(with = "String")]
    pub environment: Environment,
    /// Where the files come from.
    #[serde(default)]
    pub source: DeploymentSource,
    /// How many files follow.
    pub file_count: u64,
    /// Make the project when there is none of this name.
    #[serde(default)]
    pub create_project: bool,
}

/// Where a deployment's files come from, for people.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeploymentSource {
    /// How they came.
    #[serde(default)]
    pub kind: SourceKind,
    /// A Git branch; gives the deployment a branch alias. Absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// A commit hash. Absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// What the deployment is about, at most 1,000 characters. Absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// How a deployment's files came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// From a folder.
    #[default]
    Upload,
    /// From a ZIP file, which the server unpacked.
    Archive,
}

/// Every further line of a streamed manifest.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeploymentFile {
    /// Absolute within the deployment, `/` between segments, not percent-encoded.
    pub path: String,
    /// BLAKE3, 64 lower-case hexadecimal digits.
    #[schemars(with = "String")]
    pub digest: BlobDigest,
    /// In bytes.
    pub size_bytes: u64,
}

/// The answer to `deployment_create`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DeploymentCreated {
    /// The deployment, in state `uploading`.
    pub deployment: DeploymentView,
    /// Blobs the server does not have, each once.
    #[schemars(with = "Vec<String>")]
    pub missing: Vec<BlobDigest>,
    /// Up to this many bytes of blobs may travel in `deployment_commit`.
    pub inline_bytes_max: u64,
}

/// A deployment. Wherever an operation takes `{deployment}`, the id and the 12-character label both work.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DeploymentView {
    /// `dpl_...`
    #[schemars(with = "String")]
    pub id: DeploymentId,
    /// The 12 characters that stand for it in its own host name.
    pub label: String,
    /// Whose it is.
    #[schemars(with = "String")]
    pub project_id: ProjectId,
    /// The project's name.
    #[schemars(with = "String")]
    pub project_name: ProjectName,
    /// How far it has come: `uploading`, `sealed`, `failed`, `cancelled`, `timed_out`, `expired`, `deleted` ...
    #[schemars(with = "String")]
    pub state: DeploymentState,
    /// Which environment it is for.
    #[schemars(with = "String")]
    pub environment: Environment,
    /// Its own URL; always shows exactly this deployment.
    pub url: String,
    /// The project's production URL.
    pub production_url: String,
    /// Whether production points at it now.
    pub is_live: bool,
    /// Whether a person wants it kept whatever retention says.
    #[serde(default)]
    pub is_pinned: bool,
    /// The deployment that this one was made from again. Null for one that was uploaded.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub redeployed_from: Option<DeploymentId>,
    /// Where its files came from.
    pub source: DeploymentSource,
    /// Files in the manifest, withheld ones included.
    pub file_count: u64,
    /// Their bytes.
    pub size_bytes: u64,
    /// Findings about what was deployed.
    #[serde(default)]
    #[schemars(with = "Vec<serde_json::Value>")]
    pub diagnostics: Vec<Diagnostic>,
    /// When it was asked for.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// When it was sealed. Null before.
    #[schemars(with = "Option<String>")]
    pub sealed_at: Option<Timestamp>,
}

/// The answer to `blob_upload`: what is durable now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlobsUploaded {
    /// Blobs that were new.
    pub stored_count: u64,
    /// Their bytes.
    pub stored_bytes: u64,
    /// Blobs that the server had already.
    pub known_count: u64,
}
