//! A request's body, read piece by piece with a limit on size and on silence.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use holm_types::ErrorCode;
use http::header::EXPECT;
use http::request::Parts;
use http_body_util::BodyExt as _;

use crate::error::ApiError;
use crate::limits::ControlLimits;

/// A request's body.
#[derive(Debug)]
pub(crate) struct RequestBody {
    body: Body,
    idle_max: Duration,
    has_ended: bool,
    /// The client waits for `100 Continue` before it sends anything.
    is_awaited: bool,
    /// Somebody asked for a piece; that is what makes the listener say `100 Continue`.
    was_touched: bool,
    /// Of what was read so far, when somebody wants to know.
    hasher: Option<Box<blake3::Hasher>>,
}

impl RequestBody {
    pub(crate) fn new(head: &Parts, body: Body, idle_max: Duration) -> Self {
        Self {
            has_ended: http_body::Body::is_end_stream(&body),
            body,
            idle_max,
            is_awaited: head.headers.contains_key(EXPECT),
            was_touched: false,
            hasher: None,
        }
    }

    /// The next piece. `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        self.was_touched = true;
        while !self.has_ended {
            let frame = tokio::time::timeout(self.idle_max, self.body.frame())
                .await
                .map_err(|_| {
                    self.has_ended = true;
                    ApiError::new(ErrorCode::RequestTimeout, "The body stopped arriving")
                        .with_time_limit(self.idle_max, "control.body_idle_max")
                })?;
            match frame {
                Some(Ok(frame)) => {
                    // Trailers mean nothing here.
                    if let Ok(bytes) = frame.into_data() {
                        if let Some(hasher) = &mut self.hasher {
                            hasher.update(&bytes);
                        }
                        return Ok(Some(bytes));
                    }
                }
                Some(Err(_)) => {
                    self.has_ended = true;
                    return Err(ApiError::new(
                        ErrorCode::RequestInvalid,
                        "The body broke off",
                    ));
                }
                None => self.has_ended = true,
            }
        }
        Ok(None)
    }

    /// How many bytes the head says will come. `None` when it does not say.
    pub(crate) fn announced_bytes(&self) -> Option<u64> {
        http_body::Body::size_hint(&self.body).exact()
    }

    /// The whole body, if it is at most this long.
    pub(crate) async fn whole(
        &mut self,
        bytes_max: u64,
        setting: &'static str,
    ) -> Result<Bytes, ApiError> {
        let mut whole = BytesMut::new();
        while let Some(piece) = self.next().await? {
            let observed = (whole.len() + piece.len()) as u64;
            if observed > bytes_max {
                return Err(too_large(bytes_max, observed, setting));
            }
            if whole.is_empty() && http_body::Body::is_end_stream(&self.body) {
                return Ok(piece);
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }

    /// Reads the whole body now, within one deadline; [`RequestBody::next`] gives it again.
    pub(crate) async fn load(&mut self, limits: &ControlLimits) -> Result<(), ApiError> {
        let whole = self.whole(limits.body_bytes_max, "control.body_bytes_max");
        let bytes = tokio::time::timeout(limits.open_body_time_max, whole)
            .await
            .map_err(|_| {
                ApiError::new(
                    ErrorCode::RequestTimeout,
                    "The body took too long to arrive",
                )
                .with_time_limit(limits.open_body_time_max, "control.open_body_time_max")
            })??;
        *self = Self {
            has_ended: bytes.is_empty(),
            body: Body::from(bytes),
            hasher: None,
            ..*self
        };
        Ok(())
    }

    /// Hashes what is read from now on.
    pub(crate) fn begin_hash(&mut self) {
        self.hasher = Some(Box::default());
    }

    /// The hash of the whole body, the rest of which is read for it. `None` when that is longer than
    /// `bytes_max`, and when no hash was begun.
    pub(crate) async fn finish_hash(
        &mut self,
        bytes_max: u64,
    ) -> Result<Option<[u8; 32]>, ApiError> {
        let mut seen = 0;
        while let Some(piece) = self.next().await? {
            seen += piece.len() as u64;
            if seen > bytes_max {
                return Ok(None);
            }
        }
        Ok(self
            .hasher
            .take()
            .map(|hasher| *hasher.finalize().as_bytes()))
    }

    /// Reads and forgets the rest behind the answer, so that a client that is still sending gets to
    /// see it. Gives up at `drain_bytes_max` and `drain_body_time_max`; then the connection is closed.
    pub(crate) fn forget(mut self, limits: &ControlLimits) {
        // A client that waits for `100 Continue` has sent nothing, and is not to begin.
        if self.has_ended || (self.is_awaited && !self.was_touched) {
            return;
        }
        let (bytes_max, time_max) = (limits.drain_bytes_max, limits.drain_body_time_max);
        tokio::spawn(tokio::time::timeout(time_max, async move {
            let mut seen = 0;
            while seen < bytes_max {
                match self.next().await {
                    Ok(Some(piece)) => seen += piece.len() as u64,
                    Ok(None) | Err(_) => break,
                }
            }
        }));
    }
}

/// The body is over a limit.
pub(crate) fn too_large(limit: u64, observed: u64, setting: &'static str) -> ApiError {
    ApiError::new(
        ErrorCode::RequestTooLarge,
        format!("The body has more than {limit} bytes"),
    )
    .with_limit(limit, observed, setting)
}
