//! Signing in on the wire, and who is signed in.

use std::fmt;

use holm_types::{Timestamp, TokenId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::MemberRole;

/// An e-mail and its password.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionCreate {
    /// The member's e-mail.
    pub email: String,
    /// The member's password.
    pub password: String,
}

impl fmt::Debug for SessionCreate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionCreate(hidden)")
    }
}

/// A session that has begun. Its secret is in `Set-Cookie` and nowhere else.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SessionView {
    /// `usr_...`
    #[schemars(with = "String")]
    pub user_id: UserId,
    /// What the member may do.
    pub role: MemberRole,
    /// When the session ends.
    #[schemars(with = "String")]
    pub expires_at: Timestamp,
}

/// Who asks.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct MeView {
    /// `usr_...`; null for a token that the server made for itself before it was claimed.
    pub user_id: Option<String>,
    /// The member's e-mail. Null when there is none.
    #[serde(default)]
    pub email: Option<String>,
    /// `owner`, `developer` or `viewer`.
    pub role: String,
    /// `token` or `session`.
    pub authenticated_by: String,
    /// The token that was shown, or that the session was signed in with. Null for neither.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub token_id: Option<TokenId>,
    /// What of the role is left to this token or session: `*:*` is all of it.
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// A change of who asks; absent fields stay as they are.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeUpdate {
    /// The new e-mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The new password, 12 to 256 characters. Ends all other sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The present password; needed once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_password: Option<String>,
}

impl fmt::Debug for MeUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MeUpdate(hidden)")
    }
}
