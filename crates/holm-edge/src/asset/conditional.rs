//! Whether the conditions of a request hold (RFC 9110 section 13).
//!
//! `Last-Modified` is the second in which the deployment was sealed, and that is a weak validator
//! (section 8.8.2.2): two deployments of one second share it, so a client that sends nothing but
//! `If-Modified-Since` can be told 304 about the file of the other one. Telling them apart takes an
//! entity tag, which every answer has, which browsers send back, and which wins over the date.

use holm_types::Timestamp;
use http::header::{
    HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE,
};
use std::time::{Duration, SystemTime};

/// The most entity tags of one field line that are looked at; those after them match nothing.
const TAG_COUNT_MAX: usize = 64;

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Validators<'a> {
    /// The entity tag of the form that would be sent, with its quotes. It is a strong one.
    pub(crate) etag: &'a [u8],
    /// When the deployment was sealed.
    pub(crate) modified_at: Timestamp,
}

/// What the conditions of a GET or HEAD come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// They hold, or there are none.
    Proceed,
    /// The client has the file already: 304.
    NotModified,
    /// The file is not the one that the client means: 412, and why, for the access record.
    Failed(&'static str),
}

/// How a tag of a list is compared with the file's (RFC 9110 section 8.8.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    /// A tag with `W/` matches nothing.
    Strong,
    /// `W/` makes no difference.
    Weak,
}

impl Verdict {
    /// Evaluates the fields in the order of section 13.2.2. A tag field makes the date field of its
    /// kind count for nothing.
    pub(crate) fn of(headers: &HeaderMap, now: &Validators<'_>) -> Self {
        match any_lists_tag(headers, &IF_MATCH, now.etag, Comparison::Strong) {
            Some(true) => {}
            Some(false) => return Self::Failed("If-Match does not name the file"),
            None if is_modified_after(headers, now) => {
                return Self::Failed("If-Unmodified-Since is earlier than the deployment");
            }
            None => {}
        }
        let is_had = any_lists_tag(headers, &IF_NONE_MATCH, now.etag, Comparison::Weak)
            .unwrap_or_else(|| is_modified_at(headers, now));
        if is_had {
            Self::NotModified
        } else {
            Self::Proceed
        }
    }
}

/// True when a `Range` field may be followed: there is no `If-Range`, or it names exactly what would
/// be sent (section 13.1.5). That takes a strong validator: `W/` never matches, nor does a date.
pub(crate) fn range_applies(headers: &HeaderMap, now: &Validators<'_>) -> bool {
    if !headers.contains_key(IF_RANGE) {
        return true;
    }
    only(headers, &IF_RANGE).is_some_and(|value| value.as_bytes() == now.etag)
}

/// Whether `If-Unmodified-Since` is a date before the deployment was sealed. Any later date holds, as
/// section 13.1.4 has it, so a roll-back goes unnoticed by this field: that takes `If-Match`.
fn is_modified_after(headers: &HeaderMap, now: &Validators<'_>) -> bool {
    date_of(headers, &IF_UNMODIFIED_SINCE)
        .is_some_and(|since| now.modified_at.unix_seconds() > since)
}

/// Whether `If-Modified-Since` is exactly the second in which the deployment was sealed. A later date
/// is no proof of having the file: after a roll-back the live deployment is older than the one that
/// the client has seen.
fn is_modified_at(headers: &HeaderMap, now: &Validators<'_>) -> bool {
    date_of(headers, &IF_MODIFIED_SINCE) == Some(now.modified_at.unix_seconds())
}

/// Whether a field of entity tags names this one. `None` when the request does not have the field.
fn any_lists_tag(
    headers: &HeaderMap,
    name: &HeaderName,
    etag: &[u8],
    comparison: Comparison,
) -> Option<bool> {
    headers.contains_key(name).then(|| {
        let mut lines = headers.get_all(name).iter();
        lines.any(|line| lists_tag(line.as_bytes(), etag, comparison))
    })
}

/// Whether a list of entity tags names this one. `*` names everything; empty elements count for
/// nothing (section 5.6.1.2).
fn lists_tag(list: &[u8], etag: &[u8], comparison: Comparison) -> bool {
    if list.trim_ascii() == b"*" {
        return true;
    }
    let mut rest = after_separators(list);
    for _ in 0..TAG_COUNT_MAX {
        let opaque = rest.strip_prefix(b"W/");
        let is_comparable = opaque.is_none() || comparison == Comparison::Weak;
        rest = opaque.unwrap_or(rest);
        let Some(length) = quoted_length(rest) else {
            return false;
        };
        let (tag, after) = rest.split_at(length);
        if is_comparable && tag == etag {
            return true;
        }
        if !after.trim_ascii_start().starts_with(b",") {
            return false;
        }
        rest = after_separators(after);
    }
    false
}

/// What is left of a list after leading commas and blanks.
fn after_separators(list: &[u8]) -> &[u8] {
    let is_separator = |byte: &u8| matches!(byte, b',' | b' ' | b'\t');
    let start = list.iter().position(|byte| !is_separator(byte));
    start.and_then(|at| list.get(at..)).unwrap_or_default()
}

/// The length of the quoted tag that the text starts with, quotes included.
fn quoted_length(text: &[u8]) -> Option<usize> {
    let inner = text.strip_prefix(b"\"")?;
    inner
        .iter()
        .position(|byte| *byte == b'"')
        .map(|end| end + 2)
}

/// The value of a field that is there once. `None` when it is not there, or more than once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut lines = headers.get_all(name).iter();
    lines.next().filter(|_| lines.next().is_none())
}

/// The date of a field, in seconds since the epoch. `None` when there is not exactly one date: then
/// the field is ignored (sections 13.1.3 and 13.1.4).
fn date_of(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    only(headers, name).and_then(|value| date_seconds(value.as_bytes()))
}

/// An HTTP date in seconds since the epoch. `None` when the text is none.
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
