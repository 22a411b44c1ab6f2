//! The body of every error answer: RFC 9457 problem details, with the code of the error table.

use holm_types::Diagnostic;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `application/problem+json` (RFC 9457).
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// A URI for the kind of problem: `https://holm.invalid/errors/` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the person should do, from the error table.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was being done, to what, and why it failed.
    pub detail: String,
    /// Stable code, for example `project/name-taken`.
    pub code: String,
    /// `caller` or `platform`: whose fault it is.
    pub blame: String,
    /// `no`, `later` or `yes`: whether the same request may work another time.
    pub retry: String,
    /// The number to quote, also in `X-Request-Id`.
    pub request_id: String,
    /// Each field that is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemField>,
    /// Findings about what the user deployed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<serde_json::Value>")]
    pub diagnostics: Vec<Diagnostic>,
    /// Digests of blobs that have not arrived (`blob/missing`), at most 1,000 of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// The limit that was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// What was seen instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<u64>,
    /// The configuration setting that holds the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<String>,
}

/// One field that is wrong.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ProblemField {
    /// JSON pointer into the body, `query:NAME`, or `line:N` of a streamed manifest.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}
