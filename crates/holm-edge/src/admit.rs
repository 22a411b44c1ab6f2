//! Whether a request keeps to HTTP and to the limits, before anything looks at what it asks for.

use http::header::{CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, Method, Version};

use holm_types::VisitorCode;

use crate::EdgeLimits;
use crate::error::Refusal;

/// What was learned about a request that may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Admitted {
    /// Whether the connection ends with this request, so that no two parties can disagree about
    /// where it ends (RFC 9112 section 6.3).
    pub(crate) closes: bool,
    /// Whether the client waits for `100 Continue` before it sends its body.
    pub(crate) waits_for_continue: bool,
}

/// Checks version, sizes and framing.
pub(crate) fn admit(parts: &Parts, limits: &EdgeLimits) -> Result<Admitted, Refusal> {
    let seen = Seen::of(&parts.headers);
    check_sizes(parts, limits, &seen)?;
    let has_transfer_encoding = seen.has_transfer_encoding && check_framing(parts)?;
    let waits_for_continue = seen.has_expectation && check_expectation(&parts.headers)?;
    if parts.method == Method::CONNECT {
        return Err(Refusal::closing(
            VisitorCode::MethodNotAllowed,
            "CONNECT asks for a tunnel, and this is no proxy",
        ));
    }
    Ok(Admitted {
        // The library drops a Content-Length that stands beside a Transfer-Encoding, so the
        // ambiguous request cannot be told from the plain one: neither keeps its connection.
        // What follows a request for another protocol may be meant in that protocol, although it
        // is not granted: nobody reads it.
        closes: has_transfer_encoding || seen.has_upgrade,
        waits_for_continue,
    })
}

/// What one walk over the header fields tells: most requests have none of those that matter here, and
/// looking for each in turn costs more.
#[derive(Debug, Default)]
struct Seen {
    /// Names and values, and what frames them.
    bytes: usize,
    has_transfer_encoding: bool,
    has_expectation: bool,
    has_upgrade: bool,
}

impl Seen {
    fn of(headers: &HeaderMap) -> Self {
        // Colon, space, CR and LF.
        const FIELD_OVERHEAD_BYTES: usize = 4;
        let mut seen = Self::default();
        for (name, value) in headers {
            seen.bytes += name.as_str().len() + value.len() + FIELD_OVERHEAD_BYTES;
            seen.has_transfer_encoding |= *name == TRANSFER_ENCODING;
            seen.has_expectation |= *name == EXPECT;
            seen.has_upgrade |= *name == UPGRADE;
        }
        seen
    }
}

fn check_sizes(parts: &Parts, limits: &EdgeLimits, seen: &Seen) -> Result<(), Refusal> {
    if target_bytes(parts) > limits.target_bytes_max {
        return Err(Refusal::closing(
            VisitorCode::UriTooLong,
            "the request target is longer than edge.target_bytes_max",
        ));
    }
    if parts.headers.len() > limits.header_count_max {
        return Err(Refusal::closing(
            VisitorCode::RequestHeaderFieldsTooLarge,
            "the request has more header fields than edge.header_count_max",
        ));
    }
    if seen.bytes > limits.header_bytes_max {
        return Err(Refusal::closing(
            VisitorCode::RequestHeaderFieldsTooLarge,
            "the header fields are larger than edge.header_bytes_max",
        ));
    }
    Ok(())
}

fn target_bytes(parts: &Parts) -> usize {
    let authority = parts.uri.authority().map_or(0, |text| text.as_str().len());
    let path_and_query = parts
        .uri
        .path_and_query()
        .map_or(0, |text| text.as_str().len());
    authority + path_and_query
}

/// True when there is a (valid) Transfer-Encoding.
fn check_framing(parts: &Parts) -> Result<bool, Refusal> {
    let mut values = parts.headers.get_all(TRANSFER_ENCODING).iter();
    let Some(value) = values.next() else {
        return Ok(false);
    };
    let refuse = |reason| Err(Refusal::closing(VisitorCode::BadRequest, reason));
    if values.next().is_some() || !value.as_bytes().eq_ignore_ascii_case(b"chunked") {
        return refuse("Transfer-Encoding is something other than `chunked`");
    }
    if parts.version != Version::HTTP_11 {
        return refuse("Transfer-Encoding in a version of HTTP that has none");
    }
    if parts.headers.contains_key(CONTENT_LENGTH) {
        return refuse("both Transfer-Encoding and Content-Length");
    }
    Ok(true)
}

/// True when the client waits for `100 Continue`.
fn check_expectation(headers: &HeaderMap) -> Result<bool, Refusal> {
    match headers.get(EXPECT) {
        None => Ok(false),
        Some(value) if value.as_bytes().eq_ignore_ascii_case(b"100-continue") => Ok(true),
        Some(_) => Err(Refusal::closing(
            VisitorCode::ExpectationFailed,
            "an expectation other than 100-continue",
        )),
    }
}

/// The one `Host` field, if it is text (RFC 9112 section 3.2: exactly one, even beside an absolute
/// target).
pub(crate) fn single_host(headers: &HeaderMap) -> Result<&str, Refusal> {
    let refuse = |reason| Err(Refusal::closing(VisitorCode::BadRequest, reason));
    // It is nearly always among the first.
    let mut values = headers.iter().filter(|(name, _)| **name == HOST);
    let Some((_, value)) = values.next() else {
        return refuse("no Host field");
    };
    if values.next().is_some() {
        return refuse("more than one Host field");
    }
    match value.to_str() {
        Ok(text) => Ok(text),
        Err(_) => refuse("the Host field is not text"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn check(request: http::request::Builder, want: Result<(bool, bool), VisitorCode>) {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let got = admit(&parts, &EdgeLimits::default())
            .map(|admitted| (admitted.closes, admitted.waits_for_continue))
            .map_err(|refusal| refusal.code);
        assert_eq!(got, want, "{parts:?}");
    }

    #[test]
    fn framing() {
        use VisitorCode::{BadRequest, ExpectationFailed, MethodNotAllowed};
        let post = || Request::post("/").version(Version::HTTP_11);
        check(post(), Ok((false, false)));
        check(post().header("content-length", "5"), Ok((false, false)));
        check(
            post().header("transfer-encoding", "chunked"),
            Ok((true, false)),
        );
        check(
            post().header("transfer-encoding", "CHUNKED"),
            Ok((true, false)),
        );
        check(post().header("expect", "100-Continue"), Ok((false, true)));
        for bad in [
            "gzip, chunked",
            "chunked, chunked",
            "\"chunked\"",
            "chunked;q=1",
            "identity",
            "",
        ] {
            check(post().header("transfer-encoding", bad), Err(BadRequest));
        }
        check(
            post()
                .header("transfer-encoding", "chunked")
                .header("transfer-encoding", "chunked"),
            Err(BadRequest),
        );
        check(
            post()
                .header("transfer-encoding", "chunked")
                .header("content-length", "5"),
            Err(BadRequest),
        );
        check(
            post()
                .version(Version::HTTP_10)
                .header("transfer-encoding", "chunked"),
            Err(BadRequest),
        );
        check(post().header("expect", "x-y"), Err(ExpectationFailed));
        check(Request::connect("a:80"), Err(MethodNotAllowed));
    }

    #[test]
    fn sizes() {
        use VisitorCode::{RequestHeaderFieldsTooLarge, UriTooLong};
        check(
            Request::get(format!("/{}", "a".repeat(8191))),
            Ok((false, false)),
        );
        check(
            Request::get(format!("/{}", "a".repeat(8192))),
            Err(UriTooLong),
        );
        check(
            Request::get(format!("/?{}", "a".repeat(8192))),
            Err(UriTooLong),
        );
        let many = |count: usize| {
            (0..count).fold(Request::get("/"), |request, index| {
                request.header(format!("x-{index}"), "y")
            })
        };
        check(many(100), Ok((false, false)));
        check(many(101), Err(RequestHeaderFieldsTooLarge));
        let wide = |bytes: usize| Request::get("/").header("x", "y".repeat(bytes));
        check(wide(32 * 1024 - 5), Ok((false, false)));
        check(wide(32 * 1024 - 4), Err(RequestHeaderFieldsTooLarge));
    }

    #[test]
    fn hosts() {
        let host = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(HOST, http::HeaderValue::from_static(value));
            }
            single_host(&headers)
                .map(str::to_owned)
                .map_err(|refusal| refusal.code)
        };
        assert_eq!(host(&["a.test"]), Ok("a.test".to_owned()));
        assert_eq!(host(&[]), Err(VisitorCode::BadRequest));
        assert_eq!(host(&["a.test", "a.test"]), Err(VisitorCode::BadRequest));
    }
}
