//! Whether the client has the file already (RFC 9110 section 13).

use holm_types::Timestamp;
use http::header::{HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE};
use std::time::{Duration, SystemTime};

/// The most entity tags of one list that are looked at; a longer list counts as no match.
const TAG_COUNT_MAX: usize = 64;

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Validators<'a> {
    /// The entity tag of the form that would be sent, with its quotes.
    pub(crate) etag: &'a [u8],
    /// When the deployment was sealed.
    pub(crate) modified_at: Timestamp,
}

/// True when 304 is the answer to a GET or HEAD: `If-None-Match` decides if it is there, else
/// `If-Modified-Since` (section 13.2.2).
pub(crate) fn is_not_modified(headers: &HeaderMap, now: &Validators<'_>) -> bool {
    if headers.contains_key(IF_NONE_MATCH) {
        return headers
            .get_all(IF_NONE_MATCH)
            .iter()
            .any(|value| lists_tag(value.as_bytes(), now.etag));
    }
    headers
        .get(IF_MODIFIED_SINCE)
        .and_then(|value| date_seconds(value.as_bytes()))
        .is_some_and(|since| now.modified_at.unix_seconds() <= since)
}

/// True when a `Range` field may be followed: there is no `If-Range`, or it names exactly what
/// would be sent (section 13.1.5; strong comparison, so `W/` never matches).
pub(crate) fn range_applies(headers: &HeaderMap, now: &Validators<'_>) -> bool {
    let Some(value) = headers.get(IF_RANGE).map(http::HeaderValue::as_bytes) else {
        return true;
    };
    if value.contains(&b'"') {
        return value == now.etag;
    }
    date_seconds(value) == Some(now.modified_at.unix_seconds())
}

/// Whether a list of entity tags names this one by weak comparison. `*` names everything.
fn lists_tag(list: &[u8], etag: &[u8]) -> bool {
    let mut rest = list.trim_ascii();
    if rest == b"*" {
        return true;
    }
    for _ in 0..TAG_COUNT_MAX {
        rest = rest.strip_prefix(b"W/").unwrap_or(rest);
        let Some(length) = quoted_length(rest) else {
            return false;
        };
        let (tag, after) = rest.split_at(length);
        if tag == etag {
            return true;
        }
        let after = after.trim_ascii_start();
        let Some(after) = after.strip_prefix(b",") else {
            return false;
        };
        rest = after.trim_ascii_start();
    }
    false
}

/// The length of the quoted tag that the text starts with, quotes included.
fn quoted_length(text: &[u8]) -> Option<usize> {
    let inner = text.strip_prefix(b"\"")?;
    inner
        .iter()
        .position(|byte| *byte == b'"')
        .map(|end| end + 2)
}

/// An HTTP date in seconds since the epoch. `None` when the text is none: then the field is ignored.
fn date_seconds(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let at = httpdate::parse_http_date(text).ok()?;
    at.duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .as_ref()
        .map(Duration::as_secs)
}

#[cfg(test)]
#[path = "conditional/tests.rs"]
mod tests;
