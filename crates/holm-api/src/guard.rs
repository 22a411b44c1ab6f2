//! What stands before a project's hosts, on the wire: protection, access rules, links that open.

use holm_types::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a visitor of a protected host must show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProtectionModeName {
    /// Nothing.
    #[default]
    Public,
    /// A signed link (`project_share`), good for three hours.
    Signed,
    /// The password; a signed link works too.
    Password,
}

/// Which hosts are protected. Custom domains never are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProtectionCoverage {
    /// Those of deployments and branches.
    #[default]
    Previews,
    /// The production host under the base domain too.
    All,
}

/// What a visitor sees who may not come in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusalName {
    /// 401 `UNAUTHORIZED`, or the form for the password.
    #[default]
    Unauthorized,
    /// The 404 of a host that does not exist. Not with a password.
    NotFound,
}

/// Who is shown a project's hosts. The password and the key that links are signed with are never in it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ProtectionView {
    /// What a visitor must show.
    pub mode: ProtectionModeName,
    /// On which hosts.
    pub covers: ProtectionCoverage,
    /// What others see.
    pub refusal: RefusalName,
    /// When the key was made that links are signed with. Null before the first protection.
    #[schemars(with = "Option<String>")]
    pub key_made_at: Option<Timestamp>,
}

/// A change of the protection; absent fields stay as they are.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProtectionUpdate {
    /// What a visitor must show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<ProtectionModeName>,
    /// On which hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covers: Option<ProtectionCoverage>,
    /// What others see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusalName>,
    /// A new password, 8 characters to 256 bytes; ends what the old one opened. Needed to change to
    /// `password`, and only with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Makes a new key: all links and cookies so far stop working.
    #[serde(default)]
    pub rotate_key: bool,
}

impl std::fmt::Debug for ProtectionUpdate {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProtectionUpdate")
            .field("mode", &self.mode)
            .field("covers", &self.covers)
            .field("refusal", &self.refusal)
            .field("has_password", &self.password.is_some())
            .field("rotate_key", &self.rotate_key)
            .finish()
    }
}

/// Whom all hosts of a project refuse and slow down. Empty lists do nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AccessRulesView {
    /// When there are some, every other address is refused: `203.0.113.7`, `10.0.0.0/8`, `2001:db8::/32`.
    pub ip_allow: Vec<String>,
    /// Addresses that are refused.
    pub ip_block: Vec<String>,
    /// Hosts in `Referer` that are refused: `example.com`, or `*.example.com` for all beneath it.
    pub referer_block: Vec<String>,
    /// Patterns with `*`, case aside. When there are some, every other `User-Agent` is refused.
    pub user_agent_allow: Vec<String>,
    /// Patterns with `*`, case aside, of which every `User-Agent` is refused.
    pub user_agent_block: Vec<String>,
    /// How often one address may ask for what.
    pub rate_limits: Vec<RateLimitView>,
}

/// How often one address may ask for what a pattern matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimitView {
    /// A pattern as in `edgeone.json`, for example `/api/*`.
    pub path: String,
    /// Requests in a window, 1 to 1,000,000.
    pub requests: u32,
    /// Seconds of a window, 1 to 86,400.
    pub window_seconds: u32,
    /// What is done about further requests.
    #[serde(default)]
    pub action: RateLimitAction,
}

/// What is done about a request over a rate limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RateLimitAction {
    /// 429 with `Retry-After`.
    #[default]
    Block,
    /// The access record says so, and nothing else happens.
    Observe,
}

/// Which host to share; the production host when neither is given.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShareCreate {
    /// A deployment, by its id or label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// A branch, instead of a deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Where on the host the link leads, with its query; `/` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// A link to share.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ShareLink {
    /// The link. Whoever has it sees the host until it ends.
    pub url: String,
    /// When it ends. Null when the host is public and the link opens nothing.
    #[schemars(with = "Option<String>")]
    pub expires_at: Option<Timestamp>,
}
