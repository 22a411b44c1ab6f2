//! `export const config = { matcher }` of a middleware, once it is a value.

use holm_types::{Diagnostic, Parsed, Severity};

use super::regex_of;
use crate::limits::{MATCHER_CHARS_MAX, MATCHERS_MAX};
use crate::{Matcher, code};

/// A literal of JavaScript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigValue {
    /// `null` or `undefined`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// As it was written.
    Number(Box<str>),
    /// In any of the three kinds of quotes.
    Text(Box<str>),
    /// Between slashes.
    Regex {
        /// Without the slashes.
        source: Box<str>,
        /// The letters behind.
        flags: Box<str>,
    },
    /// In brackets.
    List(Vec<Self>),
    /// In braces, in the order in which it was written.
    Object(Vec<(Box<str>, Self)>),
}

impl ConfigValue {
    /// The value of a key. `None` when it is no object, or has none that is set. The last of several counts.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(entries) = self else {
            return None;
        };
        let mut entries = entries.iter().rev();
        let (_, value) = entries.find(|(name, _)| **name == *key)?;
        (*value != Self::Null).then_some(value)
    }

    /// What it is called in a finding.
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a truth value",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::Regex { .. } => "a regular expression",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// The matchers that a middleware's `config` names. Empty: every path.
///
/// `file` is the middleware, for the findings. An entry that cannot be read is an error, because a middleware that
/// runs for other paths than it says may guard nothing.
pub fn read_matchers(config: &ConfigValue, file: &str) -> Parsed<Vec<Matcher>> {
    let mut reader = Reader {
        file,
        diagnostics: Vec::new(),
        matchers: Vec::new(),
    };
    match (config, config.get("matcher")) {
        (_, Some(matcher)) => reader.read(matcher),
        (ConfigValue::Null | ConfigValue::Object(_), None) => {}
        (other, None) => reader.refuse(format!(
            "`config` is {}, not an object with a `matcher`",
            other.kind()
        )),
    }
    Parsed {
        value: reader.matchers,
        diagnostics: reader.diagnostics,
    }
}

struct Reader<'f> {
    file: &'f str,
    diagnostics: Vec<Diagnostic>,
    matchers: Vec<Matcher>,
}

impl Reader<'_> {
    fn read(&mut self, matcher: &ConfigValue) {
        let ConfigValue::List(entries) = matcher else {
            return self.entry(matcher);
        };
        if entries.is_empty() {
            self.warn("`matcher` is an empty list: the middleware runs for every path");
        }
        if entries.len() > MATCHERS_MAX {
            let count = entries.len();
            return self.refuse(format!(
                "`matcher` has {count} entries, and at most {MATCHERS_MAX} are read"
            ));
        }
        for entry in entries {
            self.entry(entry);
        }
    }

    fn entry(&mut self, entry: &ConfigValue) {
        match entry {
            ConfigValue::Text(source) => self.source(source),
            ConfigValue::Regex { source, flags } => self.expression(source, flags),
            ConfigValue::Object(_) => match entry.get("source") {
                Some(ConfigValue::Text(source)) => {
                    self.conditions(entry);
                    self.source(source);
                }
                _ => self.refuse("an entry of `matcher` has no text for `source`".to_owned()),
            },
            other => self.refuse(format!(
                "an entry of `matcher` is {}, not a text",
                other.kind()
            )),
        }
    }

    /// Says that conditions of Next.js do not count: the middleware runs more often than they say, never less.
    fn conditions(&mut self, entry: &ConfigValue) {
        let keys = ["has", "missing", "locale", "basePath"];
        for key in keys.into_iter().filter(|key| entry.get(key).is_some()) {
            self.warn(&format!(
                "`{key}` in `matcher` is not looked at: the middleware runs for all requests to its paths"
            ));
        }
    }

    fn source(&mut self, source: &str) {
        if !self.is_short(source) {
            return;
        }
        match regex_of(source) {
            Some(regex) => self.take(source, regex),
            None => self.refuse(format!(
                "`{source}` in `matcher` is neither a path nor a regular expression"
            )),
        }
    }

    fn expression(&mut self, source: &str, flags: &str) {
        let is_known = flags.chars().all(|flag| "giu".contains(flag));
        let ignores_case = if flags.contains('i') { "(?i)" } else { "" };
        if !self.is_short(source) {
            return;
        }
        let regex = super::script_regex::translate(source).filter(|_| is_known);
        let regex = regex.map(|regex| format!("{ignores_case}{regex}"));
        match regex.filter(|regex| super::compiled(regex).is_some()) {
            Some(regex) => self.take(&format!("/{source}/{flags}"), regex),
            None => self.refuse(format!(
                "`/{source}/{flags}` in `matcher` is no expression that can be run"
            )),
        }
    }

    fn is_short(&mut self, source: &str) -> bool {
        let is_short = source.chars().count() <= MATCHER_CHARS_MAX;
        if !is_short {
            self.refuse(format!(
                "an entry of `matcher` has more than {MATCHER_CHARS_MAX} characters"
            ));
        }
        is_short
    }

    fn take(&mut self, source: &str, regex: String) {
        self.matchers.push(Matcher {
            source: source.into(),
            regex: regex.into(),
        });
    }

    fn refuse(&mut self, message: String) {
        self.diagnostics.push(
            Diagnostic::new(Severity::Error, code::MATCHER, message)
                .at(self.file, None)
                .hint("write a path such as `/api/:path*`, a list of them, or a regular expression in quotes"),
        );
    }

    fn warn(&mut self, message: &str) {
        let found = Diagnostic::new(Severity::Warning, code::MATCHER, message);
        self.diagnostics.push(found.at(self.file, None));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matcher::CompiledMatcher;

    fn text(text: &str) -> ConfigValue {
        ConfigValue::Text(text.into())
    }

    fn object(key: &str, value: ConfigValue) -> ConfigValue {
        ConfigValue::Object(vec![(key.into(), value)])
    }

    /// The sources that were read, and whether there was an error, and how many findings.
    fn check(config: &ConfigValue, sources: &[&str], has_error: bool, findings: usize) {
        let read = read_matchers(config, "middleware.js");
        let got: Vec<&str> = read.value.iter().map(|it| &*it.source).collect();
        assert_eq!(got, sources, "{config:?}");
        let errors = read.diagnostics.iter().any(Diagnostic::is_error);
        assert_eq!(errors, has_error, "{:?}", read.diagnostics);
        assert_eq!(read.diagnostics.len(), findings, "{:?}", read.diagnostics);
    }

    #[test]
    fn every_form_is_read() {
        check(&ConfigValue::Null, &[], false, 0);
        check(&object("runtime", text("edge")), &[], false, 0);
        check(&object("matcher", text("/a")), &["/a"], false, 0);
        check(
            &object("matcher", object("source", text("/a"))),
            &["/a"],
            false,
            0,
        );
        let list = vec![text("/a"), object("source", text("/b/:c*"))];
        let list = object("matcher", ConfigValue::List(list));
        check(&list, &["/a", "/b/:c*"], false, 0);
        check(&object("matcher", ConfigValue::List(vec![])), &[], false, 1);
    }

    #[test]
    fn what_is_not_understood_is_said() {
        check(&text("/a"), &[], true, 1);
        check(&object("matcher", ConfigValue::Bool(true)), &[], true, 1);
        check(&object("matcher", object("src", text("/a"))), &[], true, 1);
        let with_condition = ConfigValue::Object(vec![
            ("source".into(), text("/a")),
            ("has".into(), ConfigValue::List(vec![])),
            ("missing".into(), ConfigValue::List(vec![])),
        ]);
        check(&object("matcher", with_condition), &["/a"], false, 2);
        let many = vec![text("/a"); MATCHERS_MAX + 1];
        check(&object("matcher", ConfigValue::List(many)), &[], true, 1);
        let long = "/".to_owned() + &"a".repeat(MATCHER_CHARS_MAX);
        check(&object("matcher", text(&long)), &[], true, 1);
        let sticky = ConfigValue::Regex {
            source: "/a".into(),
            flags: "y".into(),
        };
        check(&object("matcher", sticky), &[], true, 1);
    }

    /// Expressions of JavaScript, a path that they take, and one that they do not.
    #[test]
    fn expressions_mean_what_they_mean_in_javascript() {
        for (source, yes, no) in [
            (r"^/\d+$", "/12", "/\u{661}"),
            (r"^/\w+$", "/a_1", "/\u{e9}"),
            (r"^/[\w-]+$", "/a-b", "/a.b"),
            (r"^/[a&&b]$", "/&", "/&&"),
            (r"^/[[]x$", "/[x", "/x"),
            (r"^/a{,2}$", "/a{,2}", "/aa"),
            (r"^/a{2}$", "/aa", "/a{2}"),
            (r"^/[^]$", "/\u{e9}", "/"),
            (r"^/(?<year>\d{4})/\k<year>$", "/2026/2026", "/2026/2025"),
            (r"^/(a)\1$", "/aa", "/ab"),
            (r"^/x(?!y)", "/xz", "/xy"),
            (r"(?<!/private)/x$", "/public/x", "/private/x"),
            (r"^\/\u0061\x62$", "/ab", "/a"),
            (r"^/[a-c\d-]$", "/-", "/d"),
            (r"^/(?:en|de)$", "/de", "/fr"),
        ] {
            let read = read_matchers(&object("matcher", text(source)), "middleware.js");
            assert_eq!(read.diagnostics, [], "{source}");
            let matcher = CompiledMatcher::new(&read.value[0].regex);
            assert!(matcher.is_match(yes), "{source} {yes}");
            assert!(!matcher.is_match(no), "{source} {no}");
        }
    }

    #[test]
    fn templates_mean_what_they_mean_in_their_grammar() {
        for (source, yes, no) in [
            ("/a/:b?", "/a", "/a/b/c"),
            ("/a/:b+", "/a/b/c", "/a"),
            ("/a/:b*", "/a", "/ab"),
            ("/:lang(en|de)/x", "/en/x", "/fr/x"),
            ("/:file.json", "/a.json", "/a/b.json"),
            ("/a.:ext?", "/a", "/a."),
            ("/a{/:b}?/c", "/a/c", "/a/b"),
            ("/a{-:b-}*", "/a-x--y-", "/a-x"),
            (r"/a\:b", "/a:b", "/a1"),
            ("/:a-:b", "/x-y", "/x"),
            ("/(.*)", "/a/b", "a"),
            ("/a{b}?", "/ab", "/abb"),
        ] {
            let read = read_matchers(&object("matcher", text(source)), "middleware.js");
            assert_eq!(read.diagnostics, [], "{source}");
            let matcher = CompiledMatcher::new(&read.value[0].regex);
            assert!(
                matcher.is_match(yes),
                "{source} {yes} {}",
                read.value[0].regex
            );
            assert!(
                !matcher.is_match(no),
                "{source} {no} {}",
                read.value[0].regex
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_an_answer(source in r"[/a:*+?(){}\[\]\\^$|.\-0-9<=!]{0,12}", path in "/[a/0-9]{0,8}") {
            let read = read_matchers(&object("matcher", text(&source)), "middleware.js");
            for matcher in read.value {
                CompiledMatcher::new(&matcher.regex).is_match(&path);
            }
        }
    }
}
