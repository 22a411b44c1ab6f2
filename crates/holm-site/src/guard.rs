//! What stands before a project's hosts: access rules, rate limits and preview protection.
//!
//! The order is that of decision D10.1 and platform spec 3.3: address, `Referer` and `User-Agent` lists, rate
//! limits, then protection, all before anything of the site is looked at. Everything here is pure: who
//! counts and what time it is are the caller's. Each step is written once, over a tracer, so that what
//! `explain` shows is what a visitor meets.

mod access;
mod glob;
pub(crate) mod limits;
mod password;
mod protection;
mod rate;
mod ticket;

use holm_types::{IpNetwork, ProjectId};

pub use access::{AccessDecision, Refused};
pub use limits::{
    GLOB_CHARS_MAX, LIST_ENTRIES_MAX, PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, RATE_LIMITS_MAX,
    RATE_REQUESTS_MAX, RATE_WINDOW_SECONDS_MAX, USER_AGENT_PATTERNS_MAX,
};
pub use password::{PasswordError, PasswordHash};
pub use protection::{
    Exchange, PASSWORD_PATH, PasswordForm, ProtectionDecision, Unauthorized, safe_return,
};
pub use rate::{RateAction, RateLimit, counted_address};
pub use ticket::{PASS_SECONDS, SigningKey, TICKET_SECONDS, without_ticket};

use access::CompiledAccess;
use rate::CompiledRate;

use crate::Scheme;

/// What a project has set before its hosts. A project without an entry is public and has no rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectGuard {
    /// Whose hosts.
    pub project_id: ProjectId,
    /// `None` when its hosts are public.
    pub protection: Option<Protection>,
    /// Who is refused and who is slowed down.
    pub access: AccessRules,
}

/// How the hosts under the base domain are protected. Custom domains never are (platform spec 12.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// What a visitor must show.
    pub mode: ProtectionMode,
    /// Which hosts.
    pub coverage: Coverage,
    /// What a visitor without it sees.
    pub refusal: RefusalForm,
    /// What tickets and passes are signed with.
    pub signing_key: SigningKey,
}

/// What a visitor must show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProtectionMode {
    /// A signed link, and from then on its cookies.
    Signed,
    /// The password, once, and from then on a cookie. A signed link opens these hosts too.
    Password(PasswordHash),
}

/// Which hosts under the base domain are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Deployments and branches.
    Previews,
    /// The production host too.
    All,
}

/// What a visitor who may not come in sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalForm {
    /// 401, with `X-EOP-MSG`, or the form for the password.
    Unauthorized,
    /// Exactly what a host shows that does not exist, so that nobody learns which do.
    NotFound,
}

/// Who is refused and who is slowed down, on every host of the project. Empty lists refuse nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessRules {
    /// When there are some, everybody else is refused.
    pub ip_allow: Vec<IpNetwork>,
    /// Refused.
    pub ip_block: Vec<IpNetwork>,
    /// Hosts in `Referer` that are refused: `example.com`, or `*.example.com` for every host beneath.
    pub referer_block: Vec<String>,
    /// Patterns with `*`, case aside. When there are some, every other `User-Agent` is refused, also none.
    pub user_agent_allow: Vec<String>,
    /// Patterns with `*`, case aside, of which every `User-Agent` is refused.
    pub user_agent_block: Vec<String>,
    /// Each counts by itself.
    pub rate_limits: Vec<RateLimit>,
}

/// What of a request the guard looks at.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// The visitor's address. `None` when it is not known (`explain` without one): rules on it are passed.
    pub client: Option<std::net::IpAddr>,
    /// The host, canonical, without port: what tickets are bound to.
    pub host: &'a str,
    /// Whether the host shows production.
    pub is_production: bool,
    /// Whether a person brought the host.
    pub is_custom_domain: bool,
    /// How the visitor came: cookies are `Secure` over TLS.
    pub scheme: Scheme,
    /// The method.
    pub method: &'a http::Method,
    /// The path, decoded once.
    pub path: &'a str,
    /// The path as sent.
    pub raw_path: &'a str,
    /// The query as sent, without `?`.
    pub query: Option<&'a str>,
    /// The header fields.
    pub headers: &'a http::HeaderMap,
    /// Now, in seconds since 1970.
    pub now_seconds: u64,
}

/// A project's guard, ready to be asked.
#[derive(Debug)]
pub struct Guard {
    protection: Option<Protection>,
    access: CompiledAccess,
    rates: Box<[CompiledRate]>,
}

impl Guard {
    /// Compiles what a project has set.
    pub fn new(guard: ProjectGuard) -> Self {
        let rates = guard.access.rate_limits.iter().map(CompiledRate::new);
        Self {
            rates: rates.collect(),
            access: CompiledAccess::new(&guard.access),
            protection: guard.protection,
        }
    }

    /// What protects this kind of host. `None` when it is public.
    pub fn protection_of(
        &self,
        is_production: bool,
        is_custom_domain: bool,
    ) -> Option<&Protection> {
        let protection = self.protection.as_ref()?;
        let is_covered = match protection.coverage {
            Coverage::Previews => !is_production,
            Coverage::All => true,
        };
        (is_covered && !is_custom_domain).then_some(protection)
    }
}

#[cfg(test)]
mod tests;
