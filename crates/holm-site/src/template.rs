//! The destination of a rule: literal text with `:name` and `:splat` in it.

use crate::decode::decode_literal;
use crate::limits::PATH_BYTES_MAX;
use crate::pattern::{Captures, Pattern, is_name_character};

/// A destination, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Box<[Part]>,
}

/// A piece of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// As the author wrote it.
    Text(Box<str>),
    /// What the pattern captured under the name with this index.
    Capture(usize),
}

impl Template {
    /// Takes a destination apart. After a colon the longest name counts that the pattern has; a colon
    /// without one (a port, say) is text.
    pub(crate) fn compile(destination: &str, pattern: &Pattern) -> Self {
        Self::compile_names(destination, pattern.names())
    }

    /// As [`Self::compile`], for captures with these names.
    pub(crate) fn compile_names(destination: &str, names: &[Box<str>]) -> Self {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = destination;
        while let Some(colon) = rest.find(':') {
            let (before, after) = rest.split_at(colon);
            text.push_str(before);
            let name = after.strip_prefix(':').unwrap_or_default();
            if let Some((capture, remaining)) = longest_name(name, names) {
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text).into()));
                }
                parts.push(Part::Capture(capture));
                rest = remaining;
            } else {
                text.push(':');
                rest = name;
            }
        }
        text.push_str(rest);
        if !text.is_empty() {
            parts.push(Part::Text(text.into()));
        }
        Self {
            parts: parts.into_boxed_slice(),
        }
    }

    /// The pieces.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The decoded path that this destination names, with the captured values in it, up to a query. It ends soon
    /// after it is too long for the path of a file.
    pub(crate) fn fill(&self, captures: &Captures<'_>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => {
                    let end = text.find(['?', '#']).unwrap_or(text.len());
                    let (before, after) = text.split_at(end);
                    out.push_str(&decode_literal(before));
                    if !after.is_empty() {
                        break;
                    }
                }
                Part::Capture(index) => out.push_str(captures.get(*index)),
            }
            if out.len() > PATH_BYTES_MAX {
                break;
            }
        }
        out
    }

    /// The decoded path, if this destination is on the same site and names nothing that was captured.
    pub(crate) fn fixed_path(&self) -> Option<String> {
        match &*self.parts {
            [Part::Text(text)] if text.starts_with('/') => {
                let end = text.find(['?', '#']).unwrap_or(text.len());
                Some(decode_literal(text.split_at(end).0).into())
            }
            _ => None,
        }
    }

    /// Whether it names nothing that is captured.
    pub(crate) fn is_fixed(&self) -> bool {
        matches!(&*self.parts, [] | [Part::Text(_)])
    }

    /// Whether an absolute URL stays on a site that the author named: no user name before the host, and after
    /// what is captured in the host a dot and more text.
    pub(crate) fn has_fixed_site(&self) -> bool {
        let [Part::Text(first), rest @ ..] = &*self.parts else {
            return false;
        };
        let mut host = first.split_once("://").map_or(&**first, |(_, host)| host);
        let mut rest = rest.iter();
        loop {
            let end = host.find(['/', '?', '#']);
            let (authority, _) = host.split_at(end.unwrap_or(host.len()));
            if authority.contains('@') {
                return false;
            }
            if end.is_some() {
                return !authority.is_empty();
            }
            match (rest.next(), rest.next()) {
                (None, _) => return !authority.is_empty(),
                (Some(_), Some(Part::Text(after))) if is_fixed_domain(after) => host = after,
                _ => return false,
            }
        }
    }

    /// About how much memory it takes, in bytes.
    pub(crate) fn weight_bytes(&self) -> usize {
        let text = |part: &Part| match part {
            Part::Text(text) => text.len(),
            Part::Capture(_) => 0,
        };
        self.parts
            .iter()
            .map(|part| size_of::<Part>() + text(part))
            .sum()
    }
}

/// A dot, and a label after it before the host ends.
fn is_fixed_domain(after: &str) -> bool {
    let label = after.strip_prefix('.');
    label.is_some_and(|label| label.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

fn longest_name<'t>(text: &'t str, names: &[Box<str>]) -> Option<(usize, &'t str)> {
    let end = text.find(|c| !is_name_character(c)).unwrap_or(text.len());
    let (word, _) = text.split_at(end);
    let known = names
        .iter()
        .enumerate()
        .filter(|(_, name)| word.starts_with(&***name));
    // Of two with one name the first counts.
    let (index, name) = known.rev().max_by_key(|(_, name)| name.len())?;
    Some((index, text.strip_prefix(&**name).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(source: &str, destination: &str, path: &str) -> String {
        let pattern = Pattern::compile(source);
        let captures = pattern.captures(path).expect("the pattern takes the path");
        Template::compile(destination, &pattern).fill(&captures)
    }

    #[test]
    fn names_are_replaced() {
        for (source, destination, path, want) in [
            ("/b/:id", "/b2/:id.jpg", "/b/7", "/b2/7.jpg"),
            (
                "/4/*/world/:id",
                "/a/:splat-:id.js",
                "/4/hi/world/9",
                "/a/hi-9.js",
            ),
            ("/c/:id/:name", "/c2/:id/name", "/c/1/sim", "/c2/1/name"),
            ("/:id/:idx", "/:idx/:id", "/1/2", "/2/1"),
            ("/:id", "/:idx", "/1", "/1x"),
            ("/x", "https://host:8080/y", "/x", "https://host:8080/y"),
            ("/:a", "/:b/:", "/1", "/:b/:"),
            (
                "/a/*",
                "/%E6%A0%87 /:splat?x=:splat",
                "/a/%2Fx",
                "/标 /%2Fx",
            ),
            ("/:a/:a", "/:a", "/1/2", "/1"),
            ("/:splat/*", "/:splat", "/1/2", "/1"),
        ] {
            assert_eq!(
                filled(source, destination, path),
                want,
                "{source} {destination}"
            );
        }
    }
}
