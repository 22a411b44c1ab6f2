//! Why a URL answers as it does: the same plan that the edge makes, with everything it considered.

mod gate;

use std::collections::BTreeMap;

use holm_api::{ExplainConsidered, ExplainReport};
use holm_site::codec::{self, DecodeError};
use holm_site::guard::{Guard, without_ticket};
use holm_site::{
    Asset, EarlyPlan, EdgeSnapshot, HeaderChange, HostEntry, HostTarget, Outcome, Plan,
    RequestHead, Scheme, Site, Trace, cookie_leaves_host, plan_early_traced, plan_late_traced,
};
use holm_storage::PublishedSnapshot;
use holm_types::{BlobDigest, ErrorCode, Hostname, SitePath};
use http::{Method, Uri};

use super::find;
use super::seal::SealedDeployment;
use crate::authz::{Authorized, Read};
use crate::core::Core;
use crate::error::ApiError;

pub(crate) use gate::Visitor;

const URL_LENGTH_MAX: usize = 8192;

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct ExplainAsk {
    /// The URL.
    pub(crate) url: String,
    /// A deployment of the host's project to ask instead of the one that the host shows.
    pub(crate) deployment: Option<String>,
    /// Who is taken to ask.
    pub(crate) visitor: Visitor,
    /// Go on where the gate would end the request, to see what lies behind it.
    pub(crate) past_gate: bool,
}

/// Plans one URL and says why.
pub(crate) async fn explain(
    core: &Core,
    who: &Authorized<Read>,
    ask: ExplainAsk,
) -> Result<ExplainReport, ApiError> {
    let target = read_url(&ask.url)?;
    let host = Hostname::parse(&target.authority).map_err(|error| invalid(error.to_string()))?;
    let (entry, guard) = host_entry(core, host.as_str()).await?;
    if !who.sees(entry.project_id) {
        return Err(unknown_host());
    }
    let (project, chosen) = look_up(core, &entry, ask.deployment).await?;
    let url = without_ticket(&ask.url).unwrap_or(ask.url);
    let head = target.head(host, entry.is_custom_domain)?;
    let now_seconds = core.now().unix_seconds();
    let mut gate = guard
        .map(|guard| gate::ask(&guard, &entry, &head, &ask.visitor, now_seconds))
        .transpose()?;
    let ended = gate.as_mut().and_then(|gate| gate.ended.take());
    if let Some(ended) = ended.filter(|_| !ask.past_gate) {
        return Ok(ExplainReport {
            url,
            project,
            deployment_id: chosen.map(|(id, _)| id).or_else(|| shown_id(&entry.target)),
            path: head.path.as_str().to_owned(),
            decision: "gate".to_owned(),
            status: ended.status,
            summary: ended.summary,
            headers: ended.headers,
            considered: gate.map(|gate| considered(gate.trace)).unwrap_or_default(),
        });
    }
    let shown = match (chosen, &entry.target) {
        (Some(chosen), _) => chosen,
        (
            None,
            HostTarget::Site {
                deployment_id,
                document,
                ..
            },
        ) => (deployment_id.to_string(), *document),
        (None, HostTarget::Gate { code, .. }) => {
            return Ok(gate_report(url, project, &target, *code));
        }
    };
    let (deployment_id, document) = shown;
    let bytes = core.blobs.read_verified(document).await?;
    let document = codec::decode_document(&bytes).map_err(|error| {
        ApiError::from_cause(ErrorCode::Internal, "The deployment cannot be read", &error)
    })?;
    let site = Site::new(document);
    let mut report = plan(&site, &head, &core.config.base_domain);
    if let Some(gate) = gate {
        report.considered.splice(..0, considered(gate.trace));
        if gate.is_private {
            make_private(&mut report.headers);
        }
    }
    report.url = url;
    report.project = project;
    report.deployment_id = Some(deployment_id);
    Ok(report)
}

/// A URL in the parts that the plan looks at.
struct Target {
    scheme: Scheme,
    authority: String,
    raw_path: String,
    query: Option<String>,
}

impl Target {
    /// What the edge would have read.
    fn head<'a>(
        &'a self,
        host: Hostname<'a>,
        is_custom_domain: bool,
    ) -> Result<RequestHead<'a>, ApiError> {
        let path = SitePath::parse(&self.raw_path)
            .map_err(|error| invalid(format!("The edge answers 400: {error}")))?;
        Ok(RequestHead {
            method: &Method::GET,
            scheme: self.scheme,
            host,
            authority: &self.authority,
            is_custom_domain,
            path,
            raw_path: &self.raw_path,
            query: self.query.as_deref(),
        })
    }
}

fn read_url(url: &str) -> Result<Target, ApiError> {
    if url.len() > URL_LENGTH_MAX {
        return Err(invalid(format!("A URL has at most {URL_LENGTH_MAX} bytes")));
    }
    let uri: Uri = url
        .parse()
        .map_err(|_| invalid("Not a URL; write it percent-encoded, as a browser sends it"))?;
    let scheme = match uri.scheme_str() {
        Some("http") => Scheme::Http,
        Some("https") => Scheme::Https,
        _ => return Err(invalid("The URL starts with http:// or https://")),
    };
    let authority = uri
        .authority()
        .ok_or_else(|| invalid("The URL has no host"))?;
    let raw_path = match uri.path() {
        "" => "/",
        path => path,
    };
    Ok(Target {
        scheme,
        authority: authority.as_str().to_owned(),
        raw_path: raw_path.to_owned(),
        query: uri.query().map(str::to_owned),
    })
}

fn shown_id(target: &HostTarget) -> Option<String> {
    match target {
        HostTarget::Site { deployment_id, .. } => Some(deployment_id.to_string()),
        HostTarget::Gate { deployment_id, .. } => deployment_id.map(|id| id.to_string()),
    }
}

/// As the edge does with what is shown to who has opened a protected host.
fn make_private(headers: &mut Vec<(String, String)>) {
    headers.retain(|(name, _)| {
        !["cdn-cache-control", "surrogate-control", "x-robots-tag"].contains(&name.as_str())
    });
    for (name, value) in headers.iter_mut() {
        if name == "cache-control" && value != "no-store" {
            "private, no-cache".clone_into(value);
        }
    }
    headers.push(("x-robots-tag".to_owned(), "noindex".to_owned()));
    headers.sort();
}

fn invalid(detail: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::RequestInvalid, "The URL cannot be explained")
        .with_field("query:url", detail)
}

/// What the published snapshot has for this host, and what stands before it: exactly what the edge goes by.
async fn host_entry(core: &Core, host: &str) -> Result<(HostEntry, Option<Guard>), ApiError> {
    let unreadable = |error: &(dyn std::error::Error + 'static)| {
        ApiError::from_cause(ErrorCode::Internal, "The snapshot cannot be read", error)
    };
    let published = core.snapshots.newest().ok_or_else(unknown_host)?;
    let asked = host.to_owned();
    // Reading a snapshot of many hosts takes longer than other requests may be held up.
    let reading = tokio::task::spawn_blocking(move || snapshot_about(&published, &asked));
    let snapshot = reading.await.map_err(|error| unreadable(&error))?;
    let snapshot = snapshot.map_err(|error| unreadable(&error))?;
    let entry = snapshot.host(host).cloned().ok_or_else(unknown_host)?;
    let guard = snapshot.guard(entry.project_id).cloned();
    Ok((entry, guard.map(Guard::new)))
}

/// The part of what is published that has the last word about a host: the newest change that has the host or
/// replaces its project, otherwise of the whole snapshot what it says of the host.
fn snapshot_about(published: &PublishedSnapshot, host: &str) -> Result<EdgeSnapshot, DecodeError> {
    let (whole, changes) = published.parts();
    let mut whole = codec::decode_snapshot_about(whole, host)?;
    for change in changes {
        let change = codec::decode_change(&change.bytes)?;
        let is_replaced = |entry: &HostEntry| change.replaces(entry.project_id);
        if change.snapshot.host(host).is_some() || whole.host(host).is_some_and(is_replaced) {
            whole = change.snapshot;
        }
    }
    Ok(whole)
}

/// Nothing is there, or nothing that the caller may see: nobody can tell which.
fn unknown_host() -> ApiError {
    ApiError::new(
        ErrorCode::ExplainUnknownHost,
        "No project or deployment of this server answers at this host",
    )
}

/// The project's name, and the deployment that was asked for with its document.
async fn look_up(
    core: &Core,
    entry: &HostEntry,
    deployment: Option<String>,
) -> Result<(String, Option<(String, BlobDigest)>), ApiError> {
    let project_id = entry.project_id;
    core.db
        .read(move |view| {
            let project = find::project(view, &project_id.to_string())?;
            let chosen = deployment
                .map(|reference| {
                    let row = find::deployment_of(view, &project, &reference)?;
                    let sealed = SealedDeployment::of(&row).ok_or_else(|| {
                        ApiError::new(
                            ErrorCode::DeploymentNotSealed,
                            format!("{} is {}, not sealed", row.id, row.state),
                        )
                    })?;
                    Ok::<_, ApiError>((row.id.to_string(), sealed.document()))
                })
                .transpose()?;
            Ok((project.name.to_string(), chosen))
        })
        .await
}

fn gate_report(
    url: String,
    project: String,
    target: &Target,
    code: holm_types::VisitorCode,
) -> ExplainReport {
    ExplainReport {
        url,
        project,
        deployment_id: None,
        path: target.raw_path.clone(),
        decision: "gate".to_owned(),
        status: code.status(),
        summary: format!("{}: {}", code.word(), code.owner_advice()),
        headers: Vec::new(),
        considered: Vec::new(),
    }
}

fn plan(site: &Site, head: &RequestHead<'_>, base_domain: &str) -> ExplainReport {
    let (early, mut trace) = plan_early_traced(site, head);
    let mut decided = match early {
        EarlyPlan::Redirect(redirect) => Decided {
            decision: "redirect",
            status: redirect.status,
            headers: Headers::from([("location".to_owned(), redirect.location.clone())]),
            summary: redirect.location,
        },
        EarlyPlan::Continue { .. } => {
            let (late, more) = plan_late_traced(site, head);
            trace.considered.extend(more.considered);
            late_decision(site, &late)
        }
    };
    apply_rules(site, head, base_domain, &mut decided.headers);
    ExplainReport {
        url: String::new(),
        project: String::new(),
        deployment_id: None,
        path: head.path.as_str().to_owned(),
        decision: decided.decision.to_owned(),
        status: decided.status,
        summary: decided.summary,
        headers: decided.headers.into_iter().collect(),
        considered: considered(trace),
    }
}

/// Header fields by name.
type Headers = BTreeMap<String, String>;

/// A plan in the report's words.
struct Decided {
    decision: &'static str,
    status: u16,
    summary: String,
    headers: Headers,
}

fn late_decision(site: &Site, plan: &Plan) -> Decided {
    match *plan {
        Plan::ServeAsset { asset, status } => {
            let asset = site.asset(asset);
            Decided {
                decision: "asset",
                status,
                summary: asset.path.to_owned(),
                headers: asset_headers(&asset, status),
            }
        }
        Plan::Invoke(function) => Decided {
            decision: "function",
            status: 200,
            summary: format!("function {}", site.function(function).name),
            headers: Headers::new(),
        },
        Plan::NotFound => Decided {
            decision: "not_found",
            status: 404,
            summary: "Nothing answers at this path".to_owned(),
            headers: Headers::new(),
        },
    }
}

/// What is sent with a file before the rules: a 404 page is never immutable.
fn asset_headers(asset: &Asset<'_>, status: u16) -> Headers {
    let cache_control = if asset.is_hashed && status != 404 {
        "public, max-age=31536000, immutable"
    } else {
        "public, max-age=0, must-revalidate"
    };
    Headers::from([
        ("cache-control".to_owned(), cache_control.to_owned()),
        ("content-type".to_owned(), text(asset.media_type)),
    ])
}

/// The site's header rules, over whatever is there, as the edge applies them to every answer.
fn apply_rules(site: &Site, head: &RequestHead<'_>, base_domain: &str, headers: &mut Headers) {
    let (host, path) = (head.host.as_str(), head.path.as_str());
    site.header_changes(host, path, &mut |change| match change {
        HeaderChange::Set(name, value)
            if *name == http::header::SET_COOKIE
                && cookie_leaves_host(value.as_bytes(), host, base_domain) => {}
        HeaderChange::Set(name, value) => {
            headers.insert(name.as_str().to_owned(), text(value));
        }
        HeaderChange::Unset(name) => {
            headers.remove(name.as_str());
        }
    });
}

fn text(value: &http::HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

fn considered(trace: Trace) -> Vec<ExplainConsidered> {
    let shape = |rule: holm_site::Considered| ExplainConsidered {
        step: rule.step.as_str().to_owned(),
        rule: rule.rule,
        file: rule.file,
        line: rule.line,
        outcome: match rule.outcome {
            Outcome::Matched => "matched",
            Outcome::NotMatched => "not_matched",
            Outcome::NotReached => "not_reached",
        }
        .to_owned(),
        why: rule.why,
    };
    trace.considered.into_iter().map(shape).collect()
}
