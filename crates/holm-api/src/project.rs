//! Projects on the wire.

use holm_types::{DeploymentId, ProjectId, ProjectName, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A new project.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectCreate {
    /// 1-40 characters of a-z, 0-9 and -, unique on this server.
    #[schemars(with = "String")]
    pub name: ProjectName,
}

/// A change of a project's settings; absent fields stay as they are.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectUpdate {
    /// The old order: a function is asked before a file on the same path. Acts on later deployments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub functions_before_files: Option<bool>,
}

/// A project. Wherever an operation takes `{project}`, the id and the name both work.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ProjectView {
    /// `prj_...`
    #[schemars(with = "String")]
    pub id: ProjectId,
    /// The name that its host names start with.
    #[schemars(with = "String")]
    pub name: ProjectName,
    /// The production URL, whether or not something is deployed.
    pub url: String,
    /// What production points at. Null before the first deployment.
    #[schemars(with = "Option<String>")]
    pub live_deployment_id: Option<DeploymentId>,
    /// The switch of [`ProjectUpdate`].
    pub functions_before_files: bool,
    /// When it was made.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
}
