//! The handler that explains a URL.

use axum::response::Response;
use serde::Deserialize;

use super::{Call, respond};
use crate::app::{self, ExplainAsk, Visitor};
use crate::authz::{Authorized, Read};
use crate::error::ApiError;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExplainQuery {
    url: String,
    deployment: Option<String>,
    ip: Option<std::net::IpAddr>,
    referer: Option<String>,
    user_agent: Option<String>,
    #[serde(default)]
    past_gate: bool,
}

pub(super) async fn explain_view(
    call: &mut Call,
    who: Authorized<Read>,
) -> Result<Response, ApiError> {
    let query: ExplainQuery = call.query()?;
    let ask = ExplainAsk {
        url: query.url,
        deployment: query.deployment,
        visitor: Visitor {
            ip: query.ip,
            referer: query.referer,
            user_agent: query.user_agent,
        },
        past_gate: query.past_gate,
    };
    respond::json(200, &app::explain(&call.core, &who, ask).await?)
}
