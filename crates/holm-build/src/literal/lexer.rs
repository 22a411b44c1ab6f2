//! JavaScript as words, after the bundler has made it plain: no types, no comments, one way of writing things.
//!
//! A slash begins a regular expression where a value may stand, and divides where one has just ended.

use super::LiteralError;
use crate::limits::LITERAL_DEPTH_MAX;

/// A word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name or a keyword.
    Word(String),
    /// As it was written.
    Number(String),
    /// With its escapes undone.
    Text(String),
    Regex {
        source: String,
        flags: String,
    },
    Template(Vec<Part>),
    /// Brackets, operators, commas.
    Mark(&'static str),
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    /// What stands between `${` and `}`.
    Value(Vec<Token>),
}

/// Longer ones first.
const MARKS: &[&str] = &[
    ">>>=", "...", "===", "!==", "**=", "<<=", ">>=", ">>>", "&&=", "||=", "??=", "=>", "==", "!=",
    "<=", ">=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "&&", "||", "??", "?.", "++", "--",
    "**", "<<", ">>", "{", "}", "(", ")", "[", "]", ";", ",", "<", ">", "+", "-", "*", "/", "%",
    "&", "|", "^", "!", "~", "?", ":", "=", ".", "@", "#",
];

/// Keywords behind which a value stands.
const BEFORE_VALUE: &[&str] = &[
    "return",
    "typeof",
    "case",
    "in",
    "of",
    "instanceof",
    "new",
    "delete",
    "void",
    "throw",
    "else",
    "do",
    "await",
    "yield",
    "extends",
    "default",
];

/// Divides a module into its words.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, LiteralError> {
    let mut lexer = Lexer {
        chars: text.chars().collect(),
        at: 0,
        depth: 0,
    };
    lexer.until(None)
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    depth: usize,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek(0)?;
        self.at += 1;
        Some(character)
    }

    /// The words up to a closing bracket that belongs to nothing in between, or to the end.
    fn until(&mut self, close: Option<&str>) -> Result<Vec<Token>, LiteralError> {
        let mut tokens = Vec::new();
        let mut open = 0_u32;
        loop {
            while self.peek(0).is_some_and(char::is_whitespace) {
                self.at += 1;
            }
            let Some(first) = self.peek(0) else {
                return if close.is_none() {
                    Ok(tokens)
                } else {
                    Err(LiteralError::Lexical)
                };
            };
            let token = self.token(first, is_value_next(tokens.last()))?;
            match &token {
                Token::Mark("{") => open += 1,
                Token::Mark(mark) if Some(*mark) == close && open == 0 => return Ok(tokens),
                Token::Mark("}") => open = open.saturating_sub(1),
                _ => {}
            }
            tokens.push(token);
        }
    }

    fn token(&mut self, first: char, is_value_next: bool) -> Result<Token, LiteralError> {
        let has_digit = |ahead| self.peek(ahead).is_some_and(|it| it.is_ascii_digit());
        if has_digit(0) || first == '.' && has_digit(1) {
            let is_part = |it: char| it.is_ascii_alphanumeric() || it == '.' || it == '_';
            return Ok(Token::Number(self.take_while(is_part)));
        }
        if is_name(first) {
            return Ok(Token::Word(self.take_while(is_name)));
        }
        match first {
            '"' | '\'' => self.text(first),
            '`' => self.template(),
            '/' if self.peek(1) == Some('/') || self.peek(1) == Some('*') => {
                Err(LiteralError::Lexical)
            }
            '/' if is_value_next => self.regex(),
            _ => self.mark(),
        }
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        let word: String = rest.iter().copied().take_while(|it| wanted(*it)).collect();
        self.at += word.chars().count();
        word
    }

    fn mark(&mut self) -> Result<Token, LiteralError> {
        let is_here = |mark: &&&str| {
            let mut chars = mark.chars().enumerate();
            chars.all(|(ahead, character)| self.peek(ahead) == Some(character))
        };
        let mark = MARKS.iter().find(is_here).ok_or(LiteralError::Lexical)?;
        self.at += mark.len();
        Ok(Token::Mark(mark))
    }

    fn text(&mut self, quote: char) -> Result<Token, LiteralError> {
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.next().ok_or(LiteralError::Lexical)? {
                '\\' => self.escape(&mut text)?,
                '\n' => return Err(LiteralError::Lexical),
                character if character == quote => return Ok(Token::Text(text)),
                character => text.push(character),
            }
        }
    }

    fn template(&mut self) -> Result<Token, LiteralError> {
        self.at += 1;
        self.depth += 1;
        if self.depth > LITERAL_DEPTH_MAX {
            return Err(LiteralError::TooLarge);
        }
        let mut parts = Vec::new();
        let mut text = String::new();
        loop {
            match self.next().ok_or(LiteralError::Lexical)? {
                '\\' => self.escape(&mut text)?,
                '`' => break,
                '$' if self.peek(0) == Some('{') => {
                    self.at += 1;
                    parts.push(Part::Text(std::mem::take(&mut text)));
                    parts.push(Part::Value(self.until(Some("}"))?));
                }
                character => text.push(character),
            }
        }
        parts.push(Part::Text(text));
        self.depth -= 1;
        Ok(Token::Template(parts))
    }

    /// Undoes what stands behind a backslash.
    fn escape(&mut self, text: &mut String) -> Result<(), LiteralError> {
        let character = match self.next().ok_or(LiteralError::Lexical)? {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            '0' if !self.peek(0).is_some_and(|it| it.is_ascii_digit()) => '\0',
            'x' => self.code_point(2)?,
            'u' if self.peek(0) == Some('{') => {
                self.at += 1;
                let digits = self.take_while(|it| it != '}');
                self.at += 1;
                code_point(&digits)?
            }
            'u' => self.code_point(4)?,
            '\n' => return Ok(()),
            other => other,
        };
        text.push(character);
        Ok(())
    }

    fn code_point(&mut self, digits: usize) -> Result<char, LiteralError> {
        let text: String = (0..digits).map_while(|_| self.next()).collect();
        code_point(&text)
    }

    fn regex(&mut self) -> Result<Token, LiteralError> {
        self.at += 1;
        let mut source = String::new();
        let mut is_in_class = false;
        loop {
            let character = self.next().ok_or(LiteralError::Lexical)?;
            match character {
                '\n' => return Err(LiteralError::Lexical),
                '/' if !is_in_class => break,
                '[' => is_in_class = true,
                ']' => is_in_class = false,
                '\\' => {
                    source.push(character);
                    source.push(self.next().ok_or(LiteralError::Lexical)?);
                    continue;
                }
                _ => {}
            }
            source.push(character);
        }
        Ok(Token::Regex {
            source,
            flags: self.take_while(is_name),
        })
    }
}

fn code_point(digits: &str) -> Result<char, LiteralError> {
    let code = u32::from_str_radix(digits, 16).ok();
    code.and_then(char::from_u32).ok_or(LiteralError::Lexical)
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$')
}

/// Whether a value may stand behind this word, and an operator may not.
fn is_value_next(last: Option<&Token>) -> bool {
    match last {
        None => true,
        Some(Token::Mark(mark)) => !matches!(*mark, ")" | "]" | "}" | "++" | "--"),
        Some(Token::Word(word)) => BEFORE_VALUE.contains(&&**word),
        Some(_) => false,
    }
}
