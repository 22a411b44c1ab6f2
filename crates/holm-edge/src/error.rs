//! Why a request is answered with a page of Holm's.

use std::borrow::Cow;

use holm_telemetry::FaultSource;
use holm_types::VisitorCode;

use crate::live_body::LiveError;

/// One refused or failed request: which page, whose fault, why in words, and whether the connection
/// can go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Which page.
    pub(crate) code: VisitorCode,
    /// Why, for the access record; never shown to the visitor.
    pub(crate) reason: Cow<'static, str>,
    /// Whether what follows on the connection can no longer be told apart from this request.
    pub(crate) closes: bool,
}

impl Refusal {
    /// A request that ends here and leaves the connection usable.
    pub(crate) fn new(code: VisitorCode, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            reason: reason.into(),
            closes: false,
        }
    }

    /// A request that ends here, and the connection with it.
    pub(crate) fn closing(code: VisitorCode, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            closes: true,
            ..Self::new(code, reason)
        }
    }
}

/// Whose fault a page is: the metric label that answers "ours or theirs?".
pub(crate) fn fault_of(code: VisitorCode) -> FaultSource {
    match code {
        VisitorCode::Deleted
        | VisitorCode::Deploying
        | VisitorCode::Failed
        | VisitorCode::Unavailable
        | VisitorCode::NodeFunctionResponsePayloadTooLarge
        | VisitorCode::InternalNodeFunctionNotReady
        | VisitorCode::NodeFunctionInvocationFailed
        | VisitorCode::NodeFunctionServiceUnavailable
        | VisitorCode::NodeFunctionInvocationTimeout
        | VisitorCode::EdgeFunctionInvocationLimitExceeded
        | VisitorCode::NodeFunctionInvocationLimitExceeded
        | VisitorCode::EdgeFunctionInvocationFailed => FaultSource::Site,
        VisitorCode::InternalError
        | VisitorCode::ServiceUnavailable
        | VisitorCode::InternalNodeFunctionError
        | VisitorCode::InternalNodeFunctionInvocationFailed => FaultSource::Platform,
        VisitorCode::BadRequest
        | VisitorCode::Unauthorized
        | VisitorCode::Forbidden
        | VisitorCode::NotFound
        | VisitorCode::MethodNotAllowed
        | VisitorCode::RequestTimeout
        | VisitorCode::PreconditionFailed
        | VisitorCode::PayloadTooLarge
        | VisitorCode::NodeFunctionPayloadTooLarge
        | VisitorCode::UriTooLong
        | VisitorCode::ExpectationFailed
        | VisitorCode::RateLimitExceeded
        | VisitorCode::RequestHeaderFieldsTooLarge
        | VisitorCode::HttpVersionNotSupported => FaultSource::Client,
    }
}

/// Why a body could not be sent to its end; the connection is cut, so that the client can tell.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The store does not give it.
    #[error("read the next piece of a body")]
    Stored(#[source] holm_storage::BlobError),
    /// Who makes it while it is sent has stopped.
    #[error(transparent)]
    Live(LiveError),
}

impl BodyError {
    /// Whose fault it is.
    pub(crate) fn fault(&self) -> FaultSource {
        match self {
            Self::Stored(_) => FaultSource::Platform,
            Self::Live(_) => FaultSource::Site,
        }
    }
}
