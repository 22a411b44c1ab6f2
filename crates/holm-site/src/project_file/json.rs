//! A JSON5 text as a tree in which every value knows its line and its path.
//!
//! The parser is `jsonc-parser`: it reads all of JSON5, gives the place of every value, limits the depth and
//! depends on nothing. Of the others, `json5` gives places in errors only, `json-five` gives none in its tree.

use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

/// A parsed text.
#[derive(Debug)]
pub(crate) struct Document<'t> {
    root: Option<Value<'t>>,
    lines: Lines,
}

/// Why a text is not JSON5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    /// In words, with line and column.
    pub(crate) message: String,
    /// From 1. `None` when no line is to blame.
    pub(crate) line: Option<u32>,
}

/// Where the lines of a text begin.
#[derive(Debug)]
struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    fn new(text: &str) -> Self {
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self {
            starts: starts.map(|(at, _)| at + 1).collect(),
        }
    }

    fn at(&self, offset: usize) -> u32 {
        let before = self.starts.partition_point(|start| *start <= offset);
        u32::try_from(before + 1).unwrap_or(u32::MAX)
    }
}

impl<'t> Document<'t> {
    /// Parses a text. A byte order mark in front is white space.
    pub(crate) fn parse(bytes: &'t [u8]) -> Result<Self, SyntaxError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let line = bytes
                .iter()
                .take(error.valid_up_to())
                .filter(|byte| **byte == b'\n')
                .count();
            SyntaxError {
                message: "the text is not UTF-8".to_owned(),
                line: u32::try_from(line + 1).ok(),
            }
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let options = ParseOptions {
            allow_missing_commas: false,
            ..ParseOptions::default()
        };
        let parsed = parse_to_ast(text, &CollectOptions::default(), &options).map_err(|error| {
            let (line, column) = (error.line_display(), error.column_display());
            SyntaxError {
                message: format!(
                    "{} at {line}:{column}",
                    error.kind().to_string().to_lowercase()
                ),
                line: u32::try_from(line).ok(),
            }
        })?;
        if parsed.value.is_none() {
            return Err(SyntaxError {
                message: "the text is empty".to_owned(),
                line: Some(1),
            });
        }
        Ok(Self {
            root: parsed.value,
            lines: Lines::new(text),
        })
    }

    /// The outermost value.
    pub(crate) fn root(&self) -> Field<'_> {
        Field {
            value: self.root.as_ref(),
            path: "root".to_owned(),
            lines: &self.lines,
            line: 1,
        }
    }
}

/// A place in a document, whether or not a value stands there.
#[derive(Clone, Debug)]
pub(crate) struct Field<'d> {
    value: Option<&'d Value<'d>>,
    path: String,
    lines: &'d Lines,
    /// The line of the value, or of what should hold it.
    line: u32,
}

impl<'d> Field<'d> {
    /// How findings call this place: `root.redirects.[1].statusCode`.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The line of the value; when there is none, of the object it is missing from.
    pub(crate) fn line(&self) -> u32 {
        self.line
    }

    pub(crate) fn is_absent(&self) -> bool {
        self.value.is_none()
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.value, Some(Value::NullKeyword(_)))
    }

    pub(crate) fn is_object(&self) -> bool {
        matches!(self.value, Some(Value::Object(_)))
    }

    pub(crate) fn as_str(&self) -> Option<&'d str> {
        match self.value {
            Some(Value::StringLit(text)) => Some(&text.value),
            _ => None,
        }
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self.value {
            Some(Value::BooleanLit(value)) => Some(value.value),
            _ => None,
        }
    }

    /// The number as JavaScript reads it.
    pub(crate) fn as_number(&self) -> Option<f64> {
        match self.value {
            Some(Value::NumberLit(number)) => number_of(number.value),
            _ => None,
        }
    }

    /// The number, if it is whole, not negative, and exact in JavaScript.
    pub(crate) fn as_whole_number(&self) -> Option<u64> {
        whole(self.as_number()?)
    }

    /// The value under a key; of two with one key the later, as in JavaScript.
    pub(crate) fn get(&self, key: &str) -> Self {
        let property = match self.value {
            Some(Value::Object(object)) => object
                .properties
                .iter()
                .rev()
                .find(|property| property.name.as_str() == key),
            _ => None,
        };
        self.child(property.map(|property| &property.value), key)
    }

    /// The values of an array. `None` when it is none.
    pub(crate) fn elements(&self) -> Option<Vec<Self>> {
        let Some(Value::Array(array)) = self.value else {
            return None;
        };
        let numbered = array.elements.iter().enumerate();
        Some(
            numbered
                .map(|(at, value)| self.child(Some(value), &format!("[{at}]")))
                .collect(),
        )
    }

    fn child(&self, value: Option<&'d Value<'d>>, name: &str) -> Self {
        Self {
            value,
            path: format!("{}.{name}", self.path),
            lines: self.lines,
            line: value.map_or(self.line, |value| self.lines.at(value.range().start)),
        }
    }
}

/// The value of a JSON5 number.
fn number_of(text: &str) -> Option<f64> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1.0, text.get(1..)?),
        b'+' => (1.0, text.get(1..)?),
        _ => (1.0, text),
    };
    let hexadecimal = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"));
    let value = match (hexadecimal, digits) {
        (Some(hexadecimal), _) => hexadecimal.chars().try_fold(0.0, |value: f64, digit| {
            digit
                .to_digit(16)
                .map(|digit| value * 16.0 + f64::from(digit))
        })?,
        (None, "Infinity") => f64::INFINITY,
        (None, "NaN") => f64::NAN,
        (None, digits) => digits.parse().ok()?,
    };
    Some(sign * value)
}

/// Beyond this a number of JavaScript no longer names one integer.
const SAFE_MAX: f64 = 9_007_199_254_740_991.0;

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number is whole and between 0 and 2^53"
)]
fn whole(number: f64) -> Option<u64> {
    let is_whole = number.fract() == 0.0 && (0.0..=SAFE_MAX).contains(&number);
    is_whole.then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_json5_is_read() {
        let text = "\u{feff}// comment\n{ /* more */ bare: 'single \\'x\\' \"y\"', $a_1: +1, \"b\": .5, c: 5.,\n \
                    hex: 0xFf, inf: -Infinity, nan: NaN, e: 1e3, \n long: 'a\\\nb', esc: '\\x41\\u0042\\v', \
                    unicode\u{e9}: [1, 2,], t: true, n: null,}";
        let document = Document::parse(text.as_bytes()).expect("this is JSON5");
        let root = document.root();
        assert_eq!(root.get("bare").as_str(), Some("single 'x' \"y\""));
        assert_eq!(root.get("$a_1").as_number(), Some(1.0));
        assert_eq!(root.get("b").as_number(), Some(0.5));
        assert_eq!(root.get("c").as_whole_number(), Some(5));
        assert_eq!(root.get("hex").as_whole_number(), Some(255));
        assert_eq!(root.get("inf").as_number(), Some(f64::NEG_INFINITY));
        assert_eq!(root.get("inf").as_whole_number(), None);
        assert!(root.get("nan").as_number().is_some_and(f64::is_nan));
        assert_eq!(root.get("e").as_whole_number(), Some(1000));
        assert_eq!(root.get("long").as_str(), Some("ab"));
        assert_eq!(root.get("esc").as_str(), Some("AB\u{b}"));
        assert_eq!(
            root.get("unicodeé").elements().map(|all| all.len()),
            Some(2)
        );
        assert_eq!(root.get("t").as_bool(), Some(true));
        assert!(root.get("n").is_null());
        assert!(root.get("missing").is_absent());
    }

    #[test]
    fn values_know_line_and_path() {
        let document =
            Document::parse(b"{\n  a: [\n    1,\r\n    { b: 2 }\n  ]\n}").expect("this is JSON5");
        let elements = document.root().get("a").elements().expect("an array");
        let field = elements[1].get("b");
        assert_eq!((field.path(), field.line()), ("root.a.[1].b", 4));
        let missing = elements[1].get("c");
        assert_eq!((missing.path(), missing.line()), ("root.a.[1].c", 4));
    }

    #[test]
    fn the_later_of_two_equal_keys_counts() {
        let document = Document::parse(b"{a: 1, a: 2}").expect("this is JSON5");
        assert_eq!(document.root().get("a").as_number(), Some(2.0));
    }

    #[test]
    fn what_is_not_json5_is_refused_with_a_place() {
        for (text, line) in [
            (&b""[..], 1),
            (b"{", 1),
            (b"{\n a 1 }", 2),
            (b"{a: 1 b: 2}", 1),
            (b"{a: 1}\n{}", 2),
            (b"{a: 01}", 1),
            (b"\n\xff", 2),
            (b"{'a: 1}", 1),
        ] {
            let error = Document::parse(text).expect_err("this is not JSON5");
            assert_eq!(error.line, Some(line), "{}", String::from_utf8_lossy(text));
        }
        let deep = "[".repeat(100_000);
        assert!(Document::parse(deep.as_bytes()).is_err());
    }
}
