//! The router, made from the table of operations, and the one way from a request to a handler.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts as _, RawPathParams, Request};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use futures_util::FutureExt as _;
use holm_api::{API_PREFIX, Method, Operation};
use holm_telemetry::event::PanicCaught;
use holm_types::{ErrorCode, RequestId};

use super::idempotency::{self, Begun};
use super::operations::{self, Handler};
use super::{Call, Peer, problem, tell_rate};
use crate::audit::{self, Recording};
use crate::authz::{self, Actor, Shown, Target};
use crate::body::RequestBody;
use crate::core::Core;
use crate::error::{ApiError, panic_text};
use crate::guard;

/// Everything that the control listener answers: the API and the pages.
pub(crate) fn router(core: &Arc<Core>) -> Router {
    let mut api = Router::new();
    for (operation, handler) in operations::all() {
        let core = Arc::clone(core);
        let handle = move |request: Request| call(Arc::clone(&core), operation, handler, request);
        api = api.route(operation.path, on(filter(operation.method), handle));
    }
    let pages = crate::pages::router(core);
    Router::new()
        .nest(API_PREFIX, api)
        .merge(pages)
        .fallback(async |request: Request| {
            let error = ApiError::new(
                ErrorCode::RequestUnknownOperation,
                "There is no such operation",
            );
            problem(error, request_id(&request))
        })
        .method_not_allowed_fallback(async |request: Request| {
            let error = ApiError::new(
                ErrorCode::RequestMethodNotAllowed,
                format!("{} is not for this address", request.method()),
            );
            problem(error, request_id(&request))
        })
}

const fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Put => MethodFilter::PUT,
        Method::Patch => MethodFilter::PATCH,
        Method::Delete => MethodFilter::DELETE,
    }
}

/// The id that the listener gave the request.
pub(crate) fn request_id(request: &Request) -> RequestId {
    let given = request.extensions().get::<RequestId>();
    given.copied().unwrap_or(RequestId::from_u64(0))
}

/// Carries out one call in a task of its own: a client that goes away does not stop a change halfway
/// to the edge, nor its row of the audit log, and a panic ends this call only and is answered as the
/// bug it is.
async fn call(
    core: Arc<Core>,
    operation: &'static Operation,
    handler: Handler,
    request: Request,
) -> Response {
    let request_id = request_id(&request);
    let recorded = tokio::spawn(record(core, operation, handler, request));
    let outcome = recorded.await.unwrap_or_else(|ended| {
        Err(ApiError::from_cause(
            ErrorCode::ServerStopping,
            "The server is stopping",
            &ended,
        ))
    });
    outcome.unwrap_or_else(|error| problem(error, request_id))
}

/// Carries out a call and writes it down in the audit log, if it changes something.
async fn record(
    core: Arc<Core>,
    operation: &'static Operation,
    handler: Handler,
    request: Request,
) -> Result<Response, ApiError> {
    let request_id = request_id(&request);
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let recording = peer
        .and_then(|peer| audit::begin(&core, operation, request.uri().path(), peer, request_id));
    let carried_out = carry_out(
        Arc::clone(&core),
        operation,
        handler,
        request,
        recording.clone(),
    );
    let caught = AssertUnwindSafe(carried_out).catch_unwind();
    let outcome = match &recording {
        Some(recording) => recording.follow(caught).await,
        None => caught.await,
    };
    let outcome = outcome.unwrap_or_else(|panic| {
        PanicCaught {
            task: operation.id.to_owned(),
            reason: panic_text(panic.as_ref()),
        }
        .emit();
        Err(ApiError::new(ErrorCode::Internal, "A bug"))
    });
    if let Some(recording) = recording {
        let code = outcome.as_ref().err().map(|error| error.code);
        recording.end(&core, code).await;
    }
    outcome
}

/// One deadline around everything; what is left of the body is read behind the answer.
async fn carry_out(
    core: Arc<Core>,
    operation: &'static Operation,
    handler: Handler,
    request: Request,
    recording: Option<Recording>,
) -> Result<Response, ApiError> {
    let mut call = read(Arc::clone(&core), request).await?;
    let limits = &core.config.limits;
    let run = gate_and_run(operation, handler, &mut call, recording);
    let outcome = tokio::time::timeout(limits.request_time_max, run)
        .await
        .unwrap_or_else(|_| {
            Err(
                ApiError::new(ErrorCode::RequestTimeout, "The request took too long")
                    .with_time_limit(limits.request_time_max, "control.request_time_max"),
            )
        });
    call.body.forget(limits);
    outcome
}

/// Who asks is read from the head, before any of the body; so nobody has a body read, or takes up room
/// while it arrives, without being signed in. Where signing in is the point, the body comes first, short
/// and soon.
async fn gate_and_run(
    operation: &'static Operation,
    handler: Handler,
    call: &mut Call,
    recording: Option<Recording>,
) -> Result<Response, ApiError> {
    let core = Arc::clone(&call.core);
    if handler.has_open_body() {
        call.body.load(&core.config.limits).await?;
    }
    let _room = core.admit()?;
    if !handler.needs_actor() {
        authz::identify(&core, Shown::Nothing, call.peer, None).await?;
        return handler.run(call, None)?.await;
    }
    let shown = Shown::in_headers(&call.parts.headers, core.config.is_secure());
    let project = call.path("project").ok();
    let found = authz::identify(&core, shown, call.peer, project).await?;
    if let (Some(recording), Some(actor)) = (&recording, &found.actor) {
        recording.name(actor, &found.target);
    }
    call.aim(found.target);
    let Some(actor) = found.actor else {
        return handler.run(call, None)?.await;
    };
    let taken = core.rates.take_actor(&actor, core.clock.as_ref());
    let answered = match guard::check(taken, "control.actor_requests_max") {
        Ok(()) => run_once(operation, handler, call, actor).await,
        Err(error) => Err(error),
    };
    let mut response = answered.map_err(|error| error.with_rate("actor", taken))?;
    tell_rate(response.headers_mut(), "actor", &taken);
    Ok(response)
}

/// Runs the handler, unless the request's idempotency key has an answer already. Whoever may not, is
/// not told that there is one.
async fn run_once(
    operation: &'static Operation,
    handler: Handler,
    call: &mut Call,
    actor: Actor,
) -> Result<Response, ApiError> {
    drop(handler.run(call, Some(actor.clone()))?);
    let begun = idempotency::begin(call, operation, &actor).await?;
    let first = match begun {
        Some(Begun::Again(response)) => return Ok(response),
        Some(Begun::First(first)) => Some(first),
        None => None,
    };
    let response = handler.run(call, Some(actor))?.await?;
    let core = Arc::clone(&call.core);
    match first {
        Some(first) => first.keep(&core, call, response).await,
        None => Ok(response),
    }
}

async fn read(core: Arc<Core>, request: Request) -> Result<Call, ApiError> {
    let (mut parts, body): (_, Body) = request.into_parts();
    let peer = parts
        .extensions
        .get::<Peer>()
        .copied()
        .ok_or_else(|| ApiError::new(ErrorCode::Internal, "The connection has no peer"))?;
    let path = RawPathParams::from_request_parts(&mut parts, &())
        .await
        .map_err(|_| ApiError::new(ErrorCode::RequestInvalid, "The path is not UTF-8"))?
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Ok(Call {
        body: RequestBody::new(&parts, body, core.config.limits.body_idle_max),
        core,
        parts,
        path,
        peer: peer.0,
        target: Target::Server,
    })
}
