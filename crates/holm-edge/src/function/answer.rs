//! A function's answer as the edge's, and what is sent where there is none.

use bytes::Bytes;
use holm_functions::{FunctionResponse, InvocationFailure};
use holm_telemetry::event::{FunctionFailed, RequestFailed};
use holm_telemetry::{FaultSource, ServedBy};
use holm_types::{DeploymentId, RequestId, VisitorCode};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt as _;

use crate::answer::Answer;
use crate::body::BodySource;
use crate::edge::EdgeInner;
use crate::error::Refusal;
use crate::live_body::{LiveBody, LiveSource};
use crate::page::PageFormat;
use crate::record::{Note, shortened};

/// What a client that asks for no page gets of a failed function, word for word as on `EdgeOne` (functions
/// spec 5.3): clients compare it.
const ERROR_TEXT: &str = "Error return from script";

/// Why there is no answer of a function.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// It was asked and failed.
    Failed(InvocationFailure),
    /// It said what cannot be carried out; a sentence for its author.
    Unusable(String),
    /// It was not asked.
    Refused(Refusal),
}

impl From<Refusal> for Unanswered {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<InvocationFailure> for Unanswered {
    fn from(failure: InvocationFailure) -> Self {
        Self::Failed(failure)
    }
}

/// Takes a function's answer over, as it comes.
pub(super) async fn taken_over(method: &Method, response: FunctionResponse) -> Answer {
    let (mut parts, mut body) = response.into_parts();
    let source = if is_over(&mut body).await {
        BodySource::Empty
    } else {
        live(LiveSource::Function(body))
    };
    keep_length_of_head(method, &mut parts.headers);
    answer(Response::from_parts(parts, source))
}

/// What another server answered, to which the middleware has sent the request.
pub(super) fn from_outside(
    method: &Method,
    response: Response<holm_functions::RequestBody>,
) -> Answer {
    let (mut parts, body) = response.into_parts();
    keep_length_of_head(method, &mut parts.headers);
    answer(Response::from_parts(parts, live(LiveSource::Outside(body))))
}

fn live(source: LiveSource) -> BodySource {
    BodySource::Live(Box::new(LiveBody {
        source,
        minds_leaving: None,
    }))
}

/// The length follows from the body, but with HEAD there is none to follow from.
fn keep_length_of_head(method: &Method, headers: &mut HeaderMap) {
    if *method != Method::HEAD {
        headers.remove(CONTENT_LENGTH);
    }
}

fn answer(response: Response<BodySource>) -> Answer {
    let (parts, body) = response.into_parts();
    Answer {
        note: Note {
            fault: fault_of_status(parts.status),
            ..Note::new(ServedBy::Function)
        },
        status: parts.status,
        headers: parts.headers,
        body,
        closes: false,
    }
}

fn fault_of_status(status: StatusCode) -> Option<FaultSource> {
    if status.is_server_error() {
        Some(FaultSource::Site)
    } else {
        status.is_client_error().then_some(FaultSource::Client)
    }
}

/// Whether an answer has no bytes. Seen to its end then, so that its connection can be used again.
pub(super) async fn is_over<B: Body + Unpin>(body: &mut B) -> bool {
    if !body.is_end_stream() {
        return false;
    }
    // Nothing is left that could be an error.
    drop(body.frame().await);
    true
}

/// Which page stands for what happened, and whose fault it was.
fn refusal_of(unanswered: &Unanswered) -> (Refusal, FaultSource) {
    let failed = VisitorCode::EdgeFunctionInvocationFailed;
    match unanswered {
        Unanswered::Refused(refusal) => (refusal.clone(), crate::error::fault_of(refusal.code)),
        Unanswered::Unusable(reason) => (Refusal::new(failed, reason.clone()), FaultSource::Site),
        Unanswered::Failed(failure) => {
            let is_busy = matches!(failure, InvocationFailure::Overloaded { .. });
            let (code, fault) = if failure.is_platform_fault() {
                (VisitorCode::ServiceUnavailable, FaultSource::Platform)
            } else if is_busy {
                (VisitorCode::ServiceUnavailable, FaultSource::Site)
            } else {
                (failed, FaultSource::Site)
            };
            (Refusal::new(code, failure.to_string()), fault)
        }
    }
}

/// The page in the place of a function's answer; says in the log why.
pub(super) fn page(
    edge: &EdgeInner,
    format: PageFormat,
    request_id: RequestId,
    deployment: Option<DeploymentId>,
    unanswered: &Unanswered,
) -> Answer {
    let (mut refusal, fault) = refusal_of(unanswered);
    tell(request_id, deployment, unanswered, &refusal, fault);
    let chars_max = edge.config.limits.record_reason_chars_max;
    if refusal.reason.len() > chars_max {
        let reason: String = shortened(&refusal.reason, chars_max).into();
        refusal.reason = reason.into();
    }
    let is_text =
        format == PageFormat::Bare && refusal.code == VisitorCode::EdgeFunctionInvocationFailed;
    let mut answer = Answer::page(edge, HeaderMap::new(), format, refusal, request_id);
    answer.note.served_by = ServedBy::Function;
    answer.note.fault = Some(fault);
    if is_text {
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        answer.headers.insert(CONTENT_TYPE, plain);
        answer.body = BodySource::Whole(Bytes::from_static(ERROR_TEXT.as_bytes()));
    }
    answer
}

/// The stack goes to the log only: a record is one line, and a visitor is shown nothing of either.
fn tell(
    request_id: RequestId,
    deployment: Option<DeploymentId>,
    unanswered: &Unanswered,
    refusal: &Refusal,
    fault: FaultSource,
) {
    let reason = refusal.reason.clone().into_owned();
    let (kind, stack) = match unanswered {
        Unanswered::Failed(failure) => (failure.kind(), stack_of(failure)),
        Unanswered::Unusable(_) => ("unusable", None),
        Unanswered::Refused(_) => ("refused", None),
    };
    match (fault, deployment) {
        (FaultSource::Platform, _) => RequestFailed { request_id, reason }.emit(),
        (FaultSource::Site, Some(deployment_id)) => FunctionFailed {
            request_id,
            deployment_id,
            kind: kind.to_owned(),
            reason,
            stack: stack.unwrap_or_default().to_owned(),
        }
        .emit(),
        _ => {}
    }
}

fn stack_of(failure: &InvocationFailure) -> Option<&str> {
    match failure {
        InvocationFailure::Threw { stack, .. } | InvocationFailure::Load { stack, .. } => {
            stack.as_deref()
        }
        _ => None,
    }
}
