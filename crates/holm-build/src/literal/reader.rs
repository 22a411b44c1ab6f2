//! Values from words.

use std::collections::BTreeMap;

use holm_site::ConfigValue;

use super::LiteralError;
use super::lexer::{Part, Token};
use crate::limits::{LITERAL_DEPTH_MAX, LITERAL_VALUES_MAX};

/// The value that a module exports under a name.
pub(super) fn exported(tokens: &[Token], name: &str) -> Result<ConfigValue, LiteralError> {
    let module = Module::new(tokens);
    let local = module.exports.get(name).ok_or(LiteralError::NotConstant)?;
    let from = *module
        .constants
        .get(local)
        .ok_or(LiteralError::NotConstant)?;
    let mut reader = Reader {
        module: &module,
        at: from,
        depth: 0,
        values: 0,
    };
    reader.initial_value()
}

/// What stands at the top of a module.
#[derive(Default)]
struct Module<'t> {
    tokens: &'t [Token],
    /// By name, where the value begins.
    constants: BTreeMap<&'t str, usize>,
    /// By the name outside, the name inside.
    exports: BTreeMap<&'t str, &'t str>,
}

impl<'t> Module<'t> {
    fn new(tokens: &'t [Token]) -> Self {
        let mut module = Self {
            tokens,
            ..Self::default()
        };
        let mut depth = 0_u32;
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                Token::Mark("(" | "[" | "{") => depth += 1,
                Token::Mark(")" | "]" | "}") => depth = depth.saturating_sub(1),
                Token::Word(word) if depth == 0 => match &**word {
                    "var" | "let" | "const" => at = module.declarations(at),
                    "export" => module.export_list(at),
                    _ => {}
                },
                _ => {}
            }
        }
        module
    }

    fn word(&self, at: usize) -> Option<&'t str> {
        match self.tokens.get(at) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn is_mark(&self, at: usize, mark: &str) -> bool {
        matches!(self.tokens.get(at), Some(Token::Mark(it)) if *it == mark)
    }

    /// `a = 1, b = 2;` Gives the place behind it.
    fn declarations(&mut self, mut at: usize) -> usize {
        loop {
            if let Some(name) = self.word(at)
                && self.is_mark(at + 1, "=")
            {
                self.constants.insert(name, at + 2);
            }
            at = self.end_of_value(at);
            if !self.is_mark(at, ",") {
                return at;
            }
            at += 1;
        }
    }

    /// The place of the comma or semicolon behind what begins here.
    fn end_of_value(&self, from: usize) -> usize {
        let mut depth = 0_u32;
        let mut at = from;
        while let Some(token) = self.tokens.get(at) {
            match token {
                Token::Mark("(" | "[" | "{") => depth += 1,
                Token::Mark(")" | "]" | "}") => depth = depth.saturating_sub(1),
                Token::Mark("," | ";") if depth == 0 => return at,
                _ => {}
            }
            at += 1;
        }
        at
    }

    /// `{ a, b as c }`
    fn export_list(&mut self, at: usize) {
        if !self.is_mark(at, "{") {
            return;
        }
        let mut at = at + 1;
        while let Some(local) = self.word(at) {
            at += 1;
            let mut name = local;
            if self.word(at) == Some("as") {
                name = self.word(at + 1).unwrap_or(local);
                at += 2;
            }
            self.exports.insert(name, local);
            if !self.is_mark(at, ",") {
                return;
            }
            at += 1;
        }
    }
}

struct Reader<'m, 't> {
    module: &'m Module<'t>,
    at: usize,
    depth: usize,
    values: usize,
}

type Read<T> = Result<T, LiteralError>;

impl Reader<'_, '_> {
    /// The value of a declaration: nothing else may stand before its end.
    fn initial_value(&mut self) -> Read<ConfigValue> {
        let value = self.value()?;
        match self.module.tokens.get(self.at) {
            None | Some(Token::Mark("," | ";")) => Ok(value),
            // Only where a line ends without a semicolon.
            Some(Token::Word(word)) if matches!(&**word, "export" | "var" | "let" | "const") => {
                Ok(value)
            }
            Some(token) => Err(not_literal(token)),
        }
    }

    fn next(&mut self) -> Read<&Token> {
        let token = self
            .module
            .tokens
            .get(self.at)
            .ok_or(LiteralError::Lexical)?;
        self.at += 1;
        Ok(token)
    }

    fn is_next(&self, mark: &str) -> bool {
        matches!(self.module.tokens.get(self.at), Some(Token::Mark(it)) if *it == mark)
    }

    fn take(&mut self, mark: &str) -> bool {
        let is_next = self.is_next(mark);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, mark: &str) -> Read<()> {
        if self.take(mark) {
            return Ok(());
        }
        let token = self.module.tokens.get(self.at);
        Err(token.map_or(LiteralError::Lexical, not_literal))
    }

    /// A value, or texts joined with `+`.
    fn value(&mut self) -> Read<ConfigValue> {
        let mut value = self.member()?;
        while self.take("+") {
            let joined = match (value, self.member()?) {
                (ConfigValue::Text(left), ConfigValue::Text(right)) => format!("{left}{right}"),
                _ => return Err(LiteralError::NotLiteral("+".to_owned())),
            };
            value = ConfigValue::Text(joined.into());
        }
        Ok(value)
    }

    /// A value and what is taken out of it: `.name`, `["name"]`, `[0]`.
    fn member(&mut self) -> Read<ConfigValue> {
        let mut value = self.single()?;
        loop {
            let found = if self.take(".") {
                let Token::Word(name) = self.next()? else {
                    return Err(LiteralError::Lexical);
                };
                let name = name.clone();
                value
                    .get(&name)
                    .cloned()
                    .ok_or(LiteralError::NotLiteral(name))
            } else if self.take("[") {
                let key = self.value()?;
                self.expect("]")?;
                element(&value, &key)
            } else {
                return Ok(value);
            };
            value = found?;
        }
    }

    /// A value that nothing is done with yet. Every way into another value leads through here.
    fn single(&mut self) -> Read<ConfigValue> {
        self.depth += 1;
        self.values += 1;
        if self.depth > LITERAL_DEPTH_MAX || self.values > LITERAL_VALUES_MAX {
            return Err(LiteralError::TooLarge);
        }
        let value = self.value_of_token()?;
        self.depth -= 1;
        Ok(value)
    }

    fn value_of_token(&mut self) -> Read<ConfigValue> {
        let module = self.module;
        let token = module.tokens.get(self.at).ok_or(LiteralError::Lexical)?;
        self.at += 1;
        match token {
            Token::Text(text) => Ok(ConfigValue::Text(text.as_str().into())),
            Token::Number(number) => Ok(ConfigValue::Number(number.as_str().into())),
            Token::Regex { source, flags } => Ok(ConfigValue::Regex {
                source: source.as_str().into(),
                flags: flags.as_str().into(),
            }),
            Token::Template(parts) => Ok(ConfigValue::Text(self.template(parts)?.into())),
            Token::Word(word) => self.word(word),
            Token::Mark("[") => self.list(),
            Token::Mark("{") => self.object(),
            Token::Mark("(") => {
                let value = self.value()?;
                self.expect(")").map(|()| value)
            }
            Token::Mark("!") => match self.single()? {
                ConfigValue::Bool(is_true) => Ok(ConfigValue::Bool(!is_true)),
                ConfigValue::Number(number) => Ok(ConfigValue::Bool(*number == *"0")),
                _ => Err(LiteralError::NotLiteral("!".to_owned())),
            },
            Token::Mark("-") => match self.single()? {
                ConfigValue::Number(number) => Ok(ConfigValue::Number(format!("-{number}").into())),
                _ => Err(LiteralError::NotLiteral("-".to_owned())),
            },
            token @ Token::Mark(_) => Err(not_literal(token)),
        }
    }

    fn word(&mut self, word: &str) -> Read<ConfigValue> {
        match word {
            "true" => Ok(ConfigValue::Bool(true)),
            "false" => Ok(ConfigValue::Bool(false)),
            "null" | "undefined" => Ok(ConfigValue::Null),
            "void" => self.single().map(|_| ConfigValue::Null),
            "function" | "async" | "class" | "new" | "await" | "typeof" | "import" => {
                Err(LiteralError::NotLiteral(word.to_owned()))
            }
            name => self.constant(name),
        }
    }

    /// The value of another constant, read where it stands.
    fn constant(&mut self, name: &str) -> Read<ConfigValue> {
        if self.is_next("(") || self.is_next("=>") {
            return Err(LiteralError::NotLiteral(format!("{name}(\u{2026})")));
        }
        let from = self.module.constants.get(name);
        let from = *from.ok_or_else(|| LiteralError::Unknown(name.to_owned()))?;
        let back = std::mem::replace(&mut self.at, from);
        let value = self.initial_value();
        self.at = back;
        value
    }

    fn template(&mut self, parts: &[Part]) -> Read<String> {
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Value(tokens) => {
                    let module = Module {
                        tokens,
                        constants: BTreeMap::new(),
                        exports: BTreeMap::new(),
                    };
                    match self.inner(&module)? {
                        ConfigValue::Text(value) => text.push_str(&value),
                        _ => return Err(LiteralError::NotLiteral("${\u{2026}}".to_owned())),
                    }
                }
            }
        }
        Ok(text)
    }

    /// A value in a template: a text, or the name of a constant outside.
    fn inner(&mut self, module: &Module<'_>) -> Read<ConfigValue> {
        if let [Token::Word(name)] = module.tokens {
            return self.constant(name);
        }
        let mut reader = Reader {
            module,
            at: 0,
            depth: self.depth,
            values: self.values,
        };
        let value = reader.initial_value();
        self.values = reader.values;
        value
    }

    fn list(&mut self) -> Read<ConfigValue> {
        let mut entries = Vec::new();
        while !self.take("]") {
            if self.take("...") {
                match self.value()? {
                    ConfigValue::List(more) => {
                        self.values += more.len();
                        entries.extend(more);
                    }
                    _ => return Err(LiteralError::NotLiteral("...".to_owned())),
                }
            } else {
                entries.push(self.value()?);
            }
            if self.values > LITERAL_VALUES_MAX {
                return Err(LiteralError::TooLarge);
            }
            if !self.take(",") && !self.is_next("]") {
                return Err(self
                    .module
                    .tokens
                    .get(self.at)
                    .map_or(LiteralError::Lexical, not_literal));
            }
        }
        Ok(ConfigValue::List(entries))
    }

    fn object(&mut self) -> Read<ConfigValue> {
        let mut entries = Vec::new();
        while !self.take("}") {
            if self.take("...") {
                match self.value()? {
                    ConfigValue::Object(more) => {
                        self.values += more.len();
                        entries.extend(more);
                    }
                    _ => return Err(LiteralError::NotLiteral("...".to_owned())),
                }
            } else {
                entries.push(self.entry()?);
            }
            if self.values > LITERAL_VALUES_MAX {
                return Err(LiteralError::TooLarge);
            }
            if !self.take(",") && !self.is_next("}") {
                return Err(self
                    .module
                    .tokens
                    .get(self.at)
                    .map_or(LiteralError::Lexical, not_literal));
            }
        }
        Ok(ConfigValue::Object(entries))
    }

    /// `name: value`, `"name": value`, `[name]: value` or `name` alone.
    fn entry(&mut self) -> Read<(Box<str>, ConfigValue)> {
        let token = self.next()?.clone();
        let key = match token {
            Token::Word(word) if self.is_next(",") || self.is_next("}") => {
                let value = self.constant(&word)?;
                return Ok((word.into(), value));
            }
            Token::Word(key) | Token::Text(key) | Token::Number(key) => key,
            Token::Mark("[") => match self.value()? {
                ConfigValue::Text(key) => {
                    self.expect("]")?;
                    key.into()
                }
                _ => return Err(LiteralError::NotLiteral("[\u{2026}]".to_owned())),
            },
            other => return Err(not_literal(&other)),
        };
        if !self.take(":") {
            return Err(LiteralError::NotLiteral(format!("{key}(\u{2026})")));
        }
        Ok((key.into(), self.value()?))
    }
}

/// An element of a list or an entry of an object.
fn element(value: &ConfigValue, key: &ConfigValue) -> Read<ConfigValue> {
    let found = match (value, key) {
        (ConfigValue::List(entries), ConfigValue::Number(index)) => {
            index.parse::<usize>().ok().and_then(|at| entries.get(at))
        }
        (ConfigValue::Object(_), ConfigValue::Text(name)) => value.get(name),
        _ => None,
    };
    found
        .cloned()
        .ok_or_else(|| LiteralError::NotLiteral("[\u{2026}]".to_owned()))
}

fn not_literal(token: &Token) -> LiteralError {
    LiteralError::NotLiteral(match token {
        Token::Word(word) | Token::Number(word) => word.clone(),
        Token::Text(text) => format!("\"{text}\""),
        Token::Regex { source, .. } => format!("/{source}/"),
        Token::Template(_) => "`\u{2026}`".to_owned(),
        Token::Mark("(") => "(\u{2026})".to_owned(),
        Token::Mark(mark) => (*mark).to_owned(),
    })
}
