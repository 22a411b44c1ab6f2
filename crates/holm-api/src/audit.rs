//! The audit log on the wire.

use holm_types::{AuditId, Timestamp, TokenId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// It was refused; nothing changed.
    Refused,
    /// The server failed; `code` says at what.
    Failed,
}

/// Which rows of the audit log, and which page of them. Rows must fit all that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// Items a page, 1 to 100; 20 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before. Absent for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Who: the id of a user, present or past, or the e-mail of a member. Absent: everybody and nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The id of a project, present or past, or the name of one. Absent: all, and the server itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The operation's id, for example `deployment_promote`. Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The earliest time, as RFC 3339 writes it in UTC. Absent: from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// One call of a changing operation.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AuditView {
    /// `aud_...`
    #[schemars(with = "String")]
    pub id: AuditId,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The operation's id, for example `deployment_promote`.
    pub operation: String,
    /// The path under `/v1` as it was asked for, control characters escaped.
    pub target: String,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The error code. Null when it was done.
    pub code: Option<String>,
    /// Who. Null for nobody, and for a token of the server itself.
    #[schemars(with = "Option<String>")]
    pub user_id: Option<UserId>,
    /// Their e-mail now. Null when they have none or are no longer a member.
    pub email: Option<String>,
    /// The token that was shown. Null for a browser's session and for nobody.
    #[schemars(with = "Option<String>")]
    pub token_id: Option<TokenId>,
    /// The address that asked.
    pub address: String,
    /// The request's number, as in `X-Request-Id`.
    pub request_id: String,
}
