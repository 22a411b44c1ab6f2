//! How long the functions of a Rust file are, found with a small lexer.
//!
//! It knows comments, strings, raw strings and character literals, so braces inside them do not count.
//! It does not parse: a macro that writes `fn` in a strange way may be missed, which is harmless here.

/// A function and its length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Function {
    /// Its name, without its module.
    pub(super) name: String,
    /// Lines from `fn` to the closing brace.
    pub(super) lines: usize,
    /// Whether it is inside a `#[cfg(test)]` block.
    pub(super) in_tests: bool,
}

/// What the lexer hands on.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Punct(char),
}

/// Every function with a body, in order of its end.
pub(super) fn functions(text: &str) -> Vec<Function> {
    let mut scan = Scan::default();
    for (token, line) in tokens(text) {
        scan.take(&token, line);
    }
    scan.found
}

/// A function whose closing brace has not come yet.
#[derive(Debug)]
struct Open {
    name: String,
    line: usize,
    depth: usize,
}

#[derive(Debug, Default)]
struct Scan {
    found: Vec<Function>,
    open: Vec<Open>,
    depth: usize,
    /// Brackets and parentheses, so that `;` in `[u8; 4]` does not end a signature.
    nesting: usize,
    /// `fn` was the last word.
    expects_name: bool,
    /// A signature whose body has not begun: name and line.
    pending: Option<(String, usize)>,
    /// Depths of the open `#[cfg(test)]` blocks.
    test_blocks: Vec<usize>,
    /// `cfg(test)` was seen and its item has not begun.
    test_attribute: usize,
}

impl Scan {
    fn take(&mut self, token: &Token, line: usize) {
        self.watch_test_attribute(token);
        match token {
            Token::Word(word) if self.expects_name => {
                self.pending = Some((word.clone(), line));
                self.expects_name = false;
            }
            Token::Word(word) => self.expects_name = word == "fn",
            Token::Punct(punct) => {
                self.expects_name = false;
                self.take_punct(*punct, line);
            }
        }
    }

    /// Counts up along `cfg ( test )`; four means that the next block is for tests.
    fn watch_test_attribute(&mut self, token: &Token) {
        let step = match token {
            Token::Word(word) if word == "cfg" => Some(0),
            Token::Punct('(') => Some(1),
            Token::Word(word) if word == "test" => Some(2),
            Token::Punct(')') => Some(3),
            _ => None,
        };
        if self.test_attribute < 4 {
            self.test_attribute = match step {
                Some(step) if step == self.test_attribute => step + 1,
                Some(0) => 1,
                _ => 0,
            };
        }
    }

    fn take_punct(&mut self, punct: char, line: usize) {
        match punct {
            '(' | '[' => self.nesting += 1,
            ')' | ']' => self.nesting = self.nesting.saturating_sub(1),
            ';' if self.nesting == 0 => {
                self.pending = None;
                self.test_attribute = 0;
            }
            '{' => self.open_block(),
            '}' => self.close_block(line),
            _ => {}
        }
    }

    fn open_block(&mut self) {
        self.depth += 1;
        if self.test_attribute == 4 {
            self.test_blocks.push(self.depth);
            self.test_attribute = 0;
        }
        if let Some((name, line)) = self.pending.take() {
            self.open.push(Open {
                name,
                line,
                depth: self.depth,
            });
        }
    }

    fn close_block(&mut self, line: usize) {
        if let Some(open) = self.open.pop_if(|open| open.depth == self.depth) {
            self.found.push(Function {
                name: open.name,
                lines: line + 1 - open.line,
                in_tests: !self.test_blocks.is_empty(),
            });
        }
        self.test_blocks.pop_if(|depth| *depth == self.depth);
        self.depth = self.depth.saturating_sub(1);
    }
}

/// The words and signs of a source text with their lines, from 1.
fn tokens(text: &str) -> Vec<(Token, usize)> {
    let mut lexer = Lexer {
        rest: text.chars().collect(),
        at: 0,
        line: 1,
    };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next_token() {
        tokens.push(token);
    }
    tokens
}

struct Lexer {
    rest: Vec<char>,
    at: usize,
    line: usize,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.rest.get(self.at + ahead).copied()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.peek(0)?;
        self.at += 1;
        self.line += usize::from(next == '\n');
        Some(next)
    }

    fn next_token(&mut self) -> Option<(Token, usize)> {
        loop {
            let line = self.line;
            match (self.peek(0)?, self.peek(1)) {
                ('/', Some('/')) => self.skip_line(),
                ('/', Some('*')) => self.skip_block_comment(),
                ('"', _) => self.skip_string(),
                ('\'', _) => self.skip_quote(),
                (first, _) if first.is_alphanumeric() || first == '_' => {
                    let word = self.word();
                    let is_raw = matches!(word.as_str(), "r" | "br" | "cr");
                    if !(is_raw && self.skip_raw_string()) {
                        return Some((Token::Word(word), line));
                    }
                }
                (punct, _) => {
                    self.bump();
                    if !punct.is_whitespace() {
                        return Some((Token::Punct(punct), line));
                    }
                }
            }
        }
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        while let Some(next) = self.peek(0).filter(|c| c.is_alphanumeric() || *c == '_') {
            word.push(next);
            self.bump();
        }
        word
    }

    fn skip_line(&mut self) {
        while self.bump().is_some_and(|c| c != '\n') {}
    }

    fn skip_block_comment(&mut self) {
        let mut depth = 0_usize;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => depth += 1,
                (Some('*'), Some('/')) => depth -= 1,
                (None, _) => return,
                _ => {
                    self.bump();
                    continue;
                }
            }
            self.bump();
            self.bump();
            if depth == 0 {
                return;
            }
        }
    }

    fn skip_string(&mut self) {
        self.bump();
        while let Some(next) = self.bump() {
            match next {
                '\\' => drop(self.bump()),
                '"' => return,
                _ => {}
            }
        }
    }

    /// A character literal, or the tick of a lifetime.
    fn skip_quote(&mut self) {
        self.bump();
        if self.peek(0) == Some('\\') {
            self.bump();
            self.bump();
            while self.bump().is_some_and(|c| c != '\'') {}
        } else if self.peek(1) == Some('\'') {
            self.bump();
            self.bump();
        }
    }

    /// After `r`: skips `#"…"#`. False when no raw string begins here.
    fn skip_raw_string(&mut self) -> bool {
        let mut hashes = 0;
        while self.peek(hashes) == Some('#') {
            hashes += 1;
        }
        if self.peek(hashes) != Some('"') {
            return false;
        }
        for _ in 0..=hashes {
            self.bump();
        }
        while let Some(next) = self.bump() {
            if next == '"' && (0..hashes).all(|ahead| self.peek(ahead) == Some('#')) {
                for _ in 0..hashes {
                    self.bump();
                }
                return true;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: &[(&str, usize, bool)]) {
        let found = functions(text);
        let found: Vec<_> = found
            .iter()
            .map(|f| (f.name.as_str(), f.lines, f.in_tests))
            .collect();
        assert_eq!(found, want, "{text}");
    }

    #[test]
    fn lengths_and_nesting() {
        check("fn a() {}\n", &[("a", 1, false)]);
        check(
            "fn a() {\n  fn b() {\n  }\n}\n",
            &[("b", 2, false), ("a", 4, false)],
        );
        check(
            "trait T {\n fn a();\n fn b() {\n }\n}\n",
            &[("b", 2, false)],
        );
        check(
            "fn a(x: [u8; 4])\nwhere T: Fn(u8) -> u8,\n{\n}\n",
            &[("a", 4, false)],
        );
        check("let f: fn(u8) = x;\nfn a() {\n}\n", &[("a", 2, false)]);
    }

    #[test]
    fn braces_in_text_do_not_count() {
        check(
            "fn a() {\n \"{\"; '{'; '\\''; r#\"}\"{\"#; /* } /* } */ */ // }\n}\n",
            &[("a", 3, false)],
        );
        check("fn a<'x>(b: &'x str) {\n}\n", &[("a", 2, false)]);
        check("fn a() { b'{'; }\n", &[("a", 1, false)]);
    }

    #[test]
    fn tests_are_known() {
        check(
            "fn a() {\n}\n#[cfg(test)]\nmod tests {\n #[test]\n fn b() {\n }\n}\nfn c() {\n}\n",
            &[("a", 2, false), ("b", 2, true), ("c", 2, false)],
        );
        check(
            "#[cfg(test)]\nmod tests;\nfn a() {\n}\n",
            &[("a", 2, false)],
        );
    }
}
