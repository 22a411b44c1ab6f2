//! What a `src` is compared by: a pattern of the project file, or an anchored regular expression.

use regex::{Regex, RegexBuilder};

use crate::pattern::Pattern;

/// A compiled `src`.
#[derive(Clone, Debug)]
pub(crate) enum RouteMatcher {
    /// It has `:name`, or a `*` that does not stand after a dot.
    Pattern(Pattern),
    /// Anything else.
    Regex(Regex),
}

impl RouteMatcher {
    /// Compiles the `src` of a file route in either spelling (config-build spec 1.5). `None` when it is neither,
    /// or too large.
    pub(crate) fn compile(src: &str, regex_bytes_max: usize) -> Option<Self> {
        if is_pattern(src) {
            return Some(Self::Pattern(Pattern::compile(src)));
        }
        anchored(src, regex_bytes_max).map(Self::Regex)
    }

    /// Whether it takes this path.
    pub(crate) fn is_match(&self, path: &str) -> bool {
        match self {
            Self::Pattern(pattern) => pattern.is_match(path),
            Self::Regex(regex) => regex.is_match(path),
        }
    }
}

/// A regular expression over the whole path. `None` when it is none, or larger than the maximum once compiled.
pub(crate) fn anchored(src: &str, bytes_max: usize) -> Option<Regex> {
    // Alone first, so that `a)|(b` is no way out of the anchors.
    bounded(src, bytes_max)?;
    bounded(&format!("^(?:{src})$"), bytes_max)
}

fn bounded(src: &str, bytes_max: usize) -> Option<Regex> {
    RegexBuilder::new(src)
        .size_limit(bytes_max)
        .dfa_size_limit(bytes_max)
        .build()
        .ok()
}

fn is_pattern(src: &str) -> bool {
    let has_star = src
        .match_indices('*')
        .any(|(at, _)| !src.get(..at).is_some_and(|before| before.ends_with('.')));
    has_star || src.contains(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 64 * 1024;

    fn takes(src: &str, path: &str) -> bool {
        RouteMatcher::compile(src, MAX).is_some_and(|matcher| matcher.is_match(path))
    }

    #[test]
    fn both_spellings_are_read() {
        for src in ["/app/*", "/app/.*"] {
            assert!(takes(src, "/app/x/y"), "{src}");
            assert!(!takes(src, "/app"), "{src}");
            assert!(!takes(src, "/x/app/y"), "{src}");
        }
        assert!(takes("/u/:id", "/u/7"));
        assert!(takes("/app", "/app"));
        assert!(!takes("/app", "/app/x"));
    }

    /// S-42: each of these takes an engine that tries one way after another longer than a life.
    #[test]
    fn an_expression_that_is_made_to_take_long_is_answered_at_once() {
        let path = format!("/{}", "a".repeat(5000));
        for src in [
            "/(a+)+b",
            "/(a|aa)+b",
            "/(.+)*(.+)*(.+)*b",
            "/(a*)*b",
            "/(a?){99}b",
        ] {
            let regex = anchored(src, MAX).unwrap();
            assert!(!regex.is_match(&path), "{src}");
            assert!(regex.is_match("/aab"), "{src}");
        }
    }

    #[test]
    fn a_regular_expression_is_anchored_and_bounded() {
        assert!(anchored("/a|/b", MAX).is_some_and(|regex| !regex.is_match("/ax")));
        assert!(anchored("/a)|(/b", MAX).is_none());
        assert!(anchored("[", MAX).is_none());
        assert!(anchored("/(?:a{1,1000}){1,1000}", MAX).is_none());
    }
}
