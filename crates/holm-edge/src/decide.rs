//! What one request comes to: host, gates, plan, file. Reads memory only; what is not there is named,
//! fetched by the caller, and the question is asked again.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use holm_site::{
    EarlyPlan, Plan, Redirect, RequestHead, Runtime, Site, plan_early, plan_late, plan_origin,
};
use holm_types::VisitorCode;
use http::header::CONTENT_ENCODING;
use http::request::Parts;
use http::{Method, StatusCode};

use crate::asset::{AssetAnswer, AssetRequest, AssetStep, BlobWanted, answer_asset};
use crate::cache::{BlobKey, CachedBlob};
use crate::edge::EdgeInner;
use crate::error::Refusal;
use crate::function::{Call, CallTarget};
use crate::gate::{self, GateAnswer, Passed};
use crate::head::{Asked, read_host};
use crate::hosts::{HostRow, RowTarget, SiteRow};
use crate::record::shortened;
use crate::rule_headers::{RuleHeaders, Subject};
use crate::visitor;

/// What was fetched for a request so far. Kept from one asking to the next, so that all of an answer
/// comes from one deployment even if a newer snapshot arrives meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// The host's row, and its site.
    pub(crate) site: Option<(Arc<HostRow>, Arc<Site>)>,
    /// A small blob, and what it is: used only where exactly that is to be sent.
    pub(crate) blob: Option<(BlobKey, Arc<CachedBlob>)>,
    /// That the gate let the request through. It is asked once, however often the decision is.
    pub(crate) passed: Option<Passed>,
    /// An encoded form could not be read: the file as it was deployed will do.
    pub(crate) is_identity_only: bool,
    /// Which steps are left.
    pub(crate) stage: Stage,
}

/// Which steps are left for a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// All: it has just come.
    #[default]
    Whole,
    /// Those behind the middleware.
    AfterMiddleware,
    /// Those that a function may have of its own site: redirects and files.
    OwnSite,
}

/// A decision, and what is known about the site that it concerns.
#[derive(Debug)]
pub(crate) struct Decision {
    /// The host's row. `None` when the host is unknown or was not understood.
    pub(crate) row: Option<Arc<HostRow>>,
    /// The beginning of what was sent as host, where there is no row.
    pub(crate) host_text: Option<Arc<str>>,
    /// The site's header rules for this path.
    pub(crate) rules: RuleHeaders,
    /// What the gate remarked.
    pub(crate) passed: Passed,
    /// What to do.
    pub(crate) outcome: Outcome,
}

/// What to do about a request.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Send a page of Holm's.
    Page(Refusal),
    /// Send what the gate says.
    Gate(GateAnswer),
    /// Send a redirect.
    Redirect(Redirect),
    /// Send a file.
    Asset {
        /// The answer with it.
        answer: AssetAnswer,
        /// Whether it is the file that was asked for: what the site's header rules are set on.
        subject: Subject,
    },
    /// Say which methods there are: OPTIONS.
    Methods,
    /// Ask the site's code.
    Call(Box<Call>),
}

/// What has to be fetched before there can be a decision.
#[derive(Debug)]
pub(crate) enum Missing {
    /// The site of this row.
    Site(Arc<HostRow>),
    /// A small blob, for this row.
    Blob(Arc<HostRow>, BlobWanted),
    /// The answer of the site's code, as this decision says.
    Call(Arc<HostRow>, Box<Decision>),
}

impl Missing {
    /// Whose request waits.
    pub(crate) fn row(&self) -> &Arc<HostRow> {
        match self {
            Self::Site(row) | Self::Blob(row, _) | Self::Call(row, _) => row,
        }
    }
}

/// Decides about one request.
pub(crate) fn decide(
    edge: &EdgeInner,
    parts: &Parts,
    peer: IpAddr,
    gathered: &mut Gathered,
) -> Result<Decision, Missing> {
    // `OPTIONS *` asks about the server as a whole (RFC 9110 section 9.3.7).
    if parts.method == Method::OPTIONS && parts.uri.path() == "*" {
        return Ok(match read_host(parts) {
            Ok((host, _)) => without_row(host.as_str(), Outcome::Methods),
            Err(refusal) => refused(parts, edge, refusal),
        });
    }
    let asked = match Asked::read(parts) {
        Ok(asked) => asked,
        Err(refusal) => return Ok(refused(parts, edge, refusal)),
    };
    if let Some((row, site)) = gathered.site.clone() {
        return decide_row(edge, parts, peer, gathered, &row, Some(&site), asked);
    }
    let hosts = edge.hosts.load();
    if let Some(row) = hosts.find(asked.host.as_str()) {
        return decide_row(edge, parts, peer, gathered, row, None, asked);
    }
    let head = edge.head(asked, parts, false, peer);
    gate::pass_unknown(edge, &head, &parts.headers);
    let refusal = Refusal::new(VisitorCode::NotFound, "no site has this host");
    Ok(without_row(head.host.as_str(), Outcome::Page(refusal)))
}

fn without_row(host: &str, outcome: Outcome) -> Decision {
    Decision {
        row: None,
        host_text: Some(host.into()),
        rules: RuleHeaders::default(),
        passed: Passed::default(),
        outcome,
    }
}

/// The host that a refused request names is worth knowing even when it is none.
fn refused(parts: &Parts, edge: &EdgeInner, refusal: Refusal) -> Decision {
    let field = parts.headers.get(http::header::HOST);
    let text = field.map_or("", |value| value.to_str().unwrap_or_default());
    let host = shortened(text, edge.config.limits.record_text_chars_max);
    without_row(&host, Outcome::Page(refusal))
}

/// The gate comes first, whatever is behind it.
fn decide_row(
    edge: &EdgeInner,
    parts: &Parts,
    peer: IpAddr,
    gathered: &mut Gathered,
    row: &Arc<HostRow>,
    site: Option<&Arc<Site>>,
    asked: Asked<'_>,
) -> Result<Decision, Missing> {
    let head = edge.head(asked, parts, row.is_custom_domain, peer);
    let passed = gathered.passed.take().filter(|passed| passed.is_by(row));
    let passed = passed.map_or_else(|| gate::pass(edge, row, &head, &parts.headers, peer), Ok);
    let (passed, (rules, outcome)) = match passed {
        Err(answer) => {
            let outcome = (RuleHeaders::default(), Outcome::Gate(answer));
            (Passed::default(), outcome)
        }
        Ok(passed) => match decide_target(edge, parts, gathered, row, site, &head) {
            Ok(outcome) => (passed, outcome),
            Err(missing) => {
                gathered.passed = Some(passed);
                return Err(missing);
            }
        },
    };
    Ok(Decision {
        row: Some(Arc::clone(row)),
        host_text: None,
        rules,
        passed,
        outcome,
    })
}

fn decide_target(
    edge: &EdgeInner,
    parts: &Parts,
    gathered: &Gathered,
    row: &Arc<HostRow>,
    site: Option<&Arc<Site>>,
    head: &RequestHead<'_>,
) -> Result<(RuleHeaders, Outcome), Missing> {
    match &row.target {
        RowTarget::Gate { code, .. } => {
            let refusal = Refusal::new(*code, "the host shows a page instead of a site");
            Ok((RuleHeaders::default(), Outcome::Page(refusal)))
        }
        RowTarget::Site(site_row) => {
            let site = site
                .map(Arc::clone)
                .or_else(|| site_row.slot.built(&edge.sites))
                .ok_or_else(|| Missing::Site(Arc::clone(row)))?;
            decide_site(edge, parts, gathered, site_row, &site, head)
                .map_err(|wanted| Missing::Blob(Arc::clone(row), wanted))
        }
    }
}

impl EdgeInner {
    /// The head as the plan and the gate want it: how the visitor came is what a trusted proxy says.
    pub(crate) fn head<'a>(
        &self,
        asked: Asked<'a>,
        parts: &'a Parts,
        is_custom_domain: bool,
        peer: IpAddr,
    ) -> RequestHead<'a> {
        let mut head = asked.head(parts, is_custom_domain);
        let trusted = &self.config.trusted_proxies;
        head.scheme = visitor::scheme(head.scheme, peer, &parts.headers, trusted);
        head
    }
}

fn decide_site(
    edge: &EdgeInner,
    parts: &Parts,
    gathered: &Gathered,
    site_row: &SiteRow,
    site: &Arc<Site>,
    head: &RequestHead<'_>,
) -> Result<(RuleHeaders, Outcome), BlobWanted> {
    let rules = RuleHeaders::of(site, head, edge.config.base_domain.as_deref());
    let stage = gathered.stage;
    if stage != Stage::AfterMiddleware {
        match plan_early(site, head) {
            EarlyPlan::Redirect(redirect) => return Ok((rules, Outcome::Redirect(redirect))),
            EarlyPlan::Continue { middleware: true } if stage == Stage::Whole => {
                return Ok((rules, call(edge, site, CallTarget::Middleware)));
            }
            EarlyPlan::Continue { .. } => {}
        }
    }
    let plan = match stage {
        Stage::Whole | Stage::AfterMiddleware => plan_late(site, head),
        Stage::OwnSite => plan_origin(site, head),
    };
    let outcome = match plan {
        Plan::NotFound => Outcome::Page(Refusal::new(
            VisitorCode::NotFound,
            "the deployment has nothing at this path",
        )),
        Plan::Invoke(function) => call(edge, site, CallTarget::Function(function)),
        Plan::ServeAsset { asset, status } => {
            let path = head.path.as_str();
            let request = AssetRequest {
                asset: site.asset(asset),
                status: StatusCode::from_u16(status).unwrap_or(StatusCode::OK),
                method: &parts.method,
                headers: &parts.headers,
                sealed_at: site_row.sealed_at,
                memory_ttl: site.cache_ttl_seconds(path).map(Duration::from_secs),
                is_identity_only: gathered.is_identity_only || rules.sets(&CONTENT_ENCODING),
                fetched: gathered.blob.as_ref(),
            };
            decide_asset(edge, path, &request)?
        }
    };
    Ok((rules, outcome))
}

/// Asking the site's code, where it is run.
fn call(edge: &EdgeInner, site: &Arc<Site>, target: CallTarget) -> Outcome {
    let is_for_edge = match target {
        CallTarget::Middleware => true,
        CallTarget::Function(function) => site.function(function).runtime == Runtime::Edge,
    };
    if !is_for_edge || edge.functions.is_none() || site.edge_bundle().is_none() {
        return Outcome::Page(Refusal::new(
            VisitorCode::NodeFunctionServiceUnavailable,
            "the path belongs to a function, and functions are not run here",
        ));
    }
    Outcome::Call(Box::new(Call {
        site: Arc::clone(site),
        target,
    }))
}

fn decide_asset(
    edge: &EdgeInner,
    path: &str,
    request: &AssetRequest<'_>,
) -> Result<Outcome, BlobWanted> {
    if let Some(outcome) = other_method(request.method, request.status) {
        return Ok(outcome);
    }
    match answer_asset(edge, request) {
        AssetStep::Answer(answer) => Ok(Outcome::Asset {
            subject: subject_of(path, request.asset.path, answer.status),
            answer,
        }),
        AssetStep::Fetch(wanted) => Err(wanted),
        AssetStep::Refuse(refusal) => Ok(Outcome::Page(refusal)),
    }
}

/// Whether the file that answers is the one that was asked for, by name, by clean URL or by a rewrite
/// to a file of its kind.
fn subject_of(path: &str, file: &str, status: StatusCode) -> Subject {
    let is_asked_for =
        file.starts_with(path) || extension(path).is_none() || extension(path) == extension(file);
    if is_asked_for && !status.is_client_error() {
        Subject::File
    } else {
        Subject::StandIn
    }
}

fn extension(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').map(|(_, extension)| extension)
}

/// Files answer GET and HEAD. Where there is no file (the site's own 404 page) every method gets that.
fn other_method(method: &Method, status: StatusCode) -> Option<Outcome> {
    if status != StatusCode::OK || *method == Method::GET || *method == Method::HEAD {
        return None;
    }
    Some(if *method == Method::OPTIONS {
        Outcome::Methods
    } else {
        Outcome::Page(Refusal::new(
            VisitorCode::MethodNotAllowed,
            "the path belongs to a file, and files answer GET and HEAD",
        ))
    })
}
