//! The rules for texts in a project file: sources, destinations, header names and values
//! (config-build spec 1.3 and 1.6).

use super::{Field, Reader};
use crate::code;

/// Which of the two kinds of pattern text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Source,
    Destination,
}

impl Reader<'_> {
    /// A `source` or `src` that passes.
    pub(super) fn source(&mut self, field: &Field<'_>) -> Option<Box<str>> {
        let text = self.text(field, "write a pattern in quotes, for example `\"/old/*\"`")?;
        let plain = text.replace("\\?", "?").replace("\\*", "*");
        self.check_pattern(field, &plain, Kind::Source)
            .then(|| text.into())
    }

    /// A `destination` or `dest` that passes.
    pub(super) fn destination(&mut self, field: &Field<'_>) -> Option<Box<str>> {
        let text = self.text(
            field,
            "write a path or a URL in quotes, for example `\"/new/:splat\"`",
        )?;
        let plain = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))
            .unwrap_or(text);
        self.check_pattern(field, plain, Kind::Destination)
            .then(|| text.into())
    }

    /// A header's name that passes.
    pub(super) fn header_name(&mut self, field: &Field<'_>) -> Option<Box<str>> {
        let text = self.text(field, "write the header's name in quotes")?;
        let max = self.limits.header_name_chars_max;
        if !self.check_length(field, text, max) {
            return None;
        }
        if !text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            self.refuse(
                field,
                code::CHAR_MATCH,
                "a header's name has letters, digits and `-` only",
            );
            return None;
        }
        if is_reserved_header(text) {
            self.remark(
                field,
                code::RESERVED_HEADER,
                format!("`{text}` is set by the server alone; this pair has no effect"),
                "take the pair out",
            );
            return None;
        }
        Some(text.into())
    }

    /// A header's value that passes. `name` decides about the form of `Cache-Control`.
    pub(super) fn header_value(&mut self, name: &str, field: &Field<'_>) -> Option<Box<str>> {
        let text = self.text(field, "write the header's value in quotes, numbers too")?;
        let max = self.limits.header_value_chars_max;
        if !self.check_length(field, text, max) {
            return None;
        }
        if text.chars().any(|c| ('\u{4e00}'..='\u{9fa5}').contains(&c)) {
            self.refuse(field, code::CHAR_MATCH, "percent-encode Chinese characters");
            return None;
        }
        if text.chars().any(char::is_control) {
            self.refuse(
                field,
                code::CHAR_MATCH,
                "a header's value is one line, without tabs or control characters",
            );
            return None;
        }
        if name.eq_ignore_ascii_case("cache-control")
            && let Some(problem) = cache_control_problem(text)
        {
            self.refuse_with(
                field,
                code::VALUE_MATCH,
                Some(&problem),
                "give the directive a number of seconds",
            );
            return None;
        }
        Some(text.into())
    }

    /// A text, of any length.
    fn text<'d>(&mut self, field: &Field<'d>, hint: &str) -> Option<&'d str> {
        let text = field.as_str();
        if text.is_none() {
            self.refuse(field, code::INVALID_TYPE, hint);
        }
        text
    }

    fn check_length(&mut self, field: &Field<'_>, text: &str, max: usize) -> bool {
        if text.is_empty() {
            self.refuse(field, code::STRING_MIN, "it must not be empty");
        } else if text.chars().count() > max {
            self.refuse(
                field,
                code::STRING_MAX,
                format!("it may have at most {max} characters"),
            );
        } else {
            return true;
        }
        false
    }

    fn check_pattern(&mut self, field: &Field<'_>, plain: &str, kind: Kind) -> bool {
        let max = self.limits.pattern_chars_max;
        if !self.check_length(field, plain, max) {
            return false;
        }
        if let Some(hint) = pattern_problem(plain, kind) {
            self.refuse(field, code::CHAR_MATCH, hint);
            return false;
        }
        true
    }
}

/// Headers that frame the message or belong to the connection (RFC 9110 section 7.6.1, RFC 9112 section 6),
/// and those by which an answer is traced.
const RESERVED_HEADERS: &[&str] = &[
    "cache-status",
    "connection",
    "content-length",
    "content-range",
    "date",
    "eo-cache-status",
    "eo-log-uuid",
    "etag",
    "keep-alive",
    "last-modified",
    "proxy-connection",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether only the server itself may set this header.
pub(crate) fn is_reserved_header(name: &str) -> bool {
    RESERVED_HEADERS
        .iter()
        .any(|reserved| name.eq_ignore_ascii_case(reserved))
}

fn is_allowed(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_-/:*.~=?#!$&+,;%@ ".contains(character)
}

/// What is wrong with the characters of a pattern, as a hint. `None` when nothing is.
fn pattern_problem(text: &str, kind: Kind) -> Option<String> {
    if let Some(bad) = text.chars().find(|c| !is_allowed(*c)) {
        return Some(if bad.is_ascii() {
            format!(
                "`{}` is not allowed; patterns are no regular expressions",
                bad.escape_debug()
            )
        } else {
            format!("percent-encode `{bad}`")
        });
    }
    let is_named = |after: &str| after.starts_with(|c: char| c.is_ascii_alphanumeric());
    if text.split(':').skip(1).any(|after| !is_named(after)) {
        return Some("a `:` must be followed by a letter or a digit".to_owned());
    }
    let stars = text.matches('*').count();
    if kind == Kind::Destination {
        return (stars > 0).then(|| "write `:splat` for what `*` matched".to_owned());
    }
    if stars > 1 {
        return Some("a pattern has at most one `*`; it takes slashes, too".to_owned());
    }
    for segment in text.split('/') {
        let colons = segment.matches(':').count();
        if colons > 1 {
            return Some("a segment has at most one `:`".to_owned());
        }
        if colons == 1 && segment.contains(['*', '.']) {
            return Some("a segment with a `:` has neither `*` nor `.`".to_owned());
        }
    }
    None
}

/// Directives that mean nothing without a number.
const DIRECTIVES_WITH_VALUE: &[&str] = &["stale-while-revalidate", "stale-if-error"];

fn cache_control_problem(value: &str) -> Option<String> {
    value.split(',').find_map(|directive| {
        let (name, number) = match directive.split_once('=') {
            Some((name, number)) => (name.trim(), Some(number.trim())),
            None => (directive.trim(), None),
        };
        let name = DIRECTIVES_WITH_VALUE
            .iter()
            .find(|known| name.eq_ignore_ascii_case(known))?;
        let rule = match number {
            None => "must be in k=v form",
            Some("") => "must have a value",
            Some(_) => return None,
        };
        Some(format!(
            "Cache-Control directive \"{name}\" {rule} (e.g. {name}=86400)"
        ))
    })
}
