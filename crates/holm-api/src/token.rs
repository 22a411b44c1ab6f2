//! API tokens on the wire.

use holm_types::{Timestamp, TokenId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A new token.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenCreate {
    /// What it is for, 1-100 characters.
    pub name: String,
    /// How long it lasts, 60 to 31,536,000 seconds (one year).
    pub expires_in_seconds: u64,
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
    /// When it ends.
    #[schemars(with = "String")]
    pub expires_at: Timestamp,
}
