//! The one gate before everything that a host shows: access rules, rate limits, protection.
//!
//! What a project has set is asked in `holm_site::guard`, which is pure; here is who asks, what time it is,
//! and the counting. A host without a guard costs one look at an `Option`.

mod dress;
pub(crate) mod password;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use holm_site::RequestHead;
use holm_site::guard::{
    AccessDecision, AccessRules, Coverage, Exchange, Guard, PasswordForm, ProjectGuard, Protection,
    ProtectionDecision, ProtectionMode, RateAction, RefusalForm, SigningKey, Unauthorized, Visit,
    counted_address,
};
use holm_types::{ProjectId, VisitorCode};
use http::HeaderMap;

use crate::edge::EdgeInner;
use crate::error::Refusal;
use crate::hosts::HostRow;
use crate::rate::{Allowance, Counted};
use crate::visitor;

pub(crate) use dress::{dress, make_private};

/// That a request was let through, and what is to be kept in mind about it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passed {
    /// By which guard. `None` where there is none.
    pub(crate) guard: Option<Arc<Guard>>,
    /// The visitor had to show something: the answer is for nobody else.
    pub(crate) is_private: bool,
    /// What a rate limit that only observes has seen.
    pub(crate) observed: Option<Cow<'static, str>>,
}

impl Passed {
    /// Whether it was this row's guard that let the request through.
    pub(crate) fn is_by(&self, row: &HostRow) -> bool {
        match (&self.guard, &row.guard) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

/// What is sent to a request that was not let through.
#[derive(Debug)]
pub(crate) enum GateAnswer {
    /// A page.
    Page {
        /// Which, and why.
        refusal: Refusal,
        /// `X-EOP-MSG`.
        message: Option<&'static str>,
        /// `Retry-After`.
        wait: Option<Duration>,
        /// The form for the password, in the place of the page.
        form: Option<PasswordForm>,
    },
    /// Exactly what an unknown host shows, down to the last byte.
    Hidden {
        /// For the access record.
        reason: Cow<'static, str>,
    },
    /// A redirect that takes the ticket out of the URL.
    Exchange(Exchange),
}

impl GateAnswer {
    /// A page that needs nothing more.
    pub(crate) fn page(refusal: Refusal) -> Self {
        Self::Page {
            refusal,
            message: None,
            wait: None,
            form: None,
        }
    }

    /// 429.
    pub(crate) fn too_many(reason: impl Into<Cow<'static, str>>, wait: Duration) -> Self {
        Self::Page {
            refusal: Refusal::new(VisitorCode::RateLimitExceeded, reason),
            message: None,
            wait: Some(wait),
            form: None,
        }
    }

    fn unauthorized(unauthorized: Unauthorized) -> Self {
        let reason = format!("protection: {}", unauthorized.message);
        match unauthorized.form {
            RefusalForm::NotFound => Self::Hidden {
                reason: reason.into(),
            },
            RefusalForm::Unauthorized => Self::Page {
                refusal: Refusal::new(VisitorCode::Unauthorized, reason),
                message: Some(unauthorized.message),
                wait: None,
                form: unauthorized.password,
            },
        }
    }
}

/// Lets a request through, or says what it is answered.
pub(crate) fn pass(
    edge: &EdgeInner,
    row: &HostRow,
    head: &RequestHead<'_>,
    headers: &HeaderMap,
    peer: IpAddr,
) -> Result<Passed, GateAnswer> {
    let Some(guard) = &row.guard else {
        return Ok(Passed::default());
    };
    let visit = visit(edge, row, head, headers, peer);
    let observed = security(edge, row, guard, &visit)?;
    let is_private = match guard.protection(&visit) {
        ProtectionDecision::Public => false,
        ProtectionDecision::Open => true,
        ProtectionDecision::Exchange(exchange) => return Err(GateAnswer::Exchange(exchange)),
        ProtectionDecision::Unauthorized(why) => return Err(GateAnswer::unauthorized(why)),
    };
    Ok(Passed {
        guard: Some(Arc::clone(guard)),
        is_private,
        observed,
    })
}

/// What a host that hides would have cost, where there is none: by the time of the answer nobody is to
/// learn which of the two it is (S-48).
pub(crate) fn pass_unknown(edge: &EdgeInner, head: &RequestHead<'_>, headers: &HeaderMap) {
    let visit = Visit {
        client: None,
        host: head.host.as_str(),
        is_production: false,
        is_custom_domain: false,
        scheme: head.scheme,
        method: head.method,
        path: head.path.as_str(),
        raw_path: head.raw_path,
        query: head.query,
        headers,
        now_seconds: edge.parts.clock.now().unix_seconds(),
    };
    std::hint::black_box(edge.decoy.protection(&visit));
}

/// A guard that hides, with a key that nobody has.
pub(crate) fn decoy(key: [u8; 32]) -> Guard {
    Guard::new(ProjectGuard {
        project_id: ProjectId::from_bytes([0; 16]),
        protection: Some(Protection {
            mode: ProtectionMode::Signed,
            coverage: Coverage::All,
            refusal: RefusalForm::NotFound,
            signing_key: SigningKey::from_bytes(key),
        }),
        access: AccessRules::default(),
    })
}

/// What the guard looks at.
pub(crate) fn visit<'a>(
    edge: &EdgeInner,
    row: &HostRow,
    head: &'a RequestHead<'a>,
    headers: &'a HeaderMap,
    peer: IpAddr,
) -> Visit<'a> {
    let trusted = &edge.config.trusted_proxies;
    Visit {
        client: Some(visitor::address(peer, headers, trusted)),
        host: head.host.as_str(),
        is_production: !row.is_preview,
        is_custom_domain: row.is_custom_domain,
        scheme: head.scheme,
        method: head.method,
        path: head.path.as_str(),
        raw_path: head.raw_path,
        query: head.query,
        headers,
        now_seconds: edge.parts.clock.now().unix_seconds(),
    }
}

/// The lists and the rate limits: the first half of the gate, which also stands before the password. What
/// an observing limit has seen.
pub(crate) fn security(
    edge: &EdgeInner,
    row: &HostRow,
    guard: &Guard,
    visit: &Visit<'_>,
) -> Result<Option<Cow<'static, str>>, GateAnswer> {
    let outcome = match guard.access(visit) {
        AccessDecision::Refused(refused) => {
            let refusal = Refusal::new(VisitorCode::Forbidden, refused.reason());
            Err(GateAnswer::page(refusal))
        }
        AccessDecision::Admitted => rates(edge, row, guard, visit),
    };
    outcome.map_err(|answer| hidden_where_asked(guard, visit, answer))
}

/// A host that hides says 403 and 429 only to who may know that it is there.
fn hidden_where_asked(guard: &Guard, visit: &Visit<'_>, answer: GateAnswer) -> GateAnswer {
    match (guard.protection(visit), answer) {
        (
            ProtectionDecision::Unauthorized(Unauthorized {
                form: RefusalForm::NotFound,
                ..
            }),
            GateAnswer::Page { refusal, .. },
        ) => GateAnswer::Hidden {
            reason: refusal.reason,
        },
        (_, answer) => answer,
    }
}

fn rates(
    edge: &EdgeInner,
    row: &HostRow,
    guard: &Guard,
    visit: &Visit<'_>,
) -> Result<Option<Cow<'static, str>>, GateAnswer> {
    let Some(address) = visit.client.map(counted_address) else {
        return Ok(None);
    };
    let mut observed = None;
    for (place, limit) in guard.rate_limits(visit.path) {
        let allowed = Allowance {
            requests: limit.requests,
            window: Duration::from_secs(limit.window_seconds.into()),
        };
        // A limit that was changed is another one, and counts anew.
        let counted_for = (
            row.project_id,
            place,
            limit.requests,
            limit.window_seconds,
            address,
        );
        let key = edge.rates.key(&counted_for);
        let now = edge.parts.clock.monotonic();
        let Counted::Over { wait } = edge.rates.count(key, allowed, now) else {
            continue;
        };
        let reason = format!(
            "the project's rate limit {} ({}: {} requests in {} s) is exceeded",
            place + 1,
            limit.path,
            limit.requests,
            limit.window_seconds
        );
        match limit.action {
            RateAction::Block => return Err(GateAnswer::too_many(reason, wait)),
            RateAction::Observe => observed = Some(format!("{reason}; it only observes").into()),
        }
    }
    Ok(observed)
}
