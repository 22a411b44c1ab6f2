//! One request on its way to a process, and what comes back.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::connections::Connection;
use super::functions::no_body;
use super::instance::{Gone, Instance, Lease};
use super::uploaded::Uploaded;
use crate::contract::{CALL, FAILURE, PREFIX, ascii_json};
use crate::failure::InvocationFailure;
use crate::invocation::{FunctionBody, FunctionResponse, Invocation, RequestBody};
use crate::limits::FunctionLimits;

/// What came of asking.
pub(super) enum Asked {
    /// The answer's head is there.
    Answered(Box<FunctionResponse>),
    /// The process takes no requests; nothing of this one was sent.
    Gone {
        request: Box<Request<RequestBody>>,
        permit: OwnedSemaphorePermit,
    },
}

/// Headers that speak of one connection only (RFC 9110 section 7.6.1), and those that are made anew.
const HOP_BY_HOP: &[HeaderName] = &[
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Removes what is about one connection, and what only Holm may say.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(HOP_BY_HOP) {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
    let ours: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with(PREFIX))
        .cloned()
        .collect();
    for name in ours {
        headers.remove(name);
    }
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Said<'a> {
    id: &'a str,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<&'a RawValue>,
    eo: Eo<'a>,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Eo<'a> {
    uuid: &'a str,
    client_ip: &'a str,
    geo: Option<&'a RawValue>,
}

fn unavailable(what: &str, error: impl std::fmt::Display) -> InvocationFailure {
    InvocationFailure::Unavailable {
        reason: format!("{what}: {error}"),
    }
}

/// The request as the process gets it.
pub(super) fn request(invocation: Invocation) -> Result<Request<RequestBody>, InvocationFailure> {
    let raw = |json: Option<String>| json.map(RawValue::from_string).transpose();
    let params = raw(invocation.params_json).map_err(|error| unavailable("parameters", error))?;
    let geo = raw(invocation.caller.geo_json).map_err(|error| unavailable("place", error))?;
    let said = Said {
        id: &invocation.caller.uuid,
        url: &invocation.url,
        route: invocation.route,
        params: params.as_deref(),
        eo: Eo {
            uuid: &invocation.caller.uuid,
            client_ip: &invocation.caller.client_ip,
            geo: geo.as_deref(),
        },
    };
    let said = serde_json::to_string(&said).map_err(|error| unavailable("call", error))?;
    let said =
        HeaderValue::try_from(ascii_json(&said)).map_err(|error| unavailable("call", error))?;
    let mut headers = invocation.headers;
    strip(&mut headers);
    // The length follows from the body, which is what is sent.
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(CALL, said);
    if !headers.contains_key(header::HOST) {
        headers.insert(header::HOST, HeaderValue::from_static("site"));
    }
    let mut request = Request::new(invocation.body);
    *request.method_mut() = invocation.method;
    *request.headers_mut() = headers;
    Ok(request)
}

/// Asks a process; comes back with the head of the answer.
pub(super) async fn ask(
    instance: &Arc<Instance>,
    permit: OwnedSemaphorePermit,
    request: Request<RequestBody>,
    limits: &FunctionLimits,
) -> Result<Asked, InvocationFailure> {
    let (mut cut, mut lease) = match instance.enter(permit) {
        Ok(entered) => entered,
        Err((Gone, permit)) => {
            return Ok(Asked::Gone {
                request: Box::new(request),
                permit,
            });
        }
    };
    let (request, uploaded) = Uploaded::note(request);
    let sending = send(&lease, request);
    let sent = tokio::select! {
        biased;
        failure = &mut cut => return Err(failure.unwrap_or(InvocationFailure::Stopped)),
        sent = within(limits.first_byte_max, &uploaded, sending) => sent,
    };
    match sent {
        None => Err(InvocationFailure::WallTime {
            used: limits.first_byte_max,
            allowed: limits.first_byte_max,
        }),
        Some(Ok((response, connection))) => {
            lease.made_progress();
            lease.hold(connection, uploaded);
            answer(response, cut, lease, limits).await
        }
        Some(Err(Unsent::Broken(error))) => Err(why_broken(&lease, cut, &error).await),
        Some(Err(Unsent::Returned(request))) => give_back(cut, lease, request).await,
    }
}

/// Waits so long and no longer, but a body that is still on its way is no slowness of the function.
async fn within<T>(
    max: Duration,
    uploaded: &Uploaded,
    future: impl Future<Output = T>,
) -> Option<T> {
    let mut future = pin!(future);
    let mut seen = 0;
    loop {
        if let Ok(done) = tokio::time::timeout(max, &mut future).await {
            return Some(done);
        }
        let now = uploaded.pieces();
        if std::mem::replace(&mut seen, now) == now {
            return None;
        }
    }
}

/// Why a request did not reach the function.
enum Unsent {
    /// Not a byte of it was sent.
    Returned(Box<Request<RequestBody>>),
    /// It may have been.
    Broken(hyper::Error),
}

/// Sends on a kept connection if there is one; one that turns out to be closed is replaced, once.
async fn send(
    lease: &Lease,
    request: Request<RequestBody>,
) -> Result<(Response<Incoming>, Connection), Unsent> {
    let connections = &lease.instance().connections;
    let mut request = request;
    if let Some(kept) = connections.take_idle() {
        match send_on(kept, request).await {
            Err(Unsent::Returned(unsent)) => request = *unsent,
            other => return other,
        }
    }
    match connections.open().await {
        Ok(fresh) => send_on(fresh, request).await,
        Err(_) => Err(Unsent::Returned(Box::new(request))),
    }
}

async fn send_on(
    mut connection: Connection,
    request: Request<RequestBody>,
) -> Result<(Response<Incoming>, Connection), Unsent> {
    if connection.ready().await.is_err() {
        return Err(Unsent::Returned(Box::new(request)));
    }
    match connection.send(request).await {
        Ok(response) => Ok((response, connection)),
        Err(mut error) => Err(match error.take_message() {
            Some(request) => Unsent::Returned(Box::new(request)),
            None => Unsent::Broken(error.into_error()),
        }),
    }
}

/// How long the reason for a broken connection is waited for: the process is just being reaped.
const REASON_MAX: std::time::Duration = std::time::Duration::from_secs(1);

async fn why_broken(
    lease: &Lease,
    cut: oneshot::Receiver<InvocationFailure>,
    error: &hyper::Error,
) -> InvocationFailure {
    if let Ok(Ok(failure)) = tokio::time::timeout(REASON_MAX, cut).await {
        return failure;
    }
    let doom = lease.instance().doom();
    doom.unwrap_or_else(|| InvocationFailure::Crashed {
        reason: format!("its connection broke: {error}"),
    })
}

/// The process could not be reached: it ended, or is just ending, which its reaper says.
async fn give_back(
    cut: oneshot::Receiver<InvocationFailure>,
    lease: Lease,
    request: Box<Request<RequestBody>>,
) -> Result<Asked, InvocationFailure> {
    let told = tokio::time::timeout(REASON_MAX, cut).await;
    lease.instance().close();
    match lease.into_permit() {
        Some(permit) => Ok(Asked::Gone { request, permit }),
        None => Err(told
            .ok()
            .and_then(Result::ok)
            .unwrap_or(InvocationFailure::Stopped)),
    }
}

#[derive(Deserialize)]
struct Confessed {
    message: String,
    stack: Option<String>,
}

async fn answer(
    response: Response<Incoming>,
    cut: oneshot::Receiver<InvocationFailure>,
    lease: Lease,
    limits: &FunctionLimits,
) -> Result<Asked, InvocationFailure> {
    let (mut parts, body) = response.into_parts();
    let has_failed = parts.headers.contains_key(FAILURE);
    strip(&mut parts.headers);
    let body = FunctionBody::new(body, cut, lease);
    if has_failed {
        return Err(confession(body, limits.failure_bytes_max).await);
    }
    Ok(Asked::Answered(Box::new(Response::from_parts(parts, body))))
}

async fn confession(body: FunctionBody, max: usize) -> InvocationFailure {
    let gathered = Limited::new(body, max).collect().await;
    let said = gathered
        .ok()
        .and_then(|whole| serde_json::from_slice::<Confessed>(&whole.to_bytes()).ok());
    said.map_or_else(
        || InvocationFailure::Threw {
            message: "it did not say what".to_owned(),
            stack: None,
        },
        |said| InvocationFailure::Threw {
            message: said.message,
            stack: said.stack,
        },
    )
}

/// Asks the host itself something; gives its short answer. `None` when it cannot be reached.
pub(super) async fn control(instance: &Arc<Instance>, what: &str) -> Option<Bytes> {
    let mut request = Request::new(no_body());
    let said = HeaderValue::try_from(format!("{{\"ask\":\"{what}\"}}")).ok()?;
    request.headers_mut().insert(CALL, said);
    request
        .headers_mut()
        .insert(header::HOST, HeaderValue::from_static("site"));
    let connection = match instance.connections.take_idle() {
        Some(connection) => connection,
        None => instance.connections.open().await.ok()?,
    };
    let (response, connection) = send_on(connection, request).await.ok()?;
    let body = Limited::new(response.into_body(), CONTROL_BYTES_MAX);
    let bytes = body.collect().await.ok()?.to_bytes();
    instance.connections.give_back(connection);
    Some(bytes)
}

/// Bytes of the host's own answers, which are numbers.
const CONTROL_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ours_or_of_one_connection_does_not_pass() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-holm-call", "forged"),
            ("x-holm-anything", "forged"),
            ("connection", "close, x-private"),
            ("x-private", "1"),
            ("transfer-encoding", "chunked"),
            ("cookie", "a=b"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        strip(&mut headers);
        let left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["cookie"]);
    }
}
