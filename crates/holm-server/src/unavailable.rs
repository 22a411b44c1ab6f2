//! What the control listener says while there is no control plane, or none any more: 503 with problem
//! details.

use holm_api::Problem;
use holm_types::{ErrorCode, RequestId, RequestIds};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::limits::{REFUSED_HEAD_BYTES_MAX, REFUSED_REQUEST_MAX};

/// Why there is no control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It cannot be opened; that is tried again.
    CannotBeOpened,
    /// It was closed for a next server, which ended before it served.
    ClosedForNext,
}

impl Why {
    const fn detail(self) -> &'static str {
        match self {
            Self::CannotBeOpened => {
                "The control plane cannot be opened. Sites are served as they were last published; nothing can be deployed or changed."
            }
            Self::ClosedForNext => {
                "The control plane was closed for a next server, which did not start. Sites are served as they were last published; nothing can be deployed or changed until a server takes over or this one is restarted."
            }
        }
    }
}

/// Answers every connection, one after the other, for as long as it is polled.
pub(crate) async fn answer(listener: &TcpListener, ids: &RequestIds, why: Why) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // No free descriptor, mostly; the pause keeps this from spinning.
            tokio::time::sleep(REFUSED_REQUEST_MAX).await;
            continue;
        };
        let response = response(ids.next(), why);
        // Whoever is too slow or has gone away gets no answer.
        drop(tokio::time::timeout(REFUSED_REQUEST_MAX, refuse(stream, &response)).await);
    }
}

/// Reads the head of the request, so that closing does not take the answer away, and answers.
async fn refuse(mut stream: TcpStream, response: &str) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut part = [0; 1024];
    while head.len() < REFUSED_HEAD_BYTES_MAX && !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut part).await? {
            0 => break,
            count => head.extend_from_slice(part.get(..count).unwrap_or_default()),
        }
    }
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await
}

fn response(request_id: RequestId, why: Why) -> String {
    let code = ErrorCode::StorageUnavailable;
    let problem = Problem {
        kind: format!("https://holm.invalid/errors/{code}"),
        title: "Look at the server's log; `holm doctor` on its machine says what is wrong."
            .to_owned(),
        status: code.status(),
        detail: why.detail().to_owned(),
        code: code.to_string(),
        blame: "platform".to_owned(),
        retry: "later".to_owned(),
        request_id: request_id.to_string(),
        ..Problem::default()
    };
    // The problem is ours and has string keys: it always has a JSON form.
    let body = serde_json::to_string(&problem).unwrap_or_default();
    format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n\
         Content-Length: {}\r\nCache-Control: no-store\r\nRetry-After: 10\r\n\
         X-Request-Id: {request_id}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}
