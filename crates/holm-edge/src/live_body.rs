//! The body of an answer that is being made while it is sent: its end is known when it comes.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use holm_functions::{BoxError, FunctionBody, RequestBody};
use http_body::{Body, SizeHint};

use crate::watch::MindsLeaving;

/// Such a body.
#[derive(Debug)]
pub(crate) struct LiveBody {
    /// Where it comes from.
    pub(crate) source: LiveSource,
    /// Nobody makes it any longer when the client has left.
    pub(crate) minds_leaving: Option<MindsLeaving>,
}

/// Where such a body comes from.
#[derive(Debug)]
pub(crate) enum LiveSource {
    /// A function writes it.
    Function(FunctionBody),
    /// Another server sends it.
    Outside(RequestBody),
    /// It has ended.
    Over,
}

/// Why it ended before its end. Whoever made it is at fault, never Holm.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LiveError {
    /// The function's process was ended, or closed the connection.
    #[error("pass a function's answer on")]
    Function(#[source] holm_functions::BodyError),
    /// The other server closed the connection.
    #[error("pass the answer of another server on")]
    Outside(#[source] BoxError),
}

impl LiveBody {
    /// The next bytes, as they come; trailers are left out.
    pub(crate) fn poll_bytes(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, LiveError>>> {
        loop {
            let frame = match &mut self.source {
                LiveSource::Function(body) => ready!(Pin::new(body).poll_frame(cx))
                    .map(|frame| frame.map_err(LiveError::Function)),
                LiveSource::Outside(body) => ready!(Pin::new(body).poll_frame(cx))
                    .map(|frame| frame.map_err(LiveError::Outside)),
                LiveSource::Over => None,
            };
            match frame {
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
                Some(Err(error)) => {
                    self.end();
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    self.end();
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn end(&mut self) {
        self.source = LiveSource::Over;
        self.minds_leaving = None;
    }

    /// Whether nothing more comes. False where that is not known.
    pub(crate) fn is_over(&self) -> bool {
        match &self.source {
            LiveSource::Function(body) => body.is_end_stream(),
            LiveSource::Outside(body) => body.is_end_stream(),
            LiveSource::Over => true,
        }
    }

    /// How much is left, as far as it was announced.
    pub(crate) fn size_hint(&self) -> SizeHint {
        match &self.source {
            LiveSource::Function(body) => body.size_hint(),
            LiveSource::Outside(body) => body.size_hint(),
            LiveSource::Over => SizeHint::with_exact(0),
        }
    }
}
