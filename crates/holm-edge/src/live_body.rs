//! The body of an answer that is being made while it is sent: its end is known when it comes.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use holm_functions::{BoxError, FunctionBody, RequestBody};
use http_body::{Body, SizeHint};

/// Where such a body comes from.
#[derive(Debug)]
pub(crate) enum LiveBody {
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
            let frame = match self {
                Self::Function(body) => ready!(Pin::new(body).poll_frame(cx))
                    .map(|frame| frame.map_err(LiveError::Function)),
                Self::Outside(body) => ready!(Pin::new(body).poll_frame(cx))
                    .map(|frame| frame.map_err(LiveError::Outside)),
                Self::Over => None,
            };
            match frame {
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
                end => {
                    *self = Self::Over;
                    return Poll::Ready(end.map(|end| end.map(|_| Bytes::new())));
                }
            }
        }
    }

    /// Whether nothing more comes. False where that is not known.
    pub(crate) fn is_over(&self) -> bool {
        match self {
            Self::Function(body) => body.is_end_stream(),
            Self::Outside(body) => body.is_end_stream(),
            Self::Over => true,
        }
    }

    /// How much is left, as far as it was announced.
    pub(crate) fn size_hint(&self) -> SizeHint {
        match self {
            Self::Function(body) => body.size_hint(),
            Self::Outside(body) => body.size_hint(),
            Self::Over => SizeHint::with_exact(0),
        }
    }
}
