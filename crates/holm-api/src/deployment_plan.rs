//! What a deployment would be: the query of `deployment_create`, and the answer with `dry_run`.

use holm_types::{BlobDigest, Diagnostic, Environment, ProjectName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::DeploymentSource;

/// The query of `deployment_create`. What a manifest says in its first line, an archive has no place
/// for; so with an archive it is said here, and with a manifest only `dry_run` may be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeploymentCreateQuery {
    /// Only say what would be deployed; nothing is stored.
    #[serde(default)]
    pub dry_run: bool,
    /// `production` or `preview`; `preview` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub environment: Option<Environment>,
    /// Make the project when there is none of this name; not when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_project: Option<bool>,
    /// A Git branch. Absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// A commit hash. Absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// What the deployment is about. Absent without a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// The answer to `deployment_create` with `dry_run`: what would be deployed, and what would be said about
/// it. Nothing was stored.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DeploymentPlan {
    /// Always true, so that nobody takes it for a deployment.
    pub dry_run: bool,
    /// The project's name.
    #[schemars(with = "String")]
    pub project_name: ProjectName,
    /// Whether the project would be made.
    pub makes_project: bool,
    /// Which environment it would be for.
    #[schemars(with = "String")]
    pub environment: Environment,
    /// Where its files come from.
    pub source: DeploymentSource,
    /// Its files.
    pub files: Vec<PlannedFile>,
    /// How many there are.
    pub file_count: u64,
    /// Their bytes.
    pub size_bytes: u64,
    /// Blobs that the server does not have.
    pub missing_count: u64,
    /// Their bytes: what would be uploaded.
    pub missing_bytes: u64,
    /// Whether the deployment would fail, as far as is known.
    pub would_fail: bool,
    /// Findings about what would be deployed. A file of rules that the server does not have yet is named
    /// in one of them instead of being read.
    #[schemars(with = "Vec<serde_json::Value>")]
    pub diagnostics: Vec<Diagnostic>,
}

/// A file of a deployment that may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedFile {
    /// Absolute within the deployment, not percent-encoded.
    pub path: String,
    /// BLAKE3, 64 lower-case hexadecimal digits.
    #[schemars(with = "String")]
    pub digest: BlobDigest,
    /// In bytes.
    pub size_bytes: u64,
    /// Whether visitors would get it; false for what only the server reads.
    pub is_served: bool,
    /// Whether the server lacks its bytes.
    pub is_missing: bool,
}
