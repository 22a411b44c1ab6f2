//! Projects on the wire.

use holm_types::{DeploymentId, ProjectId, ProjectName, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Patched;

/// A new project.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectCreate {
    /// 1-40 characters of a-z, 0-9 and -, unique on this server.
    #[schemars(with = "String")]
    pub name: ProjectName,
}

/// A change of a project's settings, as a merge patch (RFC 7396): absent fields stay as they are, null
/// brings a field back to its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectUpdate {
    /// A name for people, 1 to 100 characters. By default none: the project's name is shown.
    #[serde(default, skip_serializing_if = "Patched::is_keep")]
    pub display_name: Patched<String>,
    /// `mainland`, `overseas` or `global` (the default): EdgeOne's acceleration region.
    #[serde(default, skip_serializing_if = "Patched::is_keep")]
    pub area: Patched<String>,
    /// The Git branch that production is made from, `main` by default.
    #[serde(default, skip_serializing_if = "Patched::is_keep")]
    pub production_branch: Patched<String>,
    /// How many of the newest sealed deployments are kept. By default as many as the server says
    /// (`control.deployments_kept_max`).
    #[serde(default, skip_serializing_if = "Patched::is_keep")]
    pub deployments_kept: Patched<u64>,
    /// How later builds are made. Null brings all of it back to the defaults.
    #[serde(default, skip_serializing_if = "Patched::is_keep")]
    pub build: Patched<BuildUpdate>,
    /// The old order: a function is asked before a file on the same path; off by default. Acts on later
    /// deployments.
    #[serde(default, skip_serializing_if = "Patched::is_keep")]
    pub functions_before_files: Patched<bool>,
}

/// A change of the build settings, as a merge patch. `edgeone.json` in the source wins over them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BuildUpdate {
    /// The command that installs dependencies. By default the package manager's own.
    #[serde(default, skip_serializing_if = "Patched::is_keep")]
    pub install_command: Patched<String>,
    /// The command that builds. By default the framework's.
    #[serde(default, skip_serializing_if = "Patched::is_keep")]
    pub build_command: Patched<String>,
    /// The folder that the build fills, relative to the root directory. By default the framework's.
    #[serde(default, skip_serializing_if = "Patched::is_keep")]
    pub output_directory: Patched<String>,
    /// The version of Node.js, for example `22` or `22.17.1`. By default 22.
    #[serde(default, skip_serializing_if = "Patched::is_keep")]
    pub node_version: Patched<String>,
    /// The folder of the source that holds the project. By default its root.
    #[serde(default, skip_serializing_if = "Patched::is_keep")]
    pub root_directory: Patched<String>,
}

/// How a project is built. What is null is chosen by the build.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BuildSettings {
    /// As in [`BuildUpdate`].
    pub install_command: Option<String>,
    /// As in [`BuildUpdate`].
    pub build_command: Option<String>,
    /// As in [`BuildUpdate`].
    pub output_directory: Option<String>,
    /// As in [`BuildUpdate`].
    pub node_version: Option<String>,
    /// As in [`BuildUpdate`].
    pub root_directory: Option<String>,
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
    /// A name for people. Null: the name is shown.
    #[serde(default)]
    pub display_name: Option<String>,
    /// `mainland`, `overseas` or `global`.
    pub area: String,
    /// The production URL, whether or not something is deployed.
    pub url: String,
    /// What production points at. Null before the first deployment.
    #[schemars(with = "Option<String>")]
    pub live_deployment_id: Option<DeploymentId>,
    /// The Git branch that production is made from.
    pub production_branch: String,
    /// How many of the newest sealed deployments are kept. Null: as many as the server says.
    #[serde(default)]
    pub deployments_kept: Option<u64>,
    /// How later builds are made.
    pub build: BuildSettings,
    /// The switch of [`ProjectUpdate`].
    pub functions_before_files: bool,
    /// When it was made.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
}
