//! The body of an answer. It carries the request's record, which is emitted when the body has ended
//! or is dropped (decision D10.11).

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::blob_stream::BlobStream;
use crate::error::BodyError;
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
}

impl BodySource {
    fn remaining_bytes(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Stream(stream) => stream.remaining_bytes(),
        }
    }
}

/// A body on its way to a client.
#[derive(Debug)]
pub(crate) struct AnswerBody {
    source: BodySource,
    draft: Draft,
}

impl AnswerBody {
    /// The body of the answer that this record is about.
    pub(crate) fn new(source: BodySource, draft: Draft) -> Self {
        let mut body = Self { source, draft };
        body.note_end();
        body
    }

    fn note_end(&mut self) {
        if self.source.remaining_bytes() == 0 {
            self.draft.ended();
        }
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        match &mut self.source {
            BodySource::Empty => Poll::Ready(None),
            BodySource::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                self.source = BodySource::Empty;
                Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)))
            }
            BodySource::Stream(stream) => {
                Poll::Ready(ready!(stream.poll_next(cx)).map(|piece| piece.map_err(BodyError)))
            }
        }
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
        let piece = ready!(this.poll_bytes(cx));
        match &piece {
            Some(Ok(bytes)) => {
                this.draft.sent(bytes.len() as u64);
                this.note_end();
            }
            Some(Err(error)) => this.draft.failed(chain(error)),
            None => {}
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.source.remaining_bytes() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.source.remaining_bytes())
    }
}
