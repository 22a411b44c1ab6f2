//! Whether a visitor may see a protected host: by a ticket in the link, by its cookies, by a pass.

use http::header::COOKIE;
use http::{HeaderMap, Method};

use super::limits::COOKIES_TRIED_MAX;
use super::ticket::{Age, PASS_SECONDS, SigningKey, age, read_time};
use super::{Guard, PasswordHash, Protection, ProtectionMode, RefusalForm, Visit};
use crate::location::same_site_target;
use crate::plan::note::{Silent, Tracer, built_in, matched, not_matched};
use crate::{Scheme, Step, Trace};

/// Where the form for the password is sent to, on every host that asks for one.
pub const PASSWORD_PATH: &str = "/.well-known/holm-password";

const EO_TOKEN: &str = "eo_token";
const EO_TIME: &str = "eo_time";

/// What becomes of a request for a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProtectionDecision {
    /// The host is public.
    Public,
    /// The visitor has shown what opens it; what is sent is for this visitor alone.
    Open,
    /// The link's ticket is good: keep it in cookies and go on without it in the URL.
    Exchange(Exchange),
    /// The visitor may not come in.
    Unauthorized(Unauthorized),
}

/// A redirect that takes a ticket out of the URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// 302, or 307 where the method and the body must come along.
    pub status: u16,
    /// On the same host, without the ticket.
    pub location: String,
    /// Values of `Set-Cookie`.
    pub cookies: [String; 2],
}

/// Why a visitor may not come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unauthorized {
    /// `X-EOP-MSG`, in the words of EdgeOne where it has some.
    pub message: &'static str,
    /// What the visitor is to see.
    pub form: RefusalForm,
    /// Where to go on after the password, when the host asks for one.
    pub password: Option<PasswordForm>,
}

/// The form for a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordForm {
    /// Path and query on the same host.
    pub return_to: String,
}

/// What of a visitor's showing was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    TimeMissing,
    TimeInvalid,
    Expired,
    TokenInvalid,
    PasswordRequired,
}

impl Fault {
    const fn message(self) -> &'static str {
        match self {
            Self::TimeMissing => "eo_time missing",
            Self::TimeInvalid => "eo_time invalid",
            Self::Expired => "eo_time expired",
            Self::TokenInvalid => "eo_token invalid",
            Self::PasswordRequired => "password required",
        }
    }
}

impl Guard {
    /// Asks the protection.
    pub fn protection(&self, visit: &Visit<'_>) -> ProtectionDecision {
        protection(self, visit, &mut Silent)
    }

    /// As [`Guard::protection`], with what was considered. No ticket is ever in it.
    pub fn protection_traced(&self, visit: &Visit<'_>) -> (ProtectionDecision, Trace) {
        let mut trace = Trace::default();
        let decision = protection(self, visit, &mut trace);
        (decision, trace)
    }
}

fn protection<T: Tracer>(guard: &Guard, visit: &Visit<'_>, tracer: &mut T) -> ProtectionDecision {
    let Some(protection) = guard.protection_of(visit.is_production, visit.is_custom_domain) else {
        if let Some(set) = guard.protection.as_ref().filter(|_| T::IS_ON) {
            let why = "it covers neither custom domains nor, unless told so, the production host";
            tracer.note(built_in(
                Step::Protection,
                name(set),
                not_matched(why.to_owned()),
            ));
        }
        return ProtectionDecision::Public;
    };
    let decision = decide(protection, visit);
    if T::IS_ON {
        let why = match &decision {
            ProtectionDecision::Public | ProtectionDecision::Open => {
                not_matched("the cookie opens this host".to_owned())
            }
            ProtectionDecision::Exchange(_) => {
                matched("the ticket in the link is good and becomes cookies".to_owned())
            }
            ProtectionDecision::Unauthorized(refused) => matched(refused.message.to_owned()),
        };
        tracer.note(built_in(Step::Protection, name(protection), why));
    }
    decision
}

fn name(protection: &Protection) -> &'static str {
    match protection.mode {
        ProtectionMode::Signed => "signed links",
        ProtectionMode::Password(_) => "password",
    }
}

fn decide(protection: &Protection, visit: &Visit<'_>) -> ProtectionDecision {
    let key = &protection.signing_key;
    let in_link = ticket_in_link(key, visit);
    if let Ok((ticket, left)) = &in_link {
        return ProtectionDecision::Exchange(exchange(visit, ticket, *left));
    }
    let in_cookies = ticket_in_cookies(key, visit);
    if in_cookies.is_ok() {
        return ProtectionDecision::Open;
    }
    let fault = match (in_link.err().flatten(), in_cookies.err().flatten()) {
        (Some(fault), _) | (None, Some(fault)) => fault,
        (None, None) => Fault::TimeMissing,
    };
    let (fault, password) = match &protection.mode {
        ProtectionMode::Signed => (fault, None),
        ProtectionMode::Password(password) => {
            if has_pass(key, password, visit) {
                return ProtectionDecision::Open;
            }
            (Fault::PasswordRequired, Some(form(visit)))
        }
    };
    ProtectionDecision::Unauthorized(Unauthorized {
        message: fault.message(),
        form: protection.refusal,
        password,
    })
}

/// A ticket as it was shown.
struct Ticket<'a> {
    eo_token: &'a str,
    eo_time: &'a str,
}

/// `Err(None)` when the link has no part of a ticket.
fn ticket_in_link<'a>(
    key: &SigningKey,
    visit: &Visit<'a>,
) -> Result<(Ticket<'a>, u64), Option<Fault>> {
    let query = visit.query.unwrap_or_default();
    let mut tokens = query.split('&').filter_map(|pair| value_of(pair, EO_TOKEN));
    let mut times = query.split('&').filter_map(|pair| value_of(pair, EO_TIME));
    match (tokens.next(), times.next()) {
        (None, None) => Err(None),
        (Some(_), None) => Err(Some(Fault::TimeMissing)),
        (None, Some(_)) => Err(Some(Fault::TokenInvalid)),
        (Some(eo_token), Some(eo_time)) => {
            let left = check(key, visit, eo_token, eo_time).map_err(Some)?;
            Ok((Ticket { eo_token, eo_time }, left))
        }
    }
}

/// Any pair of the cookies will do: one that somebody else planted must not lock the visitor out.
fn ticket_in_cookies(key: &SigningKey, visit: &Visit<'_>) -> Result<u64, Option<Fault>> {
    let mut fault = None;
    for eo_token in cookies(visit.headers, EO_TOKEN) {
        for eo_time in cookies(visit.headers, EO_TIME) {
            match check(key, visit, eo_token, eo_time) {
                Ok(left) => return Ok(left),
                Err(found) => fault = Some(found),
            }
        }
    }
    Err(fault)
}

/// The seconds that the ticket is good for yet. Its signature is looked at first: what is said of the
/// time is said only to who has had a ticket.
fn check(key: &SigningKey, visit: &Visit<'_>, eo_token: &str, eo_time: &str) -> Result<u64, Fault> {
    let eo_time = read_time(eo_time).ok_or(Fault::TimeInvalid)?;
    if !key.is_ticket(visit.host, eo_time, eo_token) {
        return Err(Fault::TokenInvalid);
    }
    match age(eo_time, visit.now_seconds) {
        Age::Left(left) => Ok(left),
        Age::Expired => Err(Fault::Expired),
        Age::Future => Err(Fault::TimeInvalid),
    }
}

fn exchange(visit: &Visit<'_>, ticket: &Ticket<'_>, left: u64) -> Exchange {
    let is_plain = *visit.method == Method::GET || *visit.method == Method::HEAD;
    let attributes = attributes(visit.scheme, left);
    Exchange {
        status: if is_plain { 302 } else { 307 },
        location: without_ticket(visit),
        cookies: [
            format!("{EO_TOKEN}={}{attributes}", ticket.eo_token),
            format!("{EO_TIME}={}{attributes}", ticket.eo_time),
        ],
    }
}

/// Without `Domain`, a cookie goes to the host that set it and to no other.
fn attributes(scheme: Scheme, max_age: u64) -> String {
    let secure = match scheme {
        Scheme::Http => "",
        Scheme::Https => "; Secure",
    };
    format!("; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}")
}

fn without_ticket(visit: &Visit<'_>) -> String {
    let kept: Vec<&str> = visit
        .query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| value_of(pair, EO_TOKEN).is_none() && value_of(pair, EO_TIME).is_none())
        .collect();
    let query = kept.join("&");
    same_site_target(
        visit.raw_path,
        Some(query.as_str()).filter(|query| !query.is_empty()),
    )
}

fn value_of<'a>(pair: &'a str, name: &str) -> Option<&'a str> {
    pair.strip_prefix(name)?.strip_prefix('=')
}

/// The values of all cookies of this name, as far as they are tried.
fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(move |pair| value_of(pair.trim(), name))
        .take(COOKIES_TRIED_MAX)
}

/// Over TLS browsers themselves keep other hosts from setting a cookie of this name (RFC 6265bis,
/// section 4.1.3.2); they take no such cookie over plain HTTP.
const fn pass_cookie_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Http => "holm_pass",
        Scheme::Https => "__Host-holm_pass",
    }
}

fn has_pass(key: &SigningKey, password: &PasswordHash, visit: &Visit<'_>) -> bool {
    cookies(visit.headers, pass_cookie_name(visit.scheme))
        .any(|value| key.is_pass(visit.host, password, value, visit.now_seconds))
}

impl Protection {
    /// The password that the hosts ask for. `None` when they ask for none.
    pub fn password(&self) -> Option<&PasswordHash> {
        match &self.mode {
            ProtectionMode::Password(password) => Some(password),
            ProtectionMode::Signed => None,
        }
    }

    /// `Set-Cookie` for a visitor who has given the password. `None` when the hosts ask for none.
    pub fn pass_cookie(&self, host: &str, scheme: Scheme, now_seconds: u64) -> Option<String> {
        let pass = self
            .signing_key
            .pass(host, self.password()?, now_seconds + PASS_SECONDS);
        let name = pass_cookie_name(scheme);
        Some(format!("{name}={pass}{}", attributes(scheme, PASS_SECONDS)))
    }
}

fn form(visit: &Visit<'_>) -> PasswordForm {
    let target = match visit.path {
        PASSWORD_PATH => "/".to_owned(),
        _ => without_ticket(visit),
    };
    PasswordForm { return_to: target }
}

/// Where to go on after the password: what the form says if that is on the same host, else the front page.
pub fn safe_return(target: &str) -> String {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    if path.starts_with('/') && path != PASSWORD_PATH && target.is_ascii() {
        same_site_target(path, query)
    } else {
        "/".to_owned()
    }
}
