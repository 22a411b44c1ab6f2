//! The server itself on the wire: what it is, who owns it, who asks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The server as anyone may see it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct InstanceView {
    /// Always `holm`.
    pub name: String,
    /// The version of the program.
    pub version: String,
    /// Whether it has an owner.
    pub is_claimed: bool,
    /// The domain that project hosts end with, for example `localhost`.
    pub base_domain: String,
}

/// The use of the one-time owner link.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimRequest {
    /// The code in the owner link.
    pub code: String,
}

/// The answer to `instance_claim`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ClaimResult {
    /// `holm_...`, valid for 90 days; shown only here. Give it to `holm login`.
    pub secret: String,
}

/// Who asks.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct MeView {
    /// `usr_...` of the owner; null for a token that the server made for itself before it was claimed.
    pub user_id: Option<String>,
    /// `owner`.
    pub role: String,
    /// `token` or `session`.
    pub authenticated_by: String,
}
