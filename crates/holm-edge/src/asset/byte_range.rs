//! The part of a file that a client asks for (RFC 9110 section 14).

use std::ops::Range;

/// What a `Range` field comes to for a file of known size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ByteRange {
    /// Send everything: no field, another unit, not understood, or several ranges. Several are never
    /// sent in parts, so nobody can multiply a file with them.
    Whole,
    /// Send this part: 206.
    Part(Range<u64>),
    /// There is no such part: 416.
    Unsatisfiable,
}

impl ByteRange {
    /// Reads the value of a `Range` field for a file of `size_bytes`.
    pub(crate) fn parse(value: &[u8], size_bytes: u64) -> Self {
        let Ok(text) = std::str::from_utf8(value) else {
            return Self::Whole;
        };
        let Some((unit, ranges)) = text.split_once('=') else {
            return Self::Whole;
        };
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return Self::Whole;
        }
        match ranges.trim().split_once('-') {
            Some(("", suffix)) => Self::last(suffix, size_bytes),
            Some((first, last)) => Self::between(first, last, size_bytes),
            None => Self::Whole,
        }
    }

    /// `-500`: the last 500 bytes.
    fn last(suffix: &str, size_bytes: u64) -> Self {
        match number(suffix) {
            None => Self::Whole,
            Some(0) => Self::Unsatisfiable,
            Some(_) if size_bytes == 0 => Self::Unsatisfiable,
            Some(count) => Self::Part(size_bytes.saturating_sub(count)..size_bytes),
        }
    }

    /// `500-999` or `500-`.
    fn between(first: &str, last: &str, size_bytes: u64) -> Self {
        let end = match last {
            "" => Some(size_bytes),
            last => number(last).map(|last| last.saturating_add(1).min(size_bytes)),
        };
        match (number(first), end, number(last)) {
            (Some(first), Some(_), Some(last)) if last < first => Self::Whole,
            (Some(first), Some(_), _) if first >= size_bytes => Self::Unsatisfiable,
            (Some(first), Some(end), _) => Self::Part(first..end),
            _ => Self::Whole,
        }
    }
}

/// A number of digits only; one that is too large counts as the largest.
fn number(text: &str) -> Option<u64> {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_a_hundred_bytes() {
        use ByteRange::{Part, Unsatisfiable, Whole};
        let check = |value: &str, want: ByteRange| {
            assert_eq!(ByteRange::parse(value.as_bytes(), 100), want, "{value}");
        };
        check("bytes=0-0", Part(0..1));
        check("bytes=10-19", Part(10..20));
        check("bytes=10-", Part(10..100));
        check("bytes=0-99", Part(0..100));
        check("bytes=0-100", Part(0..100));
        check("bytes=99-9999999999999999999999", Part(99..100));
        check("Bytes= 1-2", Part(1..3));
        check("bytes=-1", Part(99..100));
        check("bytes=-1000", Part(0..100));
        check("bytes=-0", Unsatisfiable);
        check("bytes=100-", Unsatisfiable);
        check("bytes=100-200", Unsatisfiable);
        check("bytes=9999999999999999999999-", Unsatisfiable);
        check("bytes=20-10", Whole);
        check("bytes=0-1,3-4", Whole);
        check("bytes=0-1, -1", Whole);
        check("bytes=0-,0-,0-,0-", Whole);
        check("bytes=", Whole);
        check("bytes=-", Whole);
        check("bytes=a-b", Whole);
        check("bytes=+1-2", Whole);
        check("bytes 0-1", Whole);
        check("items=0-1", Whole);
        check("", Whole);
    }

    #[test]
    fn an_empty_file_has_no_part() {
        for value in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
            assert_eq!(
                ByteRange::parse(value.as_bytes(), 0),
                ByteRange::Unsatisfiable
            );
        }
    }
}
