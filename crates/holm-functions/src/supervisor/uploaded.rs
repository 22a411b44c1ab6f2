//! How far the body of a request has been handed over.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;

use crate::invocation::{BoxError, RequestBody};

/// What is known about a body by who does not have it.
#[derive(Clone, Debug, Default)]
pub(super) struct Uploaded(Arc<State>);

#[derive(Debug, Default)]
struct State {
    pieces: AtomicU64,
    is_over: AtomicBool,
}

impl Uploaded {
    /// Has it noted how far the body of this request comes.
    pub(super) fn note(request: Request<RequestBody>) -> (Request<RequestBody>, Self) {
        let uploaded = Self::default();
        if request.body().is_end_stream() {
            uploaded.end();
            return (request, uploaded);
        }
        let noted = uploaded.clone();
        let request = request.map(|body| Noted { body, noted }.boxed_unsync());
        (request, uploaded)
    }

    /// Pieces handed over.
    pub(super) fn pieces(&self) -> u64 {
        self.0.pieces.load(Ordering::Relaxed)
    }

    /// Whether all of it was.
    pub(super) fn is_over(&self) -> bool {
        self.0.is_over.load(Ordering::Acquire)
    }

    fn end(&self) {
        self.0.is_over.store(true, Ordering::Release);
    }
}

struct Noted {
    body: RequestBody,
    noted: Uploaded,
}

impl Body for Noted {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(_))) => {
                this.noted.0.pieces.fetch_add(1, Ordering::Relaxed);
                if this.body.is_end_stream() {
                    this.noted.end();
                }
            }
            Poll::Ready(None) => this.noted.end(),
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
