//! An access record as one line of JSON. Written by hand: the shape is small, the writer is on every
//! request's bill, and nothing a visitor sends may leave its string.

use std::fmt::{Display, Write};
use std::net::IpAddr;

use holm_types::{DeploymentId, ProjectId, Timestamp};

use crate::plain_text::is_control;
use crate::{AccessRecord, CacheStatus, FaultSource, Protocol, SendOutcome, ServedBy};

/// Turns records into lines. Keeps the text of what was shown last, because neighbours are alike.
#[derive(Debug, Default)]
pub(crate) struct LineWriter {
    second: Remembered<Timestamp>,
    peer: Remembered<IpAddr>,
    project: Remembered<ProjectId>,
    deployment: Remembered<DeploymentId>,
}

impl LineWriter {
    /// Appends the record and a line feed.
    pub(crate) fn append(&mut self, line: &mut String, record: &AccessRecord) {
        line.push_str("{\"at\":\"");
        self.time(line, record.at);
        line.push('"');
        // A number of 64 bits does not survive every reader of JSON; in a string it does.
        key(line, "request_id");
        line.push('"');
        digits(line, record.request_id.as_u64());
        line.push('"');
        number(line, "duration_us", record.duration_us);
        string(line, "peer", self.peer.text(record.peer));
        if let Some(protocol) = record.protocol {
            string(line, "protocol", protocol_text(protocol));
        }
        if record.is_secure {
            line.push_str(",\"is_secure\":true");
        }
        text(line, "host", &record.host);
        if let Some(id) = record.project_id {
            string(line, "project", self.project.text(id));
        }
        if let Some(id) = record.deployment_id {
            string(line, "deployment", self.deployment.text(id));
        }
        text(line, "method", &record.method);
        text(line, "target", &record.target);
        number(line, "status", u64::from(record.status));
        number(line, "sent_bytes", record.sent_bytes);
        string(line, "served_by", served_by(record.served_by));
        string(line, "cache", cache(record.cache));
        string(line, "outcome", outcome(record.outcome));
        if let Some(source) = record.fault {
            string(line, "fault", fault(source));
        }
        optional(line, "reason", record.reason.as_deref());
        optional(line, "user_agent", record.user_agent.as_deref());
        optional(line, "referer", record.referer.as_deref());
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

fn append(line: &mut String, value: impl Display) {
    write!(line, "{value}").expect("a String takes any text");
}

fn key(line: &mut String, name: &str) {
    line.push_str(",\"");
    line.push_str(name);
    line.push_str("\":");
}

fn number(line: &mut String, name: &str, value: u64) {
    key(line, name);
    digits(line, value);
}

/// A number without the formatting machinery, which costs more than all the rest of a line.
fn digits(line: &mut String, value: u64) {
    line.push_str(itoa::Buffer::new().format(value));
}

/// A value of ours, known to hold nothing that needs escaping.
fn string(line: &mut String, name: &str, value: &str) {
    key(line, name);
    line.push('"');
    line.push_str(value);
    line.push('"');
}

fn optional(line: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        text(line, name, value);
    }
}

/// A value that came from outside.
fn text(line: &mut String, name: &str, value: &str) {
    key(line, name);
    line.push('"');
    if value.bytes().all(is_plain) {
        line.push_str(value);
        line.push('"');
        return;
    }
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
    line.push('"');
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

fn served_by(value: ServedBy) -> &'static str {
    match value {
        ServedBy::Asset => "asset",
        ServedBy::Redirect => "redirect",
        ServedBy::Function => "function",
        ServedBy::Page => "page",
        ServedBy::Connection => "connection",
    }
}

/// As in ALPN where there is a name (RFC 7301 and the IANA registry).
fn protocol_text(value: Protocol) -> &'static str {
    match value {
        Protocol::Http10 => "http/1.0",
        Protocol::Http11 => "http/1.1",
        Protocol::Http2 => "h2",
    }
}

fn cache(value: CacheStatus) -> &'static str {
    match value {
        CacheStatus::Hit => "hit",
        CacheStatus::RefreshHit => "refresh_hit",
        CacheStatus::Miss => "miss",
        CacheStatus::Bypass => "bypass",
    }
}

fn fault(value: FaultSource) -> &'static str {
    match value {
        FaultSource::Client => "client",
        FaultSource::Site => "site",
        FaultSource::Platform => "platform",
    }
}

fn outcome(value: SendOutcome) -> &'static str {
    match value {
        SendOutcome::Sent => "sent",
        SendOutcome::ClientGone => "client_gone",
        SendOutcome::Failed => "failed",
    }
}

#[cfg(test)]
mod tests;
