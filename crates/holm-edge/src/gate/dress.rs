//! The gate's answers as they are sent: nothing of them is kept, indexed, framed or told to other sites.

use std::time::Duration;

use holm_site::guard::{Exchange, PasswordForm};
use holm_telemetry::ServedBy;
use holm_types::{RequestId, VisitorCode};
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    LOCATION, REFERRER_POLICY, RETRY_AFTER, SET_COOKIE,
};
use http::request::Parts;

use super::GateAnswer;
use crate::answer::{Answer, X_EOP_MSG, mark_preview, recycled_headers};
use crate::body::BodySource;
use crate::edge::EdgeInner;
use crate::error::Refusal;
use crate::page::{PageFormat, password_form};
use crate::record::Note;

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// What the form's page may do: show itself and send the form.
const FORM_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'",
);
/// Fields by which shared caches are told apart from browsers.
const SHARED_CACHE_FIELDS: [HeaderName; 2] = [
    HeaderName::from_static("cdn-cache-control"),
    HeaderName::from_static("surrogate-control"),
];

/// Makes the answer.
pub(crate) fn dress(
    edge: &EdgeInner,
    parts: &mut Parts,
    request_id: RequestId,
    gate: GateAnswer,
) -> Answer {
    let format = PageFormat::of(&parts.headers);
    let headers = recycled_headers(parts);
    match gate {
        GateAnswer::Hidden { reason } => {
            let refusal = Refusal::new(VisitorCode::NotFound, reason);
            Answer::page(edge, headers, format, refusal, request_id)
        }
        GateAnswer::Exchange(exchange) => redirect(headers, exchange),
        GateAnswer::Page {
            refusal,
            message,
            wait,
            form,
        } => {
            let mut answer = Answer::page(edge, headers, format, refusal, request_id);
            if let Some(form) = form.filter(|_| format == PageFormat::Html) {
                show_form(&mut answer, &form, request_id, None);
            } else {
                say_nothing_of_it(&mut answer.headers);
            }
            if let Some(message) = message {
                answer
                    .headers
                    .insert(X_EOP_MSG, HeaderValue::from_static(message));
            }
            if let Some(wait) = wait {
                answer
                    .headers
                    .insert(RETRY_AFTER, whole_seconds(wait).into());
            }
            answer
        }
    }
}

/// At least one: zero would ask for a storm.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_millis()
        .div_ceil(1000)
        .try_into()
        .unwrap_or(u64::MAX)
        .max(1)
}

fn say_nothing_of_it(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    mark_preview(headers);
}

/// Puts the form for the password in the place of a page's body.
pub(crate) fn show_form(
    answer: &mut Answer,
    form: &PasswordForm,
    request_id: RequestId,
    remark: Option<&'static str>,
) {
    let page = password_form(&form.return_to, remark, request_id.as_u64());
    answer.body = BodySource::Whole(page);
    let headers = &mut answer.headers;
    say_nothing_of_it(headers);
    headers.insert(CONTENT_TYPE, PageFormat::Html.content_type());
    headers.insert(CONTENT_SECURITY_POLICY, FORM_POLICY);
    // With `no-referrer` browsers would send `Origin: null` with the form (Fetch, section 3.2).
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
}

fn redirect(mut headers: HeaderMap, exchange: Exchange) -> Answer {
    let status = StatusCode::from_u16(exchange.status).unwrap_or(StatusCode::FOUND);
    let location = HeaderValue::try_from(exchange.location);
    // Paths and queries were encoded, and hexadecimal digits and times are text.
    headers.insert(LOCATION, location.unwrap_or(HeaderValue::from_static("/")));
    for cookie in exchange.cookies {
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            headers.append(SET_COOKIE, cookie);
        }
    }
    say_nothing_of_it(&mut headers);
    Answer {
        status,
        headers,
        body: BodySource::Empty,
        note: Note::new(ServedBy::Redirect),
        closes: false,
    }
}

/// A redirect after the password was right.
pub(crate) fn welcome(mut headers: HeaderMap, return_to: String, cookie: &str) -> Answer {
    let location = HeaderValue::try_from(return_to);
    headers.insert(LOCATION, location.unwrap_or(HeaderValue::from_static("/")));
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        headers.insert(SET_COOKIE, cookie);
    }
    say_nothing_of_it(&mut headers);
    Answer {
        status: StatusCode::SEE_OTHER,
        headers,
        body: BodySource::Empty,
        note: Note::new(ServedBy::Redirect),
        closes: false,
    }
}

/// What was let through because the visitor showed something is this visitor's: no cache that others ask
/// may keep it, and a browser asks again, so that an ended ticket ends what it opened.
pub(crate) fn make_private(headers: &mut HeaderMap) {
    let keeps_nothing = headers
        .get(CACHE_CONTROL)
        .is_some_and(|value| value.as_bytes() == b"no-store");
    if !keeps_nothing {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    for name in SHARED_CACHE_FIELDS {
        headers.remove(name);
    }
    mark_preview(headers);
}
