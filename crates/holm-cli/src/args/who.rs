//! The words about who may: `logout`, `whoami`, `tokens`, `members`, `audit`.

use clap::{Args, Subcommand, ValueEnum};
use holm_api::MemberRole;

use super::{Connection, ListChoice};

/// `holm logout`.
#[derive(Debug, Args)]
pub(crate) struct LogoutArgs {
    /// Forget the token here and leave it valid on the server
    #[arg(long)]
    pub keep_token: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm whoami`.
#[derive(Debug, Args)]
pub(crate) struct WhoamiArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm tokens`.
#[derive(Debug, Args)]
pub(crate) struct TokensArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: TokensVerb,
}

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokensVerb {
    /// List your tokens; an owner sees everybody's
    List(ListArgs),
    /// Make a token; prints its secret, once
    Create(TokenCreateArgs),
    /// Revoke a token
    Revoke(RevokeArgs),
}

/// A plain list.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub list: ListChoice,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm audit`.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// Only what this member did: an e-mail, or a user's id
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// Only what was done to this project: a name or an id
    #[arg(long, value_name = "PROJECT")]
    pub project: Option<String>,
    /// Only calls of this operation, by the name that the table shows
    #[arg(long, value_name = "OPERATION")]
    pub operation: Option<String>,
    /// Only what was done then or later, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    #[command(flatten)]
    pub list: ListChoice,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm tokens create`.
#[derive(Debug, Args)]
pub(crate) struct TokenCreateArgs {
    /// What it is for
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What it may do: PROJECT:VERB, where PROJECT is a name or *, and VERB is read, deploy, manage or *; may be given more than once
    #[arg(long = "scope", short = 's', value_name = "SCOPE", required = true)]
    pub scopes: Vec<String>,
    /// How long it lasts, 1 to 365 days
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=365))]
    pub days: u64,
    /// Until it is revoked; for owners
    #[arg(long, conflicts_with = "days")]
    pub never_expires: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm tokens revoke`.
#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// Its id, tok_...
    #[arg(value_name = "TOKEN")]
    pub id: String,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm members`.
#[derive(Debug, Args)]
pub(crate) struct MembersArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: MembersVerb,
}

/// What to do with members.
#[derive(Debug, Subcommand)]
pub(crate) enum MembersVerb {
    /// List the members
    List(ListArgs),
    /// Invite somebody; prints the link to send them, once
    Invite(InviteArgs),
    /// Change what a member may do
    Role(RoleArgs),
    /// Remove a member, with their tokens and sessions
    Remove(RemoveArgs),
}

/// `holm members invite`.
#[derive(Debug, Args)]
pub(crate) struct InviteArgs {
    /// Who is invited; only this e-mail can accept
    #[arg(value_name = "EMAIL")]
    pub email: String,
    /// What they will be
    #[arg(long, value_enum, default_value = "developer")]
    pub role: Role,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm members role`.
#[derive(Debug, Args)]
pub(crate) struct RoleArgs {
    /// Their e-mail, or their id, usr_...
    #[arg(value_name = "MEMBER")]
    pub member: String,
    /// What they are from now on
    #[arg(value_enum)]
    pub role: Role,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm members remove`.
#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// Their e-mail, or their id, usr_...
    #[arg(value_name = "MEMBER")]
    pub member: String,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// A role as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Sees projects and deployments
    Viewer,
    /// And deploys, makes and deletes projects
    Developer,
    /// And looks after members, tokens and the server
    Owner,
}

impl From<Role> for MemberRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Developer => Self::Developer,
            Role::Owner => Self::Owner,
        }
    }
}

impl TokensArgs {
    pub(crate) fn wants_json(&self) -> bool {
        match &self.verb {
            TokensVerb::List(args) => args.json,
            TokensVerb::Create(args) => args.json,
            TokensVerb::Revoke(args) => args.json,
        }
    }
}

impl MembersArgs {
    pub(crate) fn wants_json(&self) -> bool {
        match &self.verb {
            MembersVerb::List(args) => args.json,
            MembersVerb::Invite(args) => args.json,
            MembersVerb::Role(args) => args.json,
            MembersVerb::Remove(args) => args.json,
        }
    }
}
