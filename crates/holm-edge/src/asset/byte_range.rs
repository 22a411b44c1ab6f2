//! The part of a file that a client asks for (RFC 9110 section 14).

use std::ops::Range;

/// What a `Range` field comes to for a file of known size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ByteRange {
    /// Send everything: no field, another unit, not understood, or more parts than are sent.
    Whole,
    /// Send this part: 206.
    Part(Range<u64>),
    /// Send these parts, which lie apart: 206 with several.
    Parts(Vec<Range<u64>>),
    /// There is no such part: 416.
    Unsatisfiable,
}

/// What one part of a list comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Spec {
    There(Range<u64>),
    Beyond,
}

/// Parts that are no further apart than this are sent as one: the head of another part is longer.
const GAP_BYTES_MAX: u64 = 80;

impl ByteRange {
    /// Reads the value of a `Range` field for a file of `size_bytes`. More than `count_max` parts are
    /// not followed: nobody can make an answer much larger than the file, or of crumbs (RFC 9110
    /// section 14.2 allows to ignore the field).
    pub(crate) fn parse(value: &[u8], size_bytes: u64, count_max: usize) -> Self {
        let Ok(text) = std::str::from_utf8(value) else {
            return Self::Whole;
        };
        let Some((unit, list)) = text.split_once('=') else {
            return Self::Whole;
        };
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return Self::Whole;
        }
        let mut parts = Vec::new();
        let specs = list
            .split(',')
            .map(str::trim)
            .filter(|spec| !spec.is_empty());
        let mut count = 0;
        for spec in specs {
            count += 1;
            if count > count_max {
                return Self::Whole;
            }
            match Spec::parse(spec, size_bytes) {
                None => return Self::Whole,
                Some(Spec::Beyond) => {}
                Some(Spec::There(range)) => parts.push(range),
            }
        }
        match joined(parts).as_mut_slice() {
            [] if count == 0 => Self::Whole,
            [] => Self::Unsatisfiable,
            [only] => Self::Part(std::mem::take(only)),
            several => Self::Parts(several.to_vec()),
        }
    }
}

/// The parts in the order asked for; where some overlap or nearly touch, in the file's order, with those
/// as one (RFC 9110 section 15.3.7.2).
fn joined(parts: Vec<Range<u64>>) -> Vec<Range<u64>> {
    let mut sorted = parts.clone();
    sorted.sort_unstable_by_key(|part| part.start);
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(parts.len());
    for part in sorted {
        match joined.last_mut() {
            Some(last) if part.start <= last.end.saturating_add(GAP_BYTES_MAX) => {
                last.end = last.end.max(part.end);
            }
            _ => joined.push(part),
        }
    }
    if joined.len() == parts.len() {
        parts
    } else {
        joined
    }
}

impl Spec {
    /// `None` when it is no part of the grammar.
    fn parse(spec: &str, size_bytes: u64) -> Option<Self> {
        match spec.split_once('-')? {
            ("", suffix) => Self::last(suffix, size_bytes),
            (first, last) => Self::between(first, last, size_bytes),
        }
    }

    /// `-500`: the last 500 bytes.
    fn last(suffix: &str, size_bytes: u64) -> Option<Self> {
        Some(match number(suffix)? {
            0 => Self::Beyond,
            _ if size_bytes == 0 => Self::Beyond,
            count => Self::There(size_bytes.saturating_sub(count)..size_bytes),
        })
    }

    /// `500-999` or `500-`.
    fn between(first: &str, last: &str, size_bytes: u64) -> Option<Self> {
        let first = number(first)?;
        let end = match last {
            "" => size_bytes,
            last => {
                let last = number(last)?;
                if last < first {
                    return None;
                }
                last.saturating_add(1).min(size_bytes)
            }
        };
        Some(if first < size_bytes {
            Self::There(first..end)
        } else {
            Self::Beyond
        })
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
            assert_eq!(ByteRange::parse(value.as_bytes(), 100, 4), want, "{value}");
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
        check("bytes=0-1,20-10", Whole);
        check("bytes=0-1,a", Whole);
        check("bytes=0-1,,", Part(0..2));
        check("bytes=", Whole);
        check("bytes=-", Whole);
        check("bytes=a-b", Whole);
        check("bytes=+1-2", Whole);
        check("bytes 0-1", Whole);
        check("items=0-1", Whole);
        check("", Whole);
    }

    #[test]
    fn several_ranges_of_a_thousand_bytes() {
        use ByteRange::{Part, Parts, Unsatisfiable, Whole};
        let check = |value: &str, want: ByteRange| {
            let value = format!("bytes={value}");
            assert_eq!(ByteRange::parse(value.as_bytes(), 1000, 4), want, "{value}");
        };
        check("0-9,500-509", Parts(vec![0..10, 500..510]));
        check("500-509, 0-9", Parts(vec![500..510, 0..10]));
        check("0-9,500-509,-10", Parts(vec![0..10, 500..510, 990..1000]));
        // Overlapping, touching and nearly touching ones are one.
        check("0-9,5-19", Part(0..20));
        check("0-9,10-19", Part(0..20));
        check("0-9,90-99", Part(0..100));
        check("0-9,91-99", Parts(vec![0..10, 91..100]));
        check("500-509,0-9,505-600", Parts(vec![0..10, 500..601]));
        check("0-,0-,0-,0-", Part(0..1000));
        // What lies beyond the end is left out, unless there is nothing else.
        check("0-9,1000-", Part(0..10));
        check("1000-,2000-2001", Unsatisfiable);
        // The fifth is one too many, whatever it says.
        check(
            "0-0,200-200,400-400,600-600",
            Parts(vec![0..1, 200..201, 400..401, 600..601]),
        );
        check("0-0,200-200,400-400,600-600,800-800", Whole);
        check("0-,0-,0-,0-,0-", Whole);
    }

    #[test]
    fn an_empty_file_has_no_part() {
        for value in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
            assert_eq!(
                ByteRange::parse(value.as_bytes(), 0, 4),
                ByteRange::Unsatisfiable
            );
        }
    }
}
