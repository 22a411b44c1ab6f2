//! Aliases on the wire: hosts that point at a deployment and can be moved.

use holm_types::{AliasId, DeploymentId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an alias is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AliasKind {
    /// What visitors see.
    Production,
    /// The newest deployment of a Git branch.
    Branch,
}

/// An alias and what it points at.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AliasView {
    /// `als_...`
    #[schemars(with = "String")]
    pub id: AliasId,
    /// What it is for.
    pub kind: AliasKind,
    /// Its URL.
    pub url: String,
    /// The branch that it follows. Null for production.
    pub branch: Option<String>,
    /// What it points at.
    #[schemars(with = "String")]
    pub deployment_id: DeploymentId,
    /// When it was pointed there.
    #[schemars(with = "String")]
    pub moved_at: Timestamp,
}
