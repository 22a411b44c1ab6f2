//! The answer to "why did this URL do that".

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The plan for one URL, with every rule considered.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ExplainReport {
    /// The URL that was asked about; the value of `eo_token` is masked.
    pub url: String,
    /// The project's name.
    pub project: String,
    /// The deployment that the host points at, or the one asked for. Null when the host is gated.
    pub deployment_id: Option<String>,
    /// The path after decoding.
    pub path: String,
    /// `redirect`, `asset`, `function`, `not_found` or `gate`.
    pub decision: String,
    /// The status that would be sent.
    pub status: u16,
    /// What in one line: the location, the file, the function or the gate's word and why.
    pub summary: String,
    /// Response headers that the deployment decides (`cache-control`, rule headers, `location` ...).
    pub headers: Vec<(String, String)>,
    /// Every rule considered, in order of evaluation.
    pub considered: Vec<ExplainConsidered>,
}

/// One rule that was considered.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ExplainConsidered {
    /// `access_rules`, `rate_limits`, `protection`, `redirects`, `trailing_slash`, `rewrites`, `files`, `functions`, `file_routes`, `fallback`, `headers`, `caches`.
    pub step: String,
    /// The rule in words.
    pub rule: String,
    /// Where it was written. Null for what nobody wrote.
    pub file: Option<String>,
    /// The line, from 1. Null as above.
    pub line: Option<u32>,
    /// `matched`, `not_matched` or `not_reached`.
    pub outcome: String,
    /// Why.
    pub why: String,
}
