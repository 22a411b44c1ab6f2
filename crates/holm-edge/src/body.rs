//! The body of an answer. It carries the request's record, which is emitted when the body has ended
//! or is dropped (decision D10.11).

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::blob_stream::BlobStream;
use crate::error::BodyError;
use crate::http2::PIECE_BYTES_MAX;
use crate::live_body::LiveBody;
use crate::record::{Draft, chain};

/// Where the bytes of a body come from.
#[derive(Debug)]
pub(crate) enum BodySource {
    /// There are none (left).
    Empty,
    /// All at once.
    Whole(Bytes),
    /// In pieces from the store.
    Stream(Box<BlobStream>),
    /// One after the other.
    Parts(VecDeque<BodySource>),
    /// As it is made.
    Live(Box<LiveBody>),
}

impl BodySource {
    /// How much is left; of what is being made, 1 until its end is known.
    pub(crate) fn remaining_bytes(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Live(live) => u64::from(!live.is_over()),
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Stream(stream) => stream.remaining_bytes(),
            Self::Parts(parts) => parts.iter().map(Self::remaining_bytes).sum(),
        }
    }

    /// How much is left, as far as it is known.
    pub(crate) fn size_hint(&self) -> SizeHint {
        match self {
            Self::Live(live) => live.size_hint(),
            known => SizeHint::with_exact(known.remaining_bytes()),
        }
    }

    /// The next bytes.
    pub(crate) fn poll_bytes(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            match self {
                Self::Empty => return Poll::Ready(None),
                Self::Whole(bytes) => {
                    let bytes = std::mem::take(bytes);
                    *self = Self::Empty;
                    return Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)));
                }
                Self::Stream(stream) => {
                    let piece = ready!(stream.poll_next(cx));
                    return Poll::Ready(piece.map(|piece| piece.map_err(BodyError::Stored)));
                }
                Self::Live(live) => {
                    let piece = ready!(live.poll_bytes(cx));
                    return Poll::Ready(piece.map(|piece| piece.map_err(BodyError::Live)));
                }
                Self::Parts(parts) => {
                    let Some(part) = parts.front_mut() else {
                        return Poll::Ready(None);
                    };
                    if let Some(piece) = ready!(part.poll_bytes(cx)) {
                        return Poll::Ready(Some(piece));
                    }
                    parts.pop_front();
                }
            }
        }
    }
}

/// A body on its way to a client.
#[derive(Debug)]
pub(crate) struct AnswerBody {
    source: BodySource,
    /// What is left of a piece that is handed over in smaller ones.
    rest: Bytes,
    /// On an HTTP/2 connection: something was handed over, and nobody has asked for more yet.
    is_offered: bool,
    draft: Draft,
}

impl AnswerBody {
    /// The body of the answer that this record is about.
    pub(crate) fn new(source: BodySource, draft: Draft) -> Self {
        let mut body = Self {
            source,
            rest: Bytes::new(),
            is_offered: false,
            draft,
        };
        body.note_end();
        body
    }

    fn remaining_bytes(&self) -> u64 {
        self.source.remaining_bytes() + self.rest.len() as u64
    }

    fn note_end(&mut self) {
        if self.remaining_bytes() == 0 {
            self.draft.ended();
        }
    }

    /// In pieces of one frame: the library holds one piece of each answer until the
    /// client makes room for it.
    fn poll_frame_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        if self.rest.is_empty() {
            match ready!(self.source.poll_bytes(cx)) {
                Some(Ok(bytes)) => self.rest = bytes,
                end => return Poll::Ready(end),
            }
        }
        let length = self.rest.len().min(PIECE_BYTES_MAX);
        Poll::Ready(Some(Ok(self.rest.split_to(length))))
    }

    fn set_offered(&mut self, is_offered: bool) {
        if self.is_offered != is_offered {
            self.is_offered = is_offered;
            self.draft.offers(is_offered);
        }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.set_offered(false);
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let piece = if this.draft.is_multiplexed() {
            let polled = this.poll_frame_bytes(cx);
            this.set_offered(matches!(polled, Poll::Ready(Some(Ok(_)))));
            ready!(polled)
        } else {
            ready!(this.source.poll_bytes(cx))
        };
        match &piece {
            Some(Ok(bytes)) => {
                this.draft.sent(bytes.len() as u64);
                this.note_end();
            }
            Some(Err(error)) => this.draft.failed(error.fault(), chain(error)),
            None => this.note_end(),
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining_bytes() == 0
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.source.size_hint();
        let rest = self.rest.len() as u64;
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}
