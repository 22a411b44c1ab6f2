//! Access rules: whom a project's hosts refuse and slow down.

use holm_api::{AccessRulesView, ProblemField, RateLimitAction, RateLimitView};
use holm_site::guard::{
    AccessRules, LIST_ENTRIES_MAX, RATE_LIMITS_MAX, RateAction, RateLimit, USER_AGENT_PATTERNS_MAX,
};
use holm_types::{ErrorCode, IpNetwork};

use super::expected::{Expected, Tagged};
use super::{find, release};
use crate::authz::{Authorized, Manage, Read};
use crate::core::Core;
use crate::error::ApiError;

/// Findings that one answer names.
const FINDINGS_MAX: usize = 20;

/// A project's access rules.
pub(crate) async fn view(
    core: &Core,
    _who: &Authorized<Read>,
    reference: String,
) -> Result<Tagged<AccessRulesView>, ApiError> {
    core.db
        .read(move |view| {
            let project = find::project(view, &reference)?;
            Ok::<_, ApiError>(Tagged::by_content(view.access_rules(project.id)?))
        })
        .await
}

/// Replaces a project's access rules; returns when the edge goes by them.
pub(crate) async fn update(
    core: &Core,
    _who: &Authorized<Manage>,
    reference: String,
    rules: AccessRulesView,
    expected: Expected,
) -> Result<Tagged<AccessRulesView>, ApiError> {
    read_rules(&rules).map_err(|mut fields| {
        fields.truncate(FINDINGS_MAX);
        ApiError::new(ErrorCode::RequestInvalid, "These cannot be access rules").with_fields(fields)
    })?;
    let kept = rules.clone();
    let version = core
        .db
        .write(move |change| {
            let project = find::project(change, &reference)?;
            let before = Tagged::by_content(change.access_rules(project.id)?);
            let what = format!("The access rules of `{}`", project.name);
            expected.check(&before.entity_tag, &what)?;
            change.put_access_rules(project.id, &kept)?;
            Ok::<_, ApiError>(change.snapshot_version()?)
        })
        .await?;
    release::show(core, version).await?;
    Ok(Tagged::by_content(rules))
}

/// The rules as the edge goes by them, or everything that is wrong with them.
pub(crate) fn read_rules(rules: &AccessRulesView) -> Result<AccessRules, Vec<ProblemField>> {
    let mut findings = Findings::default();
    let texts = |findings: &mut Findings, list: &[String], name, max, fault: Fault| {
        findings.check_length(name, list.len(), max);
        for (index, text) in list.iter().enumerate() {
            findings.check(name, index, fault(text));
        }
    };
    texts(
        &mut findings,
        &rules.referer_block,
        "referer_block",
        LIST_ENTRIES_MAX,
        AccessRules::referer_fault,
    );
    for (list, name) in [
        (&rules.user_agent_allow, "user_agent_allow"),
        (&rules.user_agent_block, "user_agent_block"),
    ] {
        let fault = AccessRules::user_agent_fault;
        texts(&mut findings, list, name, USER_AGENT_PATTERNS_MAX, fault);
    }
    let read = AccessRules {
        ip_allow: networks(&mut findings, &rules.ip_allow, "ip_allow"),
        ip_block: networks(&mut findings, &rules.ip_block, "ip_block"),
        referer_block: rules.referer_block.clone(),
        user_agent_allow: rules.user_agent_allow.clone(),
        user_agent_block: rules.user_agent_block.clone(),
        rate_limits: rate_limits(&mut findings, &rules.rate_limits),
    };
    if findings.0.is_empty() {
        Ok(read)
    } else {
        Err(findings.0)
    }
}

/// What is wrong with one entry of a list.
type Fault = fn(&str) -> Option<&'static str>;

#[derive(Default)]
struct Findings(Vec<ProblemField>);

impl Findings {
    fn add(&mut self, pointer: String, detail: impl Into<String>) {
        self.0.push(ProblemField {
            pointer,
            detail: detail.into(),
        });
    }

    fn check(&mut self, name: &str, index: usize, fault: Option<&str>) {
        if let Some(detail) = fault {
            self.add(format!("/{name}/{index}"), detail);
        }
    }

    fn check_length(&mut self, name: &str, length: usize, max: usize) {
        if length > max {
            let detail = format!("at most {max} entries, and these are {length}");
            self.add(format!("/{name}"), detail);
        }
    }
}

fn networks(findings: &mut Findings, list: &[String], name: &'static str) -> Vec<IpNetwork> {
    findings.check_length(name, list.len(), LIST_ENTRIES_MAX);
    let mut networks = Vec::with_capacity(list.len());
    for (index, text) in list.iter().enumerate() {
        match text.parse() {
            Ok(network) => networks.push(network),
            Err(error) => findings.add(format!("/{name}/{index}"), error_text(&error)),
        }
    }
    networks
}

fn error_text(error: &holm_types::IpNetworkError) -> String {
    error.to_string()
}

fn rate_limits(findings: &mut Findings, list: &[RateLimitView]) -> Vec<RateLimit> {
    findings.check_length("rate_limits", list.len(), RATE_LIMITS_MAX);
    let mut limits = Vec::with_capacity(list.len());
    for (index, view) in list.iter().enumerate() {
        let limit = RateLimit {
            path: view.path.clone(),
            requests: view.requests,
            window_seconds: view.window_seconds,
            action: match view.action {
                RateLimitAction::Block => RateAction::Block,
                RateLimitAction::Observe => RateAction::Observe,
            },
        };
        if let Some((field, detail)) = limit.fault() {
            findings.add(format!("/rate_limits/{index}/{field}"), detail);
        }
        limits.push(limit);
    }
    limits
}
