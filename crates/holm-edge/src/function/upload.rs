//! A visitor's body on its way to a function: passed on as it comes, within bounds.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use holm_functions::{BoxError, RequestBody};
use holm_types::VisitorCode;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use crate::EdgeLimits;
use crate::error::Refusal;

/// How a body has ended; 0 stands for one that is coming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum State {
    Whole = 1,
    TooLarge = 2,
    TooSlow = 3,
    Broken = 4,
}

/// What is to be known about a body by who does not have it any more.
#[derive(Clone, Debug, Default)]
pub(crate) struct UploadState(Arc<AtomicU8>);

impl UploadState {
    fn set(&self, state: State) {
        self.0.store(state as u8, Ordering::Release);
    }

    fn is(&self, state: State) -> bool {
        self.0.load(Ordering::Acquire) == state as u8
    }

    /// Whether all of it was read, so that the next request of the connection can be told apart from it.
    pub(crate) fn is_whole(&self) -> bool {
        self.is(State::Whole)
    }

    /// Why it was not passed on to its end, where that is the visitor's doing.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        let (code, reason) = if self.is(State::TooLarge) {
            (VisitorCode::PayloadTooLarge, TOO_LARGE)
        } else if self.is(State::TooSlow) {
            (
                VisitorCode::RequestTimeout,
                "the request body came too slowly (edge.function_body_idle_max, \
                 edge.function_body_rate_min_bytes)",
            )
        } else if self.is(State::Broken) {
            (
                VisitorCode::BadRequest,
                "the request body breaks HTTP or was cut off",
            )
        } else {
            return None;
        };
        Some(Refusal::closing(code, reason))
    }
}

const TOO_LARGE: &str = "the request body is larger than edge.function_body_bytes_max";

/// A request without a body, and what is known about it.
pub(crate) fn no_upload() -> (RequestBody, UploadState) {
    let state = UploadState::default();
    state.set(State::Whole);
    (empty_body(), state)
}

/// A body without bytes.
pub(crate) fn empty_body() -> RequestBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A visitor's body as a function's.
///
/// # Errors
/// When it is announced to be larger than it may be.
pub(crate) fn upload(
    body: Incoming,
    limits: &EdgeLimits,
) -> Result<(RequestBody, UploadState), Refusal> {
    if body.is_end_stream() {
        return Ok(no_upload());
    }
    let bytes_max = limits.function_body_bytes_max;
    if body.size_hint().lower() > bytes_max {
        return Err(Refusal::closing(VisitorCode::PayloadTooLarge, TOO_LARGE));
    }
    let state = UploadState::default();
    let upload = Upload {
        body,
        bytes_max,
        idle_max: limits.function_body_idle_max,
        idle: Box::pin(tokio::time::sleep(limits.function_body_idle_max)),
        waiting_since: None,
        waited: Duration::ZERO,
        come_bytes: 0,
        rate_min_bytes: limits.function_body_rate_min_bytes,
        state: state.clone(),
    };
    Ok((upload.boxed_unsync(), state))
}

struct Upload {
    body: Incoming,
    bytes_max: u64,
    idle_max: Duration,
    /// When the client has sent nothing for too long. Set anew with each wait for it: that the function takes
    /// its time is not the client's slowness.
    idle: Pin<Box<Sleep>>,
    /// Since when the client is waited for. `None` while it is not.
    waiting_since: Option<Instant>,
    /// How long it was waited for in all, and how much came.
    waited: Duration,
    come_bytes: u64,
    rate_min_bytes: u64,
    state: UploadState,
}

/// What the function's process is told: the body ends in the middle.
#[derive(Debug, thiserror::Error)]
#[error("pass a request body on: it ended before its end")]
struct Cut;

impl Upload {
    /// The client is waited for; ready when that has taken too long.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.waiting_since.is_none() {
            let now = Instant::now();
            self.waiting_since = Some(now);
            self.idle.as_mut().reset(now + self.idle_max);
        }
        self.idle.as_mut().poll(cx)
    }

    /// So many bytes have come. What is wrong with that, if something is.
    fn take(&mut self, bytes: u64) -> Result<(), State> {
        let since = self.waiting_since.take();
        self.waited += since.map_or(Duration::ZERO, |since| since.elapsed());
        self.come_bytes += bytes;
        // Averaged only over a time in which a hiccup does not count.
        let due = self.waited.as_secs().saturating_mul(self.rate_min_bytes);
        if self.come_bytes > self.bytes_max {
            Err(State::TooLarge)
        } else if self.waited > self.idle_max && self.come_bytes < due {
            Err(State::TooSlow)
        } else {
            Ok(())
        }
    }

    fn cut(&self, state: State) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.state.set(state);
        Poll::Ready(Some(Err(Box::new(Cut))))
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        loop {
            let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
                ready!(this.poll_patience(cx));
                return this.cut(State::TooSlow);
            };
            let Some(frame) = frame else {
                this.state.set(State::Whole);
                return Poll::Ready(None);
            };
            let Ok(frame) = frame else {
                return this.cut(State::Broken);
            };
            // Trailers are for nobody here.
            let Ok(bytes) = frame.into_data() else {
                continue;
            };
            if let Err(state) = this.take(bytes.len() as u64) {
                return this.cut(state);
            }
            if this.body.is_end_stream() {
                this.state.set(State::Whole);
            }
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
