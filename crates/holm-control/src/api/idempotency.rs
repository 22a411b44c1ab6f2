//! `Idempotency-Key`: the same key with the same request gives the first answer again instead of doing
//! it twice (the IETF's draft of that name). A key belongs to who sends it. While the first request
//! runs, a second one is refused; with another request the key is refused. What failed is not kept, so
//! that it can be tried again.
//!
//! A body is hashed as it is read, so that a streamed one need not be held. Answers that show a secret
//! are not kept: asking again is refused, and says so.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::response::Response;
use holm_api::{Method, Operation, Policy};
use holm_telemetry::event::TaskFailed;
use holm_types::ErrorCode;
use http::header::{CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LINK, LOCATION, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;

use super::Call;
use super::respond::HoldsSecret;
use crate::authz::{Actor, ShownBy};
use crate::core::Core;
use crate::db::{AnswerRow, Change, DbError, Trail};
use crate::error::{ApiError, chain};
use crate::limits::ControlLimits;

const KEY_LENGTH_MAX: usize = 255;

/// The fields of an answer that are kept with it.
const KEPT_FIELDS: [HeaderName; 4] = [CONTENT_TYPE, ETAG, LINK, LOCATION];

/// Keys whose first request is still running; at most as many as requests may be in flight.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunningKeys {
    hashes: Arc<Mutex<HashSet<[u8; 32]>>>,
}

/// A key while its request runs.
#[derive(Debug)]
struct Running {
    keys: RunningKeys,
    hash: [u8; 32],
}

impl RunningKeys {
    fn begin(&self, hash: [u8; 32]) -> Result<Running, ApiError> {
        if self.lock().insert(hash) {
            let keys = self.clone();
            return Ok(Running { keys, hash });
        }
        Err(ApiError::new(
            ErrorCode::RequestIdempotencyRunning,
            "The first request with this idempotency key is still running",
        ))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<[u8; 32]>> {
        self.hashes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.keys.lock().remove(&self.hash);
    }
}

/// What a request with a key is to do.
#[derive(Debug)]
pub(super) enum Begun {
    /// Be carried out, and then handed to [`First::keep`].
    First(First),
    /// Give this answer.
    Again(Response),
}

/// The first request with a key.
#[derive(Debug)]
pub(super) struct First {
    running: Running,
    request: String,
}

/// Looks whether the request has a key, and whether it was used before. `None` without a key, and for
/// operations that keys mean nothing to. The actor must have been let in.
pub(super) async fn begin(
    call: &mut Call,
    operation: &Operation,
    actor: &Actor,
) -> Result<Option<Begun>, ApiError> {
    let is_change = operation.method != Method::Get;
    if !is_change || !matches!(operation.policy, Policy::Needs(_)) {
        return Ok(None);
    }
    let Some(key) = key(&call.parts.headers)? else {
        return Ok(None);
    };
    let hash = key_hash(actor, &key);
    let request = format!("{} {}", operation.id, call.parts.uri);
    let running = call.core.running_keys.begin(hash)?;
    let after = call
        .core
        .now()
        .minus(call.core.config.limits.idempotency_time_max);
    let kept = call
        .core
        .db
        .read(move |view| view.answer(&hash, after))
        .await?;
    call.body.begin_hash();
    let Some(kept) = kept else {
        return Ok(Some(Begun::First(First { running, request })));
    };
    Trail::leave_out();
    let body_hash = finish_hash(call).await?.ok_or_else(reused)?;
    if fingerprint(&request, &body_hash) != kept.fingerprint {
        return Err(reused());
    }
    again(kept).map(Begun::Again).map(Some)
}

impl First {
    /// Keeps the answer, if it is a good one. What goes wrong here does not take the answer away.
    pub(super) async fn keep(
        self,
        core: &Core,
        call: &mut Call,
        response: Response,
    ) -> Result<Response, ApiError> {
        if !response.status().is_success() {
            return Ok(response);
        }
        let Some(body_hash) = finish_hash(call).await.unwrap_or(None) else {
            return Ok(response);
        };
        let limits = core.config.limits.clone();
        let (response, body) = copy(response, limits.idempotency_answer_bytes_max).await?;
        let row = AnswerRow {
            key_hash: self.running.hash,
            fingerprint: fingerprint(&self.request, &body_hash),
            status: response.status().as_u16(),
            head: kept_fields(response.headers()),
            body,
            created_at: core.now(),
        };
        let kept = core.db.write(move |change| insert(change, &row, &limits));
        if let Err(error) = kept.await {
            failed(&error);
        }
        Ok(response)
    }
}

/// Keeps an answer, and no more than there may be: the oldest go.
fn insert(change: &Change<'_>, row: &AnswerRow, limits: &ControlLimits) -> Result<(), DbError> {
    change.insert_answer(row)?;
    let (count, bytes) = change.answers_size()?;
    if count > limits.idempotency_keys_max || bytes > limits.idempotency_bytes_max {
        change.trim_answers(
            row.created_at.minus(limits.idempotency_time_max),
            limits.idempotency_keys_max,
            limits.idempotency_bytes_max,
        )?;
    }
    Ok(())
}

fn failed(error: &DbError) {
    TaskFailed {
        task: "idempotency_keep".to_owned(),
        reason: chain(error),
    }
    .emit();
}

fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let is_visible = |byte: &u8| (0x21..=0x7E).contains(byte);
    let bytes = value.as_bytes();
    let is_key = (1..=KEY_LENGTH_MAX).contains(&bytes.len()) && bytes.iter().all(is_visible);
    if values.next().is_some() || !is_key {
        return Err(ApiError::new(
            ErrorCode::RequestIdempotencyKey,
            "The idempotency key is not 1 to 255 visible characters",
        ));
    }
    Ok(value.to_str().ok().map(str::to_owned))
}

/// A user's keys are the user's, whichever token they show.
fn key_hash(actor: &Actor, key: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("holm control plane 2026-11 idempotency key");
    match (actor.user_id(), actor.shown_by()) {
        (Some(user), _) => hasher.update(user.as_bytes()),
        (None, ShownBy::Token(token)) => hasher.update(token.as_bytes()),
        (None, ShownBy::Session(session)) => hasher.update(session.as_bytes()),
    };
    hasher.update(key.as_bytes());
    *hasher.finalize().as_bytes()
}

fn fingerprint(request: &str, body_hash: &[u8; 32]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(body_hash);
    hasher.update(request.as_bytes());
    *hasher.finalize().as_bytes()
}

/// The hash of the whole body; reads what nobody has read. `None` when it is longer than any body that
/// an operation reads.
async fn finish_hash(call: &mut Call) -> Result<Option<[u8; 32]>, ApiError> {
    let bytes_max = call.core.config.limits.manifest_bytes_max;
    call.body.finish_hash(bytes_max).await
}

fn reused() -> ApiError {
    ApiError::new(
        ErrorCode::RequestIdempotencyReused,
        "This idempotency key was used with another request",
    )
}

fn again(kept: AnswerRow) -> Result<Response, ApiError> {
    let Some(body) = kept.body else {
        return Err(ApiError::new(
            ErrorCode::RequestIdempotencyNotKept,
            "This was done; its answer showed a secret or was very long, and is not kept",
        ));
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    for (name, value) in kept.head {
        let field = (name.parse::<HeaderName>(), HeaderValue::from_str(&value));
        if let (Ok(name), Ok(value)) = field {
            headers.insert(name, value);
        }
    }
    headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    Ok(response)
}

fn kept_fields(headers: &HeaderMap) -> Vec<(String, String)> {
    let kept = |name: &HeaderName| {
        let value = headers.get(name)?.to_str().ok()?;
        Some((name.to_string(), value.to_owned()))
    };
    KEPT_FIELDS.iter().filter_map(kept).collect()
}

/// The answer and its bytes; without the bytes where they are not to be kept.
async fn copy(response: Response, bytes_max: u64) -> Result<(Response, Option<Vec<u8>>), ApiError> {
    use http_body::Body as _;
    let is_secret = response.extensions().get::<HoldsSecret>().is_some()
        || response.headers().contains_key(SET_COOKIE);
    let is_short = response
        .body()
        .size_hint()
        .exact()
        .is_some_and(|size| size <= bytes_max);
    if is_secret || !is_short {
        return Ok((response, None));
    }
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.map_err(|error| {
        ApiError::from_cause(ErrorCode::Internal, "The answer could not be read", &error)
    })?;
    let bytes = bytes.to_bytes();
    let kept = bytes.to_vec();
    Ok((Response::from_parts(head, Body::from(bytes)), Some(kept)))
}
