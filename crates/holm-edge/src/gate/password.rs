//! The form for a password, sent: read within bounds, counted against its sender, checked away from the
//! threads that serve.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use holm_site::guard::{PASSWORD_PATH, PasswordForm, Protection, counted_address, safe_return};
use holm_types::{RequestId, VisitorCode};
use http::Method;
use http::header::{HeaderMap, HeaderValue, ORIGIN};
use http::request::Parts;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;

use super::dress::{dress, show_form, welcome};
use super::{GateAnswer, security, visit};
use crate::answer::{Answer, X_EOP_MSG, recycled_headers};
use crate::edge::EdgeInner;
use crate::error::Refusal;
use crate::head::Asked;
use crate::hosts::HostRow;
use crate::page::PageFormat;
use crate::rate::{Allowance, Counted};

/// Whether a request with a body may be the form; what its host asks for is looked at later.
pub(crate) fn may_be_form(parts: &Parts) -> bool {
    parts.method == Method::POST && parts.uri.path() == PASSWORD_PATH
}

/// The host's row, when it is one that asks for a password.
pub(crate) fn asking_row(edge: &EdgeInner, parts: &Parts) -> Option<Arc<HostRow>> {
    let asked = Asked::read(parts).ok()?;
    let row = edge
        .hosts
        .load()
        .find(asked.host.as_str())
        .map(Arc::clone)?;
    row.protection()?.password()?;
    Some(row)
}

/// Answers the form.
pub(crate) async fn answer(
    edge: &EdgeInner,
    row: &HostRow,
    parts: &mut Parts,
    body: Incoming,
    (request_id, peer): (RequestId, IpAddr),
) -> Answer {
    let attempt = match admitted(edge, row, parts, peer) {
        Ok(attempt) => attempt,
        Err(gate) => return closing(dress(edge, parts, request_id, gate)),
    };
    let form = match read_form(edge, body).await {
        Ok(form) => form,
        Err(refusal) => return closing(dress(edge, parts, request_id, GateAnswer::page(refusal))),
    };
    match check(edge, &attempt, form.password).await {
        Ok(true) => {}
        Ok(false) => return wrong(edge, parts, request_id, &form.return_to),
        Err(gate) => return dress(edge, parts, request_id, gate),
    }
    let now_seconds = edge.parts.clock.now().unix_seconds();
    let cookie = attempt
        .protection
        .pass_cookie(&row.host, attempt.scheme, now_seconds);
    welcome(
        recycled_headers(parts),
        form.return_to,
        &cookie.unwrap_or_default(),
    )
}

/// What is left of the body was not read.
fn closing(mut answer: Answer) -> Answer {
    answer.closes = true;
    answer
}

/// An attempt that may be made.
struct Attempt<'a> {
    protection: &'a Protection,
    scheme: holm_site::Scheme,
    /// Of the counter for this sender.
    key: u64,
}

fn admitted<'a>(
    edge: &EdgeInner,
    row: &'a HostRow,
    parts: &Parts,
    peer: IpAddr,
) -> Result<Attempt<'a>, GateAnswer> {
    let refuse = |refusal| Err(GateAnswer::page(refusal));
    let Some((guard, protection)) = row.guard.as_ref().zip(row.protection()) else {
        return refuse(Refusal::new(
            VisitorCode::NotFound,
            "the host asks for no password",
        ));
    };
    let asked = match Asked::read(parts) {
        Ok(asked) => asked,
        Err(refusal) => return refuse(refusal),
    };
    let head = edge.head(asked, parts, row.is_custom_domain, peer);
    let visit = visit(edge, row, &head, &parts.headers, peer);
    security(edge, row, guard, &visit)?;
    if comes_from_elsewhere(&parts.headers, head.authority) {
        let reason = "the form for the password was sent by a page of another site";
        return refuse(Refusal::new(VisitorCode::Forbidden, reason));
    }
    let address = counted_address(visit.client.unwrap_or(peer));
    let key = edge.password_attempts.key(&(row.project_id, address));
    Ok(Attempt {
        protection,
        scheme: head.scheme,
        key,
    })
}

/// Browsers send `Origin` with every form; programs send neither field.
fn comes_from_elsewhere(headers: &HeaderMap, authority: &str) -> bool {
    if let Some(origin) = headers.get(ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        let (scheme, from) = origin.split_once("://").unwrap_or_default();
        return !(matches!(scheme, "http" | "https") && from.eq_ignore_ascii_case(authority));
    }
    headers
        .get("sec-fetch-site")
        .is_some_and(|site| site != "same-origin" && site != "none")
}

struct SentForm {
    password: String,
    return_to: String,
}

async fn read_form(edge: &EdgeInner, body: Incoming) -> Result<SentForm, Refusal> {
    let limits = &edge.config.limits;
    let reading = Limited::new(body, limits.password_form_bytes_max).collect();
    let bytes = match tokio::time::timeout(limits.body_read_max, reading).await {
        Ok(Ok(whole)) => whole.to_bytes(),
        Ok(Err(_)) => {
            let reason = "the form is larger than edge.password_form_bytes_max, or was cut off";
            return Err(Refusal::new(VisitorCode::PayloadTooLarge, reason));
        }
        Err(_) => {
            let reason = "the form did not arrive within edge.body_read_max";
            return Err(Refusal::new(VisitorCode::RequestTimeout, reason));
        }
    };
    Ok(SentForm {
        password: field(&bytes, b"password"),
        return_to: safe_return(&field(&bytes, b"return")),
    })
}

/// One field of `application/x-www-form-urlencoded`, decoded; empty when there is none.
fn field(form: &Bytes, name: &[u8]) -> String {
    let mut pairs = form.split(|byte| *byte == b'&');
    let value = pairs.find_map(|pair| pair.strip_prefix(name)?.strip_prefix(b"="));
    let spaced: Vec<u8> = value
        .unwrap_or_default()
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    let decoded: Cow<'_, [u8]> = percent_encoding::percent_decode(&spaced).into();
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Whether the password is right. Counted before it is looked at, so that many at once gain nothing.
async fn check(
    edge: &EdgeInner,
    attempt: &Attempt<'_>,
    password: String,
) -> Result<bool, GateAnswer> {
    let limits = &edge.config.limits;
    let allowed = Allowance {
        requests: u32::try_from(limits.password_attempts_max).unwrap_or(u32::MAX),
        window: limits.password_window,
    };
    let attempts = &edge.password_attempts;
    let now = edge.parts.clock.monotonic();
    if let Counted::Over { wait } = attempts.count(attempt.key, allowed, now) {
        let reason = "edge.password_attempts_max is reached for this address";
        return Err(GateAnswer::too_many(reason, wait));
    }
    let turn = tokio::time::timeout(limits.password_wait_max, edge.password_checks.acquire());
    let Ok(Ok(_turn)) = turn.await else {
        let reason = "edge.password_checks_max passwords are being checked already";
        let refusal = Refusal::new(VisitorCode::ServiceUnavailable, reason);
        return Err(GateAnswer::page(refusal));
    };
    let hash = attempt.protection.password().cloned();
    let fits = move || hash.is_some_and(|hash| hash.fits(&password));
    let is_right = tokio::task::spawn_blocking(fits).await.unwrap_or(false);
    if is_right {
        attempts.forget(attempt.key, now);
    }
    Ok(is_right)
}

/// The form once more.
fn wrong(edge: &EdgeInner, parts: &mut Parts, request_id: RequestId, return_to: &str) -> Answer {
    let format = PageFormat::of(&parts.headers);
    let refusal = Refusal::new(VisitorCode::Unauthorized, "protection: password wrong");
    let headers = recycled_headers(parts);
    let mut answer = Answer::page(edge, headers, format, refusal, request_id);
    if format == PageFormat::Html {
        let form = PasswordForm {
            return_to: return_to.to_owned(),
        };
        show_form(
            &mut answer,
            &form,
            request_id,
            Some("That is not the password."),
        );
    }
    answer
        .headers
        .insert(X_EOP_MSG, HeaderValue::from_static("password wrong"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_once() {
        let form = Bytes::from_static(b"return=%2Fa%3Fb%3D1&password=a+b%2B%26%C3%A9&x");
        assert_eq!(field(&form, b"password"), "a b+&\u{e9}");
        assert_eq!(field(&form, b"return"), "/a?b=1");
        assert_eq!(field(&form, b"none"), "");
    }

    #[test]
    fn only_pages_of_the_same_host_may_send_the_form() {
        let check = |fields: &[(&'static str, &str)], want: bool| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.insert(*name, value.parse().unwrap());
            }
            assert_eq!(
                comes_from_elsewhere(&headers, "a.test:8088"),
                want,
                "{fields:?}"
            );
        };
        check(&[("origin", "http://a.test:8088")], false);
        check(&[("origin", "https://A.test:8088")], false);
        check(&[("origin", "http://b.test:8088")], true);
        check(&[("origin", "http://a.test")], true);
        check(&[("origin", "null")], true);
        check(&[("origin", "")], true);
        check(&[("sec-fetch-site", "same-site")], true);
        check(&[("sec-fetch-site", "same-origin")], false);
        check(&[], false);
    }
}
