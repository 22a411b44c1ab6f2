//! A request body that nobody wants: read and thrown away, within bounds, so that the connection can
//! go on and no byte of it is ever taken for the next request (decision D10.14).

use std::future::poll_fn;
use std::pin::Pin;

use http_body::Body;
use hyper::body::Incoming;

use crate::EdgeLimits;

/// How throwing away ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Discarded {
    /// To the end; what follows is the next request.
    All,
    /// Over `body_bytes_max`.
    TooLarge,
    /// Over `body_read_max`.
    TooSlow,
    /// Its framing breaks HTTP, or the client went away in the middle.
    Broken,
}

/// Reads a body to its end or to a limit.
pub(crate) async fn discard(mut body: Incoming, limits: &EdgeLimits) -> Discarded {
    let announced = body.size_hint().lower();
    if announced > limits.body_bytes_max as u64 {
        return Discarded::TooLarge;
    }
    tokio::time::timeout(
        limits.body_read_max,
        drain(&mut body, limits.body_bytes_max),
    )
    .await
    .unwrap_or(Discarded::TooSlow)
}

async fn drain(body: &mut Incoming, bytes_max: usize) -> Discarded {
    let mut seen: usize = 0;
    loop {
        match poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
            None => return Discarded::All,
            Some(Err(_)) => return Discarded::Broken,
            Some(Ok(frame)) => {
                // Trailers have no data; nothing reads them.
                seen += frame.data_ref().map_or(0, bytes::Bytes::len);
                if seen > bytes_max {
                    return Discarded::TooLarge;
                }
            }
        }
    }
}
