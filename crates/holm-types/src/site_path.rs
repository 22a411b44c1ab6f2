//! A request path, decoded and checked once, as rules, routes and the manifest match it.

use std::borrow::Cow;
use std::fmt;

/// A path that starts with `/`, percent-decoded exactly once, free of dot segments, backslashes and
/// control characters. An encoded slash stays `%2F` inside its segment, so that a decoded path never
/// has more segments than the path that was sent.
///
/// Everything that looks at a path (rules, cache, files, functions) is given this one value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SitePath<'a>(Cow<'a, str>);

/// Why a request path is refused. All are the client's fault: 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not start with `/`.
    #[error("the path does not start with a slash")]
    NotAbsolute,
    /// `%` without two hexadecimal digits after it.
    #[error("the path has a percent sign that is not followed by two hexadecimal digits")]
    BadEscape,
    /// Still percent-encoded after one decoding: a sign of an attempt to pass a check.
    #[error("the path is percent-encoded more than once")]
    EncodedTwice,
    /// A segment `.` or `..`, encoded or not.
    #[error("the path has a `.` or `..` segment")]
    DotSegment,
    /// A backslash, a control character or NUL, encoded or not.
    #[error("the path has a backslash or a control character")]
    ForbiddenCharacter,
    /// Not UTF-8 once decoded.
    #[error("the path is not UTF-8")]
    NotUtf8,
}

impl<'a> SitePath<'a> {
    /// Reads the path of a request target, without its query.
    pub fn parse(raw: &'a str) -> Result<Self, PathError> {
        if !raw.starts_with('/') {
            return Err(PathError::NotAbsolute);
        }
        if is_as_it_should_be(raw) {
            return Ok(Self(Cow::Borrowed(raw)));
        }
        Self::parse_any(raw)
    }

    fn parse_any(raw: &'a str) -> Result<Self, PathError> {
        let decoded = if raw.contains('%') {
            Cow::Owned(decode(raw)?)
        } else {
            Cow::Borrowed(raw)
        };
        if decoded
            .bytes()
            .any(|byte| byte < 0x20 || byte == 0x7f || byte == b'\\')
        {
            return Err(PathError::ForbiddenCharacter);
        }
        if decoded.contains("/.") && decoded.split('/').any(|part| part == "." || part == "..") {
            return Err(PathError::DotSegment);
        }
        Ok(Self(decoded))
    }

    /// The decoded path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same path, owning its text.
    pub fn into_owned(self) -> SitePath<'static> {
        SitePath(Cow::Owned(self.0.into_owned()))
    }
}

/// Whether a path is written as nearly all are: nothing to decode, nothing that could be forbidden. Looked
/// at whole, without leaving at the first other character, because then many are compared at once.
fn is_as_it_should_be(path: &str) -> bool {
    let bytes = path.as_bytes();
    let is_usual = |byte: u8| !matches!(byte, 0..0x20 | 0x7f | b'\\' | b'%');
    let are_usual = bytes.iter().fold(true, |all, byte| all & is_usual(*byte));
    let is_dotted = bytes.array_windows().any(|pair| pair == b"/.");
    are_usual && !is_dotted
}

fn decode(raw: &str) -> Result<String, PathError> {
    let mut out: Vec<u8> = Vec::with_capacity(raw.len());
    // Where decoding made a percent sign, so that `%2525` and `%252e` are seen.
    let mut made_percent: Vec<usize> = Vec::new();
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let (Some(high), Some(low)) = (hex(bytes.next()), hex(bytes.next())) else {
            return Err(PathError::BadEscape);
        };
        match high << 4 | low {
            b'/' => out.extend_from_slice(b"%2F"),
            b'%' => {
                made_percent.push(out.len());
                out.push(b'%');
            }
            decoded => out.push(decoded),
        }
    }
    let still_encoded = |at: &usize| {
        hex(out.get(at + 1).copied()).is_some() && hex(out.get(at + 2).copied()).is_some()
    };
    if made_percent.iter().any(still_encoded) {
        return Err(PathError::EncodedTwice);
    }
    String::from_utf8(out).map_err(|_| PathError::NotUtf8)
}

fn hex(byte: Option<u8>) -> Option<u8> {
    match byte? {
        digit @ b'0'..=b'9' => Some(digit - b'0'),
        digit @ b'a'..=b'f' => Some(digit - b'a' + 10),
        digit @ b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

impl fmt::Display for SitePath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, want: Result<&str, PathError>) {
        let got = SitePath::parse(raw).map(|path| path.to_string());
        assert_eq!(got, want.map(str::to_owned), "{raw}");
    }

    #[test]
    fn decodes_once() {
        check("/", Ok("/"));
        check("/a%20b", Ok("/a b"));
        check("/%E6%A0%87", Ok("/标"));
        check("/a%2fb", Ok("/a%2Fb"));
        check("/100%25", Ok("/100%"));
        check("/a.b/..c/.well-known/x", Ok("/a.b/..c/.well-known/x"));
        check("//x", Ok("//x"));
    }

    #[test]
    fn refuses_hostile_paths() {
        check("x", Err(PathError::NotAbsolute));
        check("/%", Err(PathError::BadEscape));
        check("/%zz", Err(PathError::BadEscape));
        check("/%2", Err(PathError::BadEscape));
        check("/%252e", Err(PathError::EncodedTwice));
        check("/%25%32%65", Err(PathError::EncodedTwice));
        check("/%252F", Err(PathError::EncodedTwice));
        check("/..", Err(PathError::DotSegment));
        check("/a/../b", Err(PathError::DotSegment));
        check("/%2e%2e/b", Err(PathError::DotSegment));
        check("/a/.", Err(PathError::DotSegment));
        check("/..%2f..%2fetc", Ok("/..%2F..%2Fetc"));
        check("/%5c..%5c", Err(PathError::ForbiddenCharacter));
        check("/a\\b", Err(PathError::ForbiddenCharacter));
        check("/a%00", Err(PathError::ForbiddenCharacter));
        check("/a%0d%0a", Err(PathError::ForbiddenCharacter));
        check("/%ff%fe", Err(PathError::NotUtf8));
        check("/%c0%ae%c0%ae/", Err(PathError::NotUtf8));
    }

    #[test]
    fn the_short_way_and_the_long_way_agree() {
        let pieces = [
            "/", "a", ".", "..", "%2e", "%", "\\", "\u{7f}", "\u{1f}", "é", " ",
        ];
        for one in pieces {
            for two in pieces {
                for three in pieces {
                    let raw = ["/", one, two, three].concat();
                    assert_eq!(SitePath::parse(&raw), SitePath::parse_any(&raw), "{raw}");
                }
            }
        }
    }
}
