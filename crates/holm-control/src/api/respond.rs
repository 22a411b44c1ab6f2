//! Answers: JSON, problems, and the header fields that every answer has.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use holm_telemetry::event::RequestFailed;
use holm_types::{Blame, RequestId};
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::error::ApiError;
use crate::rate::Taken;

/// Whom a request comes from: the other end of the connection, or whom a trusted proxy there names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// A JSON answer.
pub(super) fn json<T: Serialize>(status: u16, value: &T) -> Result<Response, ApiError> {
    let bytes = serde_json::to_vec(value).map_err(|error| {
        ApiError::from_cause(
            holm_types::ErrorCode::Internal,
            "The answer could not be written",
            &error,
        )
    })?;
    Ok(json_bytes(status, bytes.into()))
}

/// A JSON answer that has been written before.
pub(super) fn json_bytes(status: u16, bytes: Bytes) -> Response {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// An answer whose length is not known yet. An error among the pieces breaks it off.
pub(super) fn stream(
    media_type: &'static str,
    pieces: mpsc::Receiver<Result<Bytes, std::io::Error>>,
) -> Response {
    let next = async |mut pieces: mpsc::Receiver<_>| Some((pieces.recv().await?, pieces));
    let body = Body::from_stream(futures_util::stream::unfold(pieces, next));
    let mut response = Response::new(body);
    let media_type = HeaderValue::from_static(media_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, media_type);
    response
}

/// Marks an answer that shows a secret, which is to be kept nowhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HoldsSecret;

/// A JSON answer that shows a secret.
pub(super) fn secret_json<T: Serialize>(status: u16, value: &T) -> Result<Response, ApiError> {
    let mut response = json(status, value)?;
    response.extensions_mut().insert(HoldsSecret);
    Ok(response)
}

/// An answer without a body.
pub(super) fn empty() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// An error answer. What only the log is told goes there, with the same request id.
pub(crate) fn problem(error: ApiError, request_id: RequestId) -> Response {
    log(&error, request_id);
    let status =
        StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (retry_after, rate) = (error.details.retry_after, error.details.rate);
    let problem = error.problem(request_id);
    // A problem is text, numbers and lists of them: it can always be written.
    let bytes = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    match status {
        StatusCode::UNAUTHORIZED => {
            let scheme = HeaderValue::from_static("Bearer realm=\"holm\"");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    if let Some((name, taken)) = rate {
        tell_rate(headers, name, &taken);
    }
    if let Some(retry_after) = retry_after {
        headers.insert(
            header::RETRY_AFTER,
            HeaderValue::from(whole_seconds(retry_after)),
        );
    }
    response
}

/// Seconds, rounded up: who waits so long has waited long enough.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Says how much of a rate is left, as `RateLimit` fields for HTTP (an IETF draft) and in the older form
/// that many clients read. What an earlier, nearer limit has said stays.
pub(crate) fn tell_rate(headers: &mut HeaderMap, name: &'static str, taken: &Taken) {
    if headers.contains_key("ratelimit") {
        return;
    }
    let (limit, window) = (taken.rate.count_max, taken.rate.window.as_secs());
    let (left, reset) = (taken.remaining, whole_seconds(taken.full_after));
    for (field, value) in [
        (
            "ratelimit-policy",
            format!("\"{name}\";q={limit};w={window}"),
        ),
        ("ratelimit", format!("\"{name}\";r={left};t={reset}")),
        ("x-ratelimit-limit", limit.to_string()),
        ("x-ratelimit-remaining", left.to_string()),
        ("x-ratelimit-reset", reset.to_string()),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(field), value);
        }
    }
}

/// A fault of ours is an event; what a caller did wrong, the caller is told.
pub(crate) fn log(error: &ApiError, request_id: RequestId) {
    if error.code.blame() == Blame::Platform {
        RequestFailed {
            request_id,
            reason: error.reason(),
        }
        .emit();
    }
}

/// The fields of every answer of this listener.
pub(crate) fn dress(headers: &mut HeaderMap, request_id: RequestId) {
    if let Ok(id) = HeaderValue::from_str(&request_id.to_string()) {
        headers.insert(HeaderName::from_static("x-request-id"), id.clone());
        headers.insert(HeaderName::from_static("eo-log-uuid"), id);
    }
    for (name, value) in [
        (header::SERVER, "holm"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: with it browsers send `Origin: null` from our own forms.
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
