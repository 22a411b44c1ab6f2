//! Lists of addresses, `Referer` hosts and `User-Agent`s: who is refused with 403.

use holm_types::{Hostname, IpNetworkSet};
use http::header::{REFERER, USER_AGENT};

use super::glob::Glob;
use super::limits::{GLOB_CHARS_MAX, USER_AGENT_BYTES_MAX};
use super::{AccessRules, Guard, Visit};
use crate::plan::note::{Silent, Tracer, built_in, matched, not_matched};
use crate::{Step, Trace};

/// Whether the lists let a request on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessDecision {
    /// It may go on.
    Admitted,
    /// 403.
    Refused(Refused),
}

/// Which list refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The address is on the list of the refused.
    IpBlock,
    /// The address is not on the list of the allowed.
    IpAllow,
    /// The `Referer` is of a refused host.
    RefererBlock,
    /// The `User-Agent` is refused.
    UserAgentBlock,
    /// The `User-Agent` is not on the list of the allowed.
    UserAgentAllow,
}

impl Refused {
    /// For the access record.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::IpBlock => "the address is on the project's list ip_block",
            Self::IpAllow => "the address is not on the project's list ip_allow",
            Self::RefererBlock => "the Referer is on the project's list referer_block",
            Self::UserAgentBlock => "the User-Agent is on the project's list user_agent_block",
            Self::UserAgentAllow => "the User-Agent is not on the project's list user_agent_allow",
        }
    }
}

/// The lists, ready to be asked.
#[derive(Debug, Default)]
pub(super) struct CompiledAccess {
    ip_allow: IpNetworkSet,
    ip_block: IpNetworkSet,
    /// Sorted; an entry that starts with a dot stands for every host that ends with it.
    referer_block: Box<[Box<str>]>,
    user_agent_allow: Box<[Glob]>,
    user_agent_block: Box<[Glob]>,
}

impl CompiledAccess {
    pub(super) fn new(rules: &AccessRules) -> Self {
        let hosts = rules.referer_block.iter();
        let hosts = hosts.map(|host| host.strip_prefix('*').unwrap_or(host).to_ascii_lowercase());
        let mut hosts: Vec<Box<str>> = hosts.map(String::into_boxed_str).collect();
        hosts.sort_unstable();
        let globs = |patterns: &[String]| patterns.iter().map(|text| Glob::new(text)).collect();
        Self {
            ip_allow: IpNetworkSet::new(&rules.ip_allow),
            ip_block: IpNetworkSet::new(&rules.ip_block),
            referer_block: hosts.into(),
            user_agent_allow: globs(&rules.user_agent_allow),
            user_agent_block: globs(&rules.user_agent_block),
        }
    }

    fn blocks_referer(&self, host: &str) -> bool {
        let has = |name: &str| {
            let found = self
                .referer_block
                .binary_search_by(|entry| (**entry).cmp(name));
            found.is_ok()
        };
        let parents = host.match_indices('.').filter_map(|(at, _)| host.get(at..));
        has(host) || parents.into_iter().any(has)
    }
}

impl Guard {
    /// Asks the lists.
    pub fn access(&self, visit: &Visit<'_>) -> AccessDecision {
        access(&self.access, visit, &mut Silent)
    }

    /// As [`Guard::access`], with every list considered.
    pub fn access_traced(&self, visit: &Visit<'_>) -> (AccessDecision, Trace) {
        let mut trace = Trace::default();
        let decision = access(&self.access, visit, &mut trace);
        (decision, trace)
    }
}

fn access<T: Tracer>(lists: &CompiledAccess, visit: &Visit<'_>, tracer: &mut T) -> AccessDecision {
    let refused = by_address(lists, visit, tracer)
        .or_else(|| by_referer(lists, visit, tracer))
        .or_else(|| by_user_agent(lists, visit, tracer));
    refused.map_or(AccessDecision::Admitted, AccessDecision::Refused)
}

fn note<T: Tracer>(tracer: &mut T, list: &str, is_match: bool, why: impl FnOnce() -> String) {
    if T::IS_ON {
        let outcome = if is_match {
            matched(why())
        } else {
            not_matched(why())
        };
        tracer.note(built_in(Step::Access, list, outcome));
    }
}

fn by_address<T: Tracer>(
    lists: &CompiledAccess,
    visit: &Visit<'_>,
    tracer: &mut T,
) -> Option<Refused> {
    if lists.ip_allow.is_empty() && lists.ip_block.is_empty() {
        return None;
    }
    let Some(address) = visit.client else {
        note(tracer, "ip lists", false, || {
            "the visitor's address was not given".to_owned()
        });
        return None;
    };
    if !lists.ip_block.is_empty() {
        let is_blocked = lists.ip_block.contains(address);
        note(tracer, "ip_block", is_blocked, || {
            on_list(&address, is_blocked)
        });
        if is_blocked {
            return Some(Refused::IpBlock);
        }
    }
    if !lists.ip_allow.is_empty() {
        let is_allowed = lists.ip_allow.contains(address);
        note(tracer, "ip_allow", !is_allowed, || {
            on_list(&address, is_allowed)
        });
        if !is_allowed {
            return Some(Refused::IpAllow);
        }
    }
    None
}

fn on_list(what: &dyn std::fmt::Display, is_on: bool) -> String {
    let verb = if is_on { "is" } else { "is not" };
    format!("`{what}` {verb} on the list")
}

fn by_referer<T: Tracer>(
    lists: &CompiledAccess,
    visit: &Visit<'_>,
    tracer: &mut T,
) -> Option<Refused> {
    if lists.referer_block.is_empty() {
        return None;
    }
    let host = visit.headers.get(REFERER).and_then(referer_host);
    let is_blocked = host
        .as_deref()
        .is_some_and(|host| lists.blocks_referer(host));
    note(tracer, "referer_block", is_blocked, || match &host {
        Some(host) => on_list(host, is_blocked),
        None => "the request names no referring host".to_owned(),
    });
    is_blocked.then_some(Refused::RefererBlock)
}

/// The host of a `Referer`. `None` when the field is no URL with a host.
fn referer_host(value: &http::HeaderValue) -> Option<String> {
    let (_, rest) = value.to_str().ok()?.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let authority = authority.rsplit('@').next()?;
    let host = Hostname::parse(authority).ok()?;
    Some(host.as_str().to_owned())
}

fn by_user_agent<T: Tracer>(
    lists: &CompiledAccess,
    visit: &Visit<'_>,
    tracer: &mut T,
) -> Option<Refused> {
    if lists.user_agent_allow.is_empty() && lists.user_agent_block.is_empty() {
        return None;
    }
    let sent = visit
        .headers
        .get(USER_AGENT)
        .map_or(&b""[..], |value| value.as_bytes());
    let sent = sent
        .get(..USER_AGENT_BYTES_MAX)
        .unwrap_or(sent)
        .to_ascii_lowercase();
    let is_on = |list: &[Glob]| list.iter().any(|glob| glob.is_match(&sent));
    let shown = || String::from_utf8_lossy(&sent).into_owned();
    if !lists.user_agent_block.is_empty() {
        let is_blocked = is_on(&lists.user_agent_block);
        note(tracer, "user_agent_block", is_blocked, || {
            on_list(&shown(), is_blocked)
        });
        if is_blocked {
            return Some(Refused::UserAgentBlock);
        }
    }
    if !lists.user_agent_allow.is_empty() {
        let is_allowed = is_on(&lists.user_agent_allow);
        note(tracer, "user_agent_allow", !is_allowed, || {
            on_list(&shown(), is_allowed)
        });
        if !is_allowed {
            return Some(Refused::UserAgentAllow);
        }
    }
    None
}

impl AccessRules {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is wrong with a host of `referer_block`. `None` when nothing is.
    pub fn referer_fault(host: &str) -> Option<&'static str> {
        let name = host.strip_prefix("*.").unwrap_or(host);
        let is_host =
            Hostname::parse(name).is_ok_and(|parsed| parsed.as_str() == name.to_ascii_lowercase());
        (!is_host || name.starts_with('.'))
            .then_some("write a host name such as example.com, or *.example.com for all beneath it")
    }

    /// What is wrong with a pattern for `User-Agent`. `None` when nothing is.
    pub fn user_agent_fault(pattern: &str) -> Option<&'static str> {
        if pattern.is_empty() || pattern.chars().count() > GLOB_CHARS_MAX {
            return Some("write 1 to 256 characters, with * for any run of them");
        }
        let is_sendable = pattern.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        (!is_sendable).then_some("a User-Agent has printable ASCII characters only")
    }
}
