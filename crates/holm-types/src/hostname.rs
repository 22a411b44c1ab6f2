//! A host name as a request names it.

use std::borrow::Cow;
use std::fmt;

/// A host name: lower case, without port and without trailing dot. Checked once, where it enters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hostname<'a>(Cow<'a, str>);

/// The text is no host name (RFC 9110 section 7.2, RFC 3986 section 3.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostnameError {
    /// Nothing before the port.
    #[error("the host is empty")]
    Empty,
    /// Longer than DNS allows.
    #[error("the host is longer than 253 characters")]
    TooLong,
    /// A character that no host name has, user information, or a bad port.
    #[error("the host has a character that no host name has")]
    Character,
}

impl<'a> Hostname<'a> {
    /// Reads the value of a `Host` field or the authority of an absolute target; the port is dropped.
    pub fn parse(authority: &'a str) -> Result<Self, HostnameError> {
        if is_as_it_should_be(authority) {
            return Ok(Self(Cow::Borrowed(authority)));
        }
        Self::parse_any(authority)
    }

    fn parse_any(authority: &'a str) -> Result<Self, HostnameError> {
        let host = strip_port(authority)?;
        let host = host.strip_suffix('.').unwrap_or(host);
        if host.is_empty() {
            return Err(HostnameError::Empty);
        }
        if host.len() > 253 {
            return Err(HostnameError::TooLong);
        }
        let is_bracketed = host.starts_with('[');
        let mut has_upper = false;
        for byte in host.bytes() {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {}
                b'A'..=b'Z' => has_upper = true,
                b'[' | b']' | b':' if is_bracketed => {}
                _ => return Err(HostnameError::Character),
            }
        }
        Ok(Self(if has_upper {
            Cow::Owned(host.to_ascii_lowercase())
        } else {
            Cow::Borrowed(host)
        }))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same name, owning its text.
    pub fn into_owned(self) -> Hostname<'static> {
        Hostname(Cow::Owned(self.0.into_owned()))
    }
}

/// Whether a host is written as nearly all are: nothing to drop, nothing to make small. Looked at whole,
/// without leaving at the first other character, because then many are compared at once.
fn is_as_it_should_be(host: &str) -> bool {
    let bytes = host.as_bytes();
    let is_usual = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_');
    (1..=253).contains(&bytes.len())
        && bytes.last() != Some(&b'.')
        && bytes.iter().fold(true, |all, byte| all & is_usual(*byte))
}

/// Splits off `:port`; the port must be digits (RFC 3986 allows it to be empty).
fn strip_port(authority: &str) -> Result<&str, HostnameError> {
    let after_bracket = authority.rfind(']').map_or(0, |index| index + 1);
    let tail = authority.get(after_bracket..).unwrap_or_default();
    match tail.find(':') {
        None => Ok(authority),
        Some(colon) => {
            let port = tail.get(colon + 1..).unwrap_or_default();
            if port.len() > 5 || !port.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(HostnameError::Character);
            }
            Ok(authority.get(..after_bracket + colon).unwrap_or_default())
        }
    }
}

impl fmt::Display for Hostname<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_as_they_are_and_are_not() {
        let parse = |text: &'static str| Hostname::parse(text).map(|host| host.to_string());
        assert_eq!(
            parse("Blog.Localhost:8088"),
            Ok("blog.localhost".to_owned())
        );
        assert_eq!(parse("a.test."), Ok("a.test".to_owned()));
        assert_eq!(parse("a.test:"), Ok("a.test".to_owned()));
        assert_eq!(parse("[::1]:80"), Ok("[::1]".to_owned()));
        assert_eq!(parse(""), Err(HostnameError::Empty));
        for bad in [
            "u@a.test", "a b", "a/b", "a:80:80", "a:x", "a\\b", "é.test", "a%2e",
        ] {
            assert_eq!(parse(bad), Err(HostnameError::Character), "{bad}");
        }
    }

    #[test]
    fn the_short_way_and_the_long_way_agree() {
        let letters = ["a", "Z", "9", "-", ".", "_", ":", "[", "]", "é", "%", "@"];
        for one in letters {
            for two in letters {
                for three in ["", "a", "8", ".", ":", "]"] {
                    let text = [one, two, three].concat();
                    assert_eq!(Hostname::parse(&text), Hostname::parse_any(&text), "{text}");
                }
            }
        }
        for length in [252, 253, 254] {
            let text = "a".repeat(length);
            assert_eq!(
                Hostname::parse(&text),
                Hostname::parse_any(&text),
                "{length}"
            );
        }
    }
}
