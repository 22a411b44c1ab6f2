//! Path templates: literal text, `:name`, `(expression)`, `{prefix:name}`, each with `?`, `*` or `+` behind.
//!
//! The grammar is that of `path-to-regexp` 6, with which `EdgeOne` reads matchers: whole path, case-sensitive, and
//! one of `/ # ?` may stand at the end.

use std::fmt::Write;
use std::iter::Peekable;
use std::str::Chars;

/// What a parameter takes when the template does not say.
const SEGMENT: &str = "[^/#?]+?";

/// A character that belongs to the parameter behind it: an optional parameter takes it along.
const PREFIXES: [char; 2] = ['/', '.'];

/// The template as a regular expression of JavaScript. `None` when it is no template.
pub(super) fn to_regex(template: &str) -> Option<String> {
    let tokens = tokens(template)?;
    let mut reader = Reader {
        tokens: tokens.into_iter().peekable(),
        literal: String::new(),
        out: String::from("^"),
    };
    reader.read()?;
    reader.out.push_str("[/#?]?$");
    Some(reader.out)
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Character(char),
    /// Written with a backslash: it stands for itself and is nobody's prefix.
    Escaped(char),
    Name,
    /// An expression in parentheses.
    Pattern(String),
    Modifier(char),
    Open,
    Close,
}

fn tokens(template: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut chars = template.chars().peekable();
    while let Some(character) = chars.next() {
        tokens.push(match character {
            '*' | '+' | '?' => Token::Modifier(character),
            '\\' => Token::Escaped(chars.next()?),
            '{' => Token::Open,
            '}' => Token::Close,
            ':' => name(&mut chars)?,
            '(' => Token::Pattern(pattern(&mut chars)?),
            other => Token::Character(other),
        });
    }
    Some(tokens)
}

fn name(chars: &mut Peekable<Chars<'_>>) -> Option<Token> {
    let is_name = |character: &char| character.is_ascii_alphanumeric() || *character == '_';
    chars.next_if(is_name)?;
    while chars.next_if(is_name).is_some() {}
    Some(Token::Name)
}

/// What stands between the parentheses. A group in it must not capture.
fn pattern(chars: &mut Peekable<Chars<'_>>) -> Option<String> {
    if chars.peek() == Some(&'?') {
        return None;
    }
    let mut text = String::new();
    let mut depth = 1_u32;
    loop {
        let character = chars.next()?;
        match character {
            '\\' => {
                text.push(character);
                text.push(chars.next()?);
                continue;
            }
            ')' if depth == 1 => return (!text.is_empty()).then_some(text),
            ')' => depth -= 1,
            '(' if chars.peek() == Some(&'?') => depth += 1,
            '(' => return None,
            _ => {}
        }
        text.push(character);
    }
}

struct Reader<T: Iterator<Item = Token>> {
    tokens: Peekable<T>,
    /// Text that was read and is not written yet.
    literal: String,
    out: String,
}

impl<T: Iterator<Item = Token>> Reader<T> {
    fn read(&mut self) -> Option<()> {
        while let Some(token) = self.tokens.next() {
            match token {
                Token::Character(prefix) => match self.parameter() {
                    Some(pattern) if PREFIXES.contains(&prefix) => {
                        self.flush();
                        self.write_parameter(&prefix.to_string(), &pattern, "");
                    }
                    Some(pattern) => {
                        self.literal.push(prefix);
                        self.flush();
                        self.write_parameter("", &pattern, "");
                    }
                    None => self.literal.push(prefix),
                },
                Token::Escaped(character) => self.literal.push(character),
                Token::Name => {
                    let pattern = self.pattern().unwrap_or_else(|| SEGMENT.to_owned());
                    self.flush();
                    self.write_parameter("", &pattern, "");
                }
                Token::Pattern(pattern) => {
                    self.flush();
                    self.write_parameter("", &pattern, "");
                }
                Token::Open => self.group()?,
                Token::Close | Token::Modifier(_) => return None,
            }
        }
        self.flush();
        Some(())
    }

    /// `{prefix:name(expression)suffix}`; each part may be missing.
    fn group(&mut self) -> Option<()> {
        let prefix = self.text();
        let pattern = self.parameter();
        let suffix = self.text();
        if self.tokens.next() != Some(Token::Close) {
            return None;
        }
        self.flush();
        if let Some(pattern) = pattern {
            self.write_parameter(&prefix, &pattern, &suffix);
        } else {
            let modifier = self.modifier();
            let modifier = modifier.map(String::from).unwrap_or_default();
            let text = escaped(&prefix) + &escaped(&suffix);
            write!(self.out, "(?:{text}){modifier}").expect("a string takes text");
        }
        Some(())
    }

    fn text(&mut self) -> String {
        let mut text = String::new();
        while let Some(Token::Character(character) | Token::Escaped(character)) = self
            .tokens
            .next_if(|token| matches!(token, Token::Character(_) | Token::Escaped(_)))
        {
            text.push(character);
        }
        text
    }

    /// What the parameter that comes next takes. `None` when none does.
    fn parameter(&mut self) -> Option<String> {
        let is_named = self.tokens.next_if_eq(&Token::Name).is_some();
        let pattern = self.pattern();
        pattern.or_else(|| is_named.then(|| SEGMENT.to_owned()))
    }

    fn pattern(&mut self) -> Option<String> {
        match self
            .tokens
            .next_if(|token| matches!(token, Token::Pattern(_)))?
        {
            Token::Pattern(pattern) => Some(pattern),
            _ => None,
        }
    }

    fn modifier(&mut self) -> Option<char> {
        match self
            .tokens
            .next_if(|token| matches!(token, Token::Modifier(_)))?
        {
            Token::Modifier(modifier) => Some(modifier),
            _ => None,
        }
    }

    fn flush(&mut self) {
        let literal = std::mem::take(&mut self.literal);
        self.out.push_str(&escaped(&literal));
    }

    fn write_parameter(&mut self, prefix: &str, pattern: &str, suffix: &str) {
        let (prefix, suffix) = (escaped(prefix), escaped(suffix));
        let modifier = self.modifier();
        let out = &mut self.out;
        let written = match modifier {
            // Each repetition has prefix and suffix again.
            Some(repeat @ ('*' | '+')) if !(prefix.is_empty() && suffix.is_empty()) => {
                let optional = if repeat == '*' { "?" } else { "" };
                write!(
                    out,
                    "(?:{prefix}(?:{pattern})(?:{suffix}{prefix}(?:{pattern}))*{suffix}){optional}"
                )
            }
            Some(repeat @ ('*' | '+')) => write!(out, "(?:(?:{pattern}){repeat})"),
            Some(optional) => write!(out, "(?:{prefix}(?:{pattern}){suffix}){optional}"),
            None => write!(out, "(?:{prefix}(?:{pattern}){suffix})"),
        };
        written.expect("a string takes text");
    }
}

/// The text with a backslash before every character that means something in an expression.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if r".+*?=^!:${}()[]|/\".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}
