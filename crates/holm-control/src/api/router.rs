//! The router, made from the table of operations, and the one way from a request to a handler.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts as _, RawPathParams, Request};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use holm_api::{API_PREFIX, Method, Operation};
use holm_telemetry::event::PanicCaught;
use holm_types::{ErrorCode, RequestId};

use super::operations::{self, Handler};
use super::{Call, Peer, problem};
use crate::authz::{self, Shown};
use crate::body::RequestBody;
use crate::core::Core;
use crate::error::{ApiError, chain, panic_text};

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
/// to the edge, and a panic ends this call only and is answered as the bug it is.
async fn call(
    core: Arc<Core>,
    operation: &'static Operation,
    handler: Handler,
    request: Request,
) -> Response {
    let request_id = request_id(&request);
    let error = match tokio::spawn(carry_out(core, handler, request)).await {
        Ok(Ok(response)) => return response,
        Ok(Err(error)) => error,
        Err(ended) => {
            let reason = match ended.try_into_panic() {
                Ok(panic) => panic_text(panic.as_ref()),
                Err(cancelled) => chain(&cancelled),
            };
            PanicCaught {
                task: operation.id.to_owned(),
                reason,
            }
            .emit();
            ApiError::new(ErrorCode::Internal, "A bug")
        }
    };
    problem(error, request_id)
}

/// One deadline around everything; what is left of the body is read behind the answer.
async fn carry_out(
    core: Arc<Core>,
    handler: Handler,
    request: Request,
) -> Result<Response, ApiError> {
    let mut call = read(Arc::clone(&core), request).await?;
    let limits = &core.config.limits;
    let outcome = tokio::time::timeout(limits.request_time_max, gate_and_run(handler, &mut call))
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
async fn gate_and_run(handler: Handler, call: &mut Call) -> Result<Response, ApiError> {
    let core = Arc::clone(&call.core);
    if handler.has_open_body() {
        call.body.load(&core.config.limits).await?;
    }
    let _room = core.admit()?;
    let shown = if handler.needs_actor() {
        Shown::in_headers(&call.parts.headers, core.config.is_secure())
    } else {
        Shown::Nothing
    };
    let actor = authz::identify(&core, shown, call.peer).await?;
    handler.run(call, actor)?.await
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
        peer: peer.0.ip(),
    })
}
