//! The server itself on the wire: what it is, who owns it.

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
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimRequest {
    /// The code in the owner link.
    pub code: String,
    /// The owner's e-mail, to sign in with; needs a password beside it. Can be set later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The owner's password, 12 to 256 characters; needs an e-mail beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

impl std::fmt::Debug for ClaimRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClaimRequest(hidden)")
    }
}

/// The answer to `instance_claim`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ClaimResult {
    /// `holm_...`, valid for 90 days; shown only here. Give it to `holm login`.
    pub secret: String,
}
