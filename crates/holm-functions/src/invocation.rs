//! One request for one function, and the answer to it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use tokio::sync::oneshot;

use crate::failure::InvocationFailure;
use crate::supervisor::Lease;

/// Whatever a body of the asking side fails with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body that is handed to a function.
pub type RequestBody = UnsyncBoxBody<Bytes, BoxError>;

/// The answer of a function.
pub type FunctionResponse = http::Response<FunctionBody>;

/// Who asks, as `request.eo` shows it. Nothing of it is taken from headers of the visitor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The request's id.
    pub uuid: String,
    /// The visitor's address.
    pub client_ip: String,
    /// A JSON object with what is known about the place (EdgeOne, Request: `geo`); empty when nothing is.
    pub geo_json: Option<String>,
}

/// One request for one function.
#[derive(Debug)]
pub struct Invocation {
    /// The number of the handler; `None` asks the middleware.
    pub route: Option<u32>,
    /// The route's parameters as a JSON object of strings and arrays of strings; `None` is none.
    pub params_json: Option<String>,
    /// The visitor's method.
    pub method: http::Method,
    /// The whole URL as the visitor sees it, absolute.
    pub url: String,
    /// The visitor's headers; what is hop-by-hop or Holm's own is taken out here.
    pub headers: HeaderMap,
    /// The visitor's body.
    pub body: RequestBody,
    /// Who asks.
    pub caller: Caller,
}

/// Why the body of an answer ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The function's process was ended.
    #[error("send the function's answer: {0}")]
    Failed(InvocationFailure),
    /// The process closed the connection.
    #[error("read the function's answer")]
    Read(#[source] hyper::Error),
}

/// The body of an answer, as it comes. Dropping it ends the invocation.
#[derive(Debug)]
pub struct FunctionBody {
    incoming: Incoming,
    cut: Option<oneshot::Receiver<InvocationFailure>>,
    lease: Option<Lease>,
}

impl FunctionBody {
    pub(crate) const fn new(
        incoming: Incoming,
        cut: oneshot::Receiver<InvocationFailure>,
        lease: Lease,
    ) -> Self {
        Self {
            incoming,
            cut: Some(cut),
            lease: Some(lease),
        }
    }

    fn was_cut(&mut self, cx: &mut Context<'_>) -> Option<InvocationFailure> {
        let cut = self.cut.as_mut()?;
        match Pin::new(cut).poll(cx) {
            Poll::Ready(Ok(failure)) => Some(failure),
            Poll::Ready(Err(_)) => {
                self.cut = None;
                None
            }
            Poll::Pending => None,
        }
    }
}

impl Body for FunctionBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(failure) = self.was_cut(cx) {
            self.cut = None;
            self.lease = None;
            return Poll::Ready(Some(Err(BodyError::Failed(failure))));
        }
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        if let Poll::Ready(Some(Ok(_))) = &polled
            && let Some(lease) = &self.lease
        {
            lease.made_progress();
        }
        if matches!(polled, Poll::Ready(None)) || self.incoming.is_end_stream() {
            if let Some(lease) = self.lease.take() {
                lease.finished();
            }
            self.cut = None;
        }
        polled.map(|frame| frame.map(|frame| frame.map_err(BodyError::Read)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
