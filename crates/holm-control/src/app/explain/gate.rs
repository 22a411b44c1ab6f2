//! What the edge's gate says about the URL: the same decisions, with everything they considered.

use std::net::IpAddr;

use holm_site::guard::{
    AccessDecision, Guard, ProtectionDecision, RefusalForm, Unauthorized, Visit,
};
use holm_site::{HostEntry, RequestHead, Trace};
use holm_types::{Environment, VisitorCode};
use http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, LOCATION, REFERER, USER_AGENT};

use crate::error::ApiError;

/// Who is taken to ask. Rules on what is not given are passed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visitor {
    /// The address.
    pub(crate) ip: Option<IpAddr>,
    /// `Referer`.
    pub(crate) referer: Option<String>,
    /// `User-Agent`.
    pub(crate) user_agent: Option<String>,
}

/// Where the gate ends a request.
pub(super) struct Ended {
    pub(super) status: u16,
    pub(super) summary: String,
    pub(super) headers: Vec<(String, String)>,
}

/// What the gate says.
pub(super) struct Gate {
    pub(super) trace: Trace,
    /// `None` when the request goes on.
    pub(super) ended: Option<Ended>,
    /// What is shown is shown to who has opened the host alone.
    pub(super) is_private: bool,
}

/// Asks a project's guard as the edge does; only the counting of rate limits is left out.
pub(super) fn ask(
    guard: &Guard,
    entry: &HostEntry,
    head: &RequestHead<'_>,
    visitor: &Visitor,
    now_seconds: u64,
) -> Result<Gate, ApiError> {
    let headers = visitor.headers()?;
    let visit = Visit {
        client: visitor.ip,
        host: head.host.as_str(),
        is_production: entry.environment == Environment::Production,
        is_custom_domain: entry.is_custom_domain,
        scheme: head.scheme,
        method: head.method,
        path: head.path.as_str(),
        raw_path: head.raw_path,
        query: head.query,
        headers: &headers,
        now_seconds,
    };
    let (access, mut trace) = guard.access_traced(&visit);
    let is_private = guard
        .protection_of(visit.is_production, visit.is_custom_domain)
        .is_some();
    if let AccessDecision::Refused(refused) = access {
        let ended = if hides(guard, &visit) {
            not_found(refused.reason())
        } else {
            page(VisitorCode::Forbidden, refused.reason(), Vec::new())
        };
        return Ok(Gate {
            trace,
            ended: Some(ended),
            is_private,
        });
    }
    guard.note_rate_limits(visit.path, &mut trace);
    let (protection, more) = guard.protection_traced(&visit);
    trace.considered.extend(more.considered);
    Ok(Gate {
        trace,
        ended: ended_by(protection),
        is_private,
    })
}

impl Visitor {
    fn headers(&self) -> Result<HeaderMap, ApiError> {
        let mut headers = HeaderMap::new();
        for (name, text, parameter) in [
            (REFERER, &self.referer, "query:referer"),
            (USER_AGENT, &self.user_agent, "query:user_agent"),
        ] {
            if let Some(text) = text {
                let value = HeaderValue::from_str(text);
                let value = value.map_err(|_| {
                    super::invalid("A header field cannot hold this")
                        .with_field(parameter, "printable ASCII characters only")
                })?;
                headers.insert(name, value);
            }
        }
        Ok(headers)
    }
}

fn hides(guard: &Guard, visit: &Visit<'_>) -> bool {
    matches!(
        guard.protection(visit),
        ProtectionDecision::Unauthorized(Unauthorized {
            form: RefusalForm::NotFound,
            ..
        })
    )
}

fn ended_by(decision: ProtectionDecision) -> Option<Ended> {
    match decision {
        ProtectionDecision::Public | ProtectionDecision::Open => None,
        ProtectionDecision::Exchange(exchange) => Some(Ended {
            status: exchange.status,
            summary: format!("{}, with the ticket in cookies", exchange.location),
            headers: vec![
                (CACHE_CONTROL.to_string(), "no-store".to_owned()),
                (LOCATION.to_string(), exchange.location),
            ],
        }),
        ProtectionDecision::Unauthorized(refused) => Some(match refused.form {
            RefusalForm::NotFound => not_found(refused.message),
            RefusalForm::Unauthorized => {
                let message = ("x-eop-msg".to_owned(), refused.message.to_owned());
                page(VisitorCode::Unauthorized, refused.message, vec![message])
            }
        }),
    }
}

fn page(code: VisitorCode, why: &str, mut headers: Vec<(String, String)>) -> Ended {
    headers.insert(0, (CACHE_CONTROL.to_string(), "no-store".to_owned()));
    Ended {
        status: code.status(),
        summary: format!("{}: {why}", code.word()),
        headers,
    }
}

/// To a visitor it looks as if there were no such host; to the owner it is said why.
fn not_found(why: &str) -> Ended {
    let code = VisitorCode::NotFound;
    Ended {
        status: code.status(),
        summary: format!("{}, as for a host that does not exist: {why}", code.word()),
        headers: Vec::new(),
    }
}
