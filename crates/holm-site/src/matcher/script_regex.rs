//! A regular expression of JavaScript in the spelling of the `regex` and `fancy-regex` crates.
//!
//! Most is spelled alike. What differs: `\d`, `\w` and `.` are about fewer characters there, classes have
//! operators here (`[a&&b]`, `[a[b]]`), and `{` stands for itself there where it is no repetition.

use std::fmt::Write;

/// The same expression here. `None` when it is none, or has what only JavaScript has.
pub(super) fn translate(source: &str) -> Option<String> {
    let mut reader = Reader {
        chars: source.chars().collect(),
        at: 0,
        out: String::with_capacity(source.len() + 16),
    };
    reader.read()?;
    Some(reader.out)
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    out: String,
}

/// One part of a class.
enum Atom {
    Character(char),
    /// Several characters, as they are written in a class here.
    Set(&'static str),
}

const DIGIT: &str = "0-9";
const WORD: &str = "0-9A-Za-z_";
const SPACE: &str = r"\s\x{feff}";
const NOT_DIGIT: &str = "[^0-9]";
const NOT_WORD: &str = "[^0-9A-Za-z_]";
const NOT_SPACE: &str = r"[^\s\x{feff}]";

impl Reader {
    fn read(&mut self) -> Option<()> {
        while let Some(character) = self.next() {
            match character {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.group()?,
                '.' => self.out.push_str(r"[^\n\r\x{2028}\x{2029}]"),
                '{' if self.is_repetition() => self.out.push('{'),
                '}' if self.closes_repetition() => self.out.push('}'),
                '{' | '}' | ']' => self.literal(character),
                other => self.out.push(other),
            }
        }
        Some(())
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek(0)?;
        self.at += 1;
        Some(character)
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn next_if(&mut self, wanted: char) -> bool {
        let is_next = self.peek(0) == Some(wanted);
        self.at += usize::from(is_next);
        is_next
    }

    /// Writes a character that stands for itself.
    fn literal(&mut self, character: char) {
        if character.is_ascii_punctuation() {
            self.out.push('\\');
            self.out.push(character);
        } else if character.is_ascii_graphic() || !character.is_ascii() {
            self.out.push(character);
        } else {
            write!(self.out, r"\x{{{:x}}}", u32::from(character)).expect("a string takes text");
        }
    }

    /// Whether what follows is `2}`, `2,}` or `2,3}`.
    fn is_repetition(&self) -> bool {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|character| *character == '}');
        let Some(body) = end.and_then(|end| rest.get(..end)) else {
            return false;
        };
        let mut numbers = body.split(|character| *character == ',');
        let is_number = |number: &[char]| number.iter().all(char::is_ascii_digit);
        let has_first = numbers
            .next()
            .is_some_and(|it| !it.is_empty() && is_number(it));
        has_first && numbers.next().is_none_or(is_number) && numbers.next().is_none()
    }

    /// Whether the `}` that was just read ends a repetition: then only its numbers were written since.
    fn closes_repetition(&self) -> bool {
        let numbers = self
            .out
            .trim_end_matches(|character: char| character.is_ascii_digit() || character == ',');
        numbers.len() < self.out.len() && numbers.ends_with('{') && !numbers.ends_with(r"\{")
    }

    /// What may stand behind `(?`.
    fn group(&mut self) -> Option<()> {
        self.out.push('(');
        if !self.next_if('?') {
            return Some(());
        }
        self.out.push('?');
        match self.next()? {
            kind @ (':' | '=' | '!') => self.out.push(kind),
            '<' => {
                self.out.push('<');
                let next = self.peek(0)?;
                // Look-behind, or the first letter of a name.
                let is_name = next.is_ascii_alphabetic() || next == '_';
                if !matches!(next, '=' | '!') && !is_name {
                    return None;
                }
            }
            _ => return None,
        }
        Some(())
    }

    fn escape(&mut self) -> Option<()> {
        let character = self.next()?;
        match character {
            'd' => self.set(DIGIT),
            'w' => self.set(WORD),
            's' => self.set(SPACE),
            'D' => self.out.push_str(NOT_DIGIT),
            'W' => self.out.push_str(NOT_WORD),
            'S' => self.out.push_str(NOT_SPACE),
            'b' | 'B' | '1'..='9' => {
                self.out.push('\\');
                self.out.push(character);
            }
            'k' if self.peek(0) == Some('<') => self.out.push_str(r"\k"),
            other => {
                let character = self.escaped_character(other)?;
                self.literal(character);
            }
        }
        Some(())
    }

    fn set(&mut self, set: &str) {
        self.out.push('[');
        self.out.push_str(set);
        self.out.push(']');
    }

    /// The one character that an escape stands for.
    fn escaped_character(&mut self, kind: char) -> Option<char> {
        let hex = |reader: &mut Self, digits: usize| {
            let text: String = (0..digits).map_while(|ahead| reader.peek(ahead)).collect();
            let is_hex = text.len() == digits && text.bytes().all(|it| it.is_ascii_hexdigit());
            let code = u32::from_str_radix(&text, 16).ok().filter(|_| is_hex)?;
            reader.at += digits;
            char::from_u32(code)
        };
        match kind {
            't' => Some('\t'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            'v' => Some('\u{b}'),
            'f' => Some('\u{c}'),
            '0' => Some('\0'),
            'x' => hex(self, 2),
            'u' => hex(self, 4),
            'c' => {
                let letter = self.next().filter(char::is_ascii_alphabetic)?;
                char::from_u32(u32::from(letter) % 32)
            }
            other => Some(other),
        }
    }

    /// A class, after its `[`.
    fn class(&mut self) -> Option<()> {
        let is_negated = self.next_if('^');
        if self.next_if(']') {
            self.out
                .push_str(if is_negated { r"[\s\S]" } else { r"[^\s\S]" });
            return Some(());
        }
        self.out.push_str(if is_negated { "[^" } else { "[" });
        while !self.next_if(']') {
            let first = self.atom()?;
            let is_range = self.peek(0) == Some('-') && self.peek(1).is_some_and(|it| it != ']');
            match first {
                Atom::Character(from) if is_range => {
                    self.at += 1;
                    let to = self.atom()?;
                    self.range(from, &to)?;
                }
                Atom::Character(character) => self.literal(character),
                Atom::Set(set) => self.out.push_str(set),
            }
        }
        self.out.push(']');
        Some(())
    }

    /// `from-to`. Where `to` is a set, the `-` stands for itself.
    fn range(&mut self, from: char, to: &Atom) -> Option<()> {
        match to {
            Atom::Character(to) if from <= *to => {
                self.literal(from);
                self.out.push('-');
                self.literal(*to);
            }
            Atom::Character(_) => return None,
            Atom::Set(set) => {
                self.literal(from);
                self.out.push_str(r"\-");
                self.out.push_str(set);
            }
        }
        Some(())
    }

    fn atom(&mut self) -> Option<Atom> {
        let character = self.next()?;
        if character != '\\' {
            return Some(Atom::Character(character));
        }
        Some(match self.next()? {
            'd' => Atom::Set(DIGIT),
            'w' => Atom::Set(WORD),
            's' => Atom::Set(SPACE),
            'D' => Atom::Set(NOT_DIGIT),
            'W' => Atom::Set(NOT_WORD),
            'S' => Atom::Set(NOT_SPACE),
            'b' => Atom::Character('\u{8}'),
            other => Atom::Character(self.escaped_character(other)?),
        })
    }
}
