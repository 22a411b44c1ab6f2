//! API tokens on the wire.

use holm_types::{Timestamp, TokenId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A new token.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenCreate {
    /// What it is for, 1-100 characters.
    pub name: String,
    /// How long it lasts, 60 to 31,536,000 seconds (one year). Needed unless `never_expires`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<u64>,
    /// Lasts until it is revoked; for owners only.
    #[serde(default)]
    pub never_expires: bool,
    /// What it may do, 1 to 100 of `project:verb`: a project's name or id, or `*` for all; and `read`,
    /// `deploy`, `manage` or `*`. Each verb includes `read`; `own` (members, everybody's tokens) is in
    /// `*:*` only. Never more than its user may. `*:*` when absent.
    #[serde(default = "everything")]
    pub scopes: Vec<String>,
}

fn everything() -> Vec<String> {
    vec!["*:*".to_owned()]
}

/// The answer to `token_create`: the only time that the secret is shown.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TokenCreated {
    /// The token.
    pub token: TokenView,
    /// `holm_...`; keep it, it is not shown again.
    pub secret: String,
}

/// A token, without its secret.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TokenView {
    /// `tok_...`
    #[schemars(with = "String")]
    pub id: TokenId,
    /// What it is for.
    pub name: String,
    /// When it was made.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// When it ends. Null for never.
    #[schemars(with = "Option<String>")]
    pub expires_at: Option<Timestamp>,
    /// Whose it is. Null for one that the server made for itself.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub user_id: Option<UserId>,
    /// What it may do, within what its user may.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// When it was last shown, to the minute. Null for never.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub last_used_at: Option<Timestamp>,
}
