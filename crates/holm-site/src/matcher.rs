//! The matchers of a middleware: what was written in `config.matcher`, as regular expressions that are run here
//! (functions spec 9.3, B.6).
//!
//! Each entry is read as a path template (`/api/:path*`, `/(en|de)/:page`), and as a regular expression of JavaScript
//! when it is none (`/api/.*`, `^/user/\d+$`). Both become an expression of the `regex` crate, which is linear; one
//! with look-ahead or back-references becomes one of `fancy-regex`, with a bound on its steps.
//!
//! A middleware often guards something, so that all that cannot be decided counts as taken.

mod config;
mod script_regex;
mod template;

use fancy_regex::RegexBuilder;
use regex::Regex;

pub use config::{ConfigValue, read_matchers};

use crate::limits::{MATCHER_STEPS_MAX, REGEX_BYTES_MAX};

/// A compiled matcher.
#[derive(Debug)]
pub(crate) enum CompiledMatcher {
    /// Decided in linear time.
    Linear(Regex),
    /// Decided by trying, with a bound. Boxed, because it is ten times as large.
    Trying(Box<fancy_regex::Regex>),
    /// It could not be compiled: it takes every path.
    Everything,
}

impl CompiledMatcher {
    /// Compiles an expression that [`read_matchers`] made.
    pub(crate) fn new(regex: &str) -> Self {
        compiled(regex).unwrap_or(Self::Everything)
    }

    /// Whether it takes this path. Yes, if that could not be decided in the allowed number of steps.
    pub(crate) fn is_match(&self, path: &str) -> bool {
        match self {
            Self::Linear(regex) => regex.is_match(path),
            Self::Trying(regex) => regex.is_match(path).unwrap_or(true),
            Self::Everything => true,
        }
    }
}

/// `None` when it is no expression, or too large once compiled.
fn compiled(regex: &str) -> Option<CompiledMatcher> {
    let linear = regex::RegexBuilder::new(regex)
        .size_limit(REGEX_BYTES_MAX)
        .dfa_size_limit(REGEX_BYTES_MAX)
        .build();
    if let Ok(regex) = linear {
        return Some(CompiledMatcher::Linear(regex));
    }
    let trying = RegexBuilder::new(regex)
        .backtrack_limit(MATCHER_STEPS_MAX)
        .delegate_size_limit(REGEX_BYTES_MAX)
        .delegate_dfa_size_limit(REGEX_BYTES_MAX)
        .build();
    Some(CompiledMatcher::Trying(Box::new(trying.ok()?)))
}

/// The expression for one entry of a matcher. `None` when it is neither a template nor a regular expression.
fn regex_of(source: &str) -> Option<String> {
    if matches!(source, "*" | "/*") {
        return Some("^/".to_owned());
    }
    // No path begins with `^` or ends with `$`, so what does is meant as an expression.
    let is_expression = source.starts_with('^') || source.ends_with('$');
    let from_template = || {
        let regex = script_regex::translate(&template::to_regex(source)?)?;
        compiled(&regex).map(|_| regex)
    };
    let from_expression = || {
        let regex = script_regex::translate(source)?;
        compiled(&regex).map(|_| regex)
    };
    if is_expression {
        return from_expression();
    }
    from_template().or_else(from_expression)
}
