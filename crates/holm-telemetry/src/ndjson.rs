//! An access record as one line of JSON. Written by hand: the shape is small, the writer is on every
//! request's bill, and nothing a visitor sends may leave its string.

use std::fmt::{Display, Write};
use std::net::IpAddr;
use std::sync::Arc;

use holm_types::{DeploymentId, ProjectId, Timestamp};

use crate::plain_text::is_control;
use crate::{AccessRecord, CacheStatus, FaultSource, Protocol, SendOutcome, ServedBy};

/// Turns records into lines. Keeps the text of what was shown last, because neighbours are alike.
#[derive(Debug, Default)]
pub(crate) struct LineWriter {
    second: Remembered<Timestamp>,
    peer: Remembered<IpAddr>,
    place: RememberedPlace,
}

impl LineWriter {
    /// Appends the record and a line feed.
    pub(crate) fn append(&mut self, line: &mut String, record: &AccessRecord) {
        line.push_str("{\"at\":\"");
        self.time(line, record.at);
        // A number of 64 bits does not survive every reader of JSON; in a string it does.
        line.push_str("\",\"request_id\":\"");
        digits(line, record.request_id.as_u64());
        line.push_str("\",\"duration_us\":");
        digits(line, record.duration_us);
        string(line, ",\"peer\":\"", self.peer.text(record.peer));
        if let Some(protocol) = record.protocol {
            line.push_str(protocol_member(protocol));
        }
        if record.is_secure {
            line.push_str(",\"is_secure\":true");
        }
        line.push_str(self.place.text(record));
        text(line, ",\"method\":\"", &record.method);
        text(line, ",\"target\":\"", &record.target);
        line.push_str(",\"status\":");
        digits(line, u64::from(record.status));
        line.push_str(",\"sent_bytes\":");
        digits(line, record.sent_bytes);
        line.push_str(served_by_member(record.served_by));
        line.push_str(cache_member(record.cache));
        line.push_str(outcome_member(record.outcome));
        if let Some(source) = record.fault {
            line.push_str(fault_member(source));
        }
        optional(line, ",\"reason\":\"", record.reason.as_deref());
        optional(line, ",\"user_agent\":\"", record.user_agent.as_deref());
        optional(line, ",\"referer\":\"", record.referer.as_deref());
        line.push_str("}\n");
    }

    /// RFC 3339 with milliseconds; the part up to the second is formatted once a second.
    fn time(&mut self, line: &mut String, at: Timestamp) {
        let ms = at.unix_ms().rem_euclid(1000);
        let second = Timestamp::from_unix_ms(at.unix_ms() - ms);
        let whole = self.second.text(second);
        match whole.strip_suffix(".000Z") {
            Some(head) => {
                line.push_str(head);
                line.push('.');
                for place in [100, 10, 1] {
                    let digit = u8::try_from(ms / place % 10).unwrap_or(0);
                    line.push(char::from(b'0' + digit));
                }
                line.push('Z');
            }
            // A year beyond what RFC 3339 can say.
            None => append(line, at),
        }
    }
}

/// The text of the value that was shown last.
#[derive(Debug)]
struct Remembered<T> {
    value: Option<T>,
    text: String,
}

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self {
            value: None,
            text: String::new(),
        }
    }
}

impl<T: PartialEq + Display + Copy> Remembered<T> {
    fn text(&mut self, value: T) -> &str {
        if self.value != Some(value) {
            self.text.clear();
            append(&mut self.text, value);
            self.value = Some(value);
        }
        &self.text
    }
}

/// The members about the host that was asked last. Its text is shared with the host table, so the same
/// host is the same address.
#[derive(Debug, Default)]
struct RememberedPlace {
    asked: Option<(Arc<str>, Option<ProjectId>, Option<DeploymentId>)>,
    text: String,
}

impl RememberedPlace {
    fn text(&mut self, record: &AccessRecord) -> &str {
        let is_same = self
            .asked
            .as_ref()
            .is_some_and(|(host, project, deployment)| {
                Arc::ptr_eq(host, &record.host)
                    && *project == record.project_id
                    && *deployment == record.deployment_id
            });
        if !is_same {
            self.write(record);
        }
        &self.text
    }

    fn write(&mut self, record: &AccessRecord) {
        self.text.clear();
        text(&mut self.text, ",\"host\":\"", &record.host);
        if let Some(id) = record.project_id {
            append(&mut self.text, format_args!(",\"project\":\"{id}\""));
        }
        if let Some(id) = record.deployment_id {
            append(&mut self.text, format_args!(",\"deployment\":\"{id}\""));
        }
        let host = Arc::clone(&record.host);
        self.asked = Some((host, record.project_id, record.deployment_id));
    }
}

fn append(line: &mut String, value: impl Display) {
    write!(line, "{value}").expect("a String takes any text");
}

/// A number without the formatting machinery, which costs more than all the rest of a line.
fn digits(line: &mut String, value: u64) {
    line.push_str(itoa::Buffer::new().format(value));
}

/// A value of ours, known to hold nothing that needs escaping. `opening` is all up to the value: a piece
/// whose length is known costs no call.
#[inline]
fn string(line: &mut String, opening: &'static str, value: &str) {
    line.push_str(opening);
    line.push_str(value);
    line.push('"');
}

#[inline]
fn optional(line: &mut String, opening: &'static str, value: Option<&str>) {
    if let Some(value) = value {
        text(line, opening, value);
    }
}

/// A value that came from outside; `opening` as with [`string`].
#[inline]
fn text(line: &mut String, opening: &'static str, value: &str) {
    if is_plain_text(value) {
        string(line, opening, value);
    } else {
        line.push_str(opening);
        escaped(line, value);
        line.push('"');
    }
}

fn escaped(line: &mut String, value: &str) {
    let is_special = |character| matches!(character, '"' | '\\') || is_control(character);
    for piece in value.split_inclusive(is_special) {
        match piece.chars().next_back().filter(|last| is_special(*last)) {
            Some(last) => {
                line.push_str(piece.strip_suffix(last).unwrap_or(piece));
                escape(line, last);
            }
            None => line.push_str(piece),
        }
    }
}

/// Eight at a time, because so many are compared at once.
fn is_plain_text(value: &str) -> bool {
    let (eights, rest) = value.as_bytes().as_chunks::<8>();
    let are_plain = |bytes: &[u8]| bytes.iter().fold(true, |all, byte| all & is_plain(*byte));
    eights.iter().all(|bytes| are_plain(bytes)) && are_plain(rest)
}

/// What stands in a JSON string as it is, and is no part of a longer character.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

fn escape(line: &mut String, character: char) {
    match character {
        '"' => line.push_str("\\\""),
        '\\' => line.push_str("\\\\"),
        // Every control character is below U+FFFF, so one \u is enough (RFC 8259 section 7).
        other => append(line, format_args!("\\u{:04x}", u32::from(other))),
    }
}

// Whole members, so that each is one piece.

fn served_by_member(value: ServedBy) -> &'static str {
    match value {
        ServedBy::Asset => r#","served_by":"asset""#,
        ServedBy::Redirect => r#","served_by":"redirect""#,
        ServedBy::Function => r#","served_by":"function""#,
        ServedBy::Page => r#","served_by":"page""#,
        ServedBy::Connection => r#","served_by":"connection""#,
    }
}

/// As in ALPN where there is a name (RFC 7301 and the IANA registry).
fn protocol_member(value: Protocol) -> &'static str {
    match value {
        Protocol::Http10 => r#","protocol":"http/1.0""#,
        Protocol::Http11 => r#","protocol":"http/1.1""#,
        Protocol::Http2 => r#","protocol":"h2""#,
    }
}

fn cache_member(value: CacheStatus) -> &'static str {
    match value {
        CacheStatus::Hit => r#","cache":"hit""#,
        CacheStatus::RefreshHit => r#","cache":"refresh_hit""#,
        CacheStatus::Miss => r#","cache":"miss""#,
        CacheStatus::Bypass => r#","cache":"bypass""#,
    }
}

fn fault_member(value: FaultSource) -> &'static str {
    match value {
        FaultSource::Client => r#","fault":"client""#,
        FaultSource::Site => r#","fault":"site""#,
        FaultSource::Platform => r#","fault":"platform""#,
    }
}

fn outcome_member(value: SendOutcome) -> &'static str {
    match value {
        SendOutcome::Sent => r#","outcome":"sent""#,
        SendOutcome::ClientGone => r#","outcome":"client_gone""#,
        SendOutcome::Failed => r#","outcome":"failed""#,
    }
}

#[cfg(test)]
mod tests;
