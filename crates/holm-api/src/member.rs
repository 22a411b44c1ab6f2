//! Members and invitations on the wire: who belongs to this server, and as what.

use std::fmt;
use std::str::FromStr;

use holm_types::{InvitationId, Timestamp, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Permission;

/// What a member may do. The order is from least to most.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// Sees projects and deployments.
    Viewer,
    /// And deploys, makes and deletes projects, changes their settings.
    Developer,
    /// And looks after members, everybody's tokens and the server.
    Owner,
}

impl MemberRole {
    /// Every role, from least to most.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Developer, Self::Owner];

    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Developer => "developer",
            Self::Owner => "owner",
        }
    }

    /// What the role may do on the whole server.
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission::{Deploy, Identity, Manage, Own, Read};
        match self {
            Self::Viewer => &[Read, Identity],
            Self::Developer => &[Read, Identity, Deploy, Manage],
            Self::Owner => &[Read, Identity, Deploy, Manage, Own],
        }
    }
}

impl fmt::Display for MemberRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a role is `viewer`, `developer` or `owner`")]
pub struct ParseRoleError;

impl FromStr for MemberRole {
    type Err = ParseRoleError;

    fn from_str(text: &str) -> Result<Self, ParseRoleError> {
        let role = Self::ALL.into_iter().find(|role| role.as_str() == text);
        role.ok_or(ParseRoleError)
    }
}

/// A member.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct MemberView {
    /// `usr_...`
    #[schemars(with = "String")]
    pub id: UserId,
    /// Null for an owner who has set none yet.
    pub email: Option<String>,
    /// What the member may do.
    pub role: MemberRole,
    /// When they became a member.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
}

/// A change of a member.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberUpdate {
    /// What the member may do from now on; their tokens and sessions at once, too.
    pub role: MemberRole,
}

/// A new invitation.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationCreate {
    /// Who is invited; only this e-mail can accept.
    pub email: String,
    /// What they will be; never more than who invites.
    pub role: MemberRole,
}

/// The answer to `invitation_create`: the only time that the secret is shown.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct InvitationCreated {
    /// The invitation.
    pub invitation: InvitationView,
    /// What the invited show to accept; works once.
    pub secret: String,
    /// The page where they do so, with the secret in it.
    pub url: String,
}

/// An open invitation, without its secret.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct InvitationView {
    /// `inv_...`
    #[schemars(with = "String")]
    pub id: InvitationId,
    /// Who is invited.
    pub email: String,
    /// What they will be.
    pub role: MemberRole,
    /// When it was made.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// When it ends; 7 days after it was made.
    #[schemars(with = "String")]
    pub expires_at: Timestamp,
}

/// The use of an invitation.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationAccept {
    /// What `invitation_create` showed.
    pub secret: String,
    /// The e-mail that was invited.
    pub email: String,
    /// The new member's password, 12 to 256 characters.
    pub password: String,
}

impl fmt::Debug for InvitationAccept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InvitationAccept(hidden)")
    }
}
