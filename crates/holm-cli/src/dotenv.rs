//! `.env` files: read with the place of every variable, and changed without touching the rest.
//!
//! The common core of the dialects: `NAME=value`, `export NAME=value`, `#` comments, single quotes that
//! change nothing, double quotes with escapes that may span lines. Nothing is expanded.

use std::collections::BTreeMap;
use std::ops::Range;

use holm_types::VariableName;

/// One variable of a file.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub name: String,
    pub value: String,
    /// The bytes of the file from the start of its line to its end, the line end left out.
    place: Range<usize>,
}

/// Without the value: it may be a secret.
impl std::fmt::Debug for Assignment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assignment")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A line that is neither a variable nor a comment. It is not repeated: it may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub(crate) struct DotenvError {
    /// From 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Reads a file. A name that comes twice has the last value, as with every reader of such files.
pub(crate) fn parse(text: &str) -> Result<Vec<Assignment>, DotenvError> {
    let mut found = Vec::new();
    let mut at = text
        .strip_prefix('\u{feff}')
        .map_or(0, |_| '\u{feff}'.len_utf8());
    while at < text.len() {
        let rest = text.get(at..).unwrap_or_default();
        let line_end = rest.find('\n').map_or(text.len(), |length| at + length);
        let line = text.get(at..line_end).unwrap_or_default();
        let trimmed = line.trim_start();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            at = line_end + 1;
            continue;
        }
        let (assignment, end) = read_assignment(text, at)?;
        found.push(assignment);
        at = end + 1;
    }
    Ok(found)
}

/// The assignment whose line begins at `start`, and where its last line ends.
fn read_assignment(text: &str, start: usize) -> Result<(Assignment, usize), DotenvError> {
    let fail = |why| DotenvError {
        line: text.get(..start).unwrap_or_default().matches('\n').count() + 1,
        why,
    };
    let rest = text.get(start..).unwrap_or_default();
    let first_line = rest.lines().next().unwrap_or_default();
    let equals = first_line
        .find('=')
        .ok_or_else(|| fail("there is no `=`"))?;
    let name = first_line.get(..equals).unwrap_or_default().trim();
    let name = name.strip_prefix("export ").map_or(name, str::trim_start);
    name.parse::<VariableName>()
        .map_err(|_| fail("the name is not a letter, then letters, digits and underscores"))?;
    let after = rest.get(equals + 1..).unwrap_or_default();
    let value_text = after.trim_start_matches([' ', '\t']);
    let value_start = start + equals + 1 + (after.len() - value_text.len());
    let (value, length) = match value_text.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            read_quoted(value_text, quote).ok_or_else(|| fail("the quote is not closed"))?
        }
        _ => read_bare(value_text),
    };
    let behind = text.get(value_start + length..).unwrap_or_default();
    let line_rest = behind.split('\n').next().unwrap_or_default();
    let comment = line_rest.trim();
    if !(comment.is_empty() || comment.starts_with('#')) {
        return Err(fail("something follows the closing quote"));
    }
    let line_end = value_start + length + line_rest.len();
    let place = start..line_end - usize::from(line_rest.ends_with('\r'));
    let name = name.to_owned();
    Ok((Assignment { name, value, place }, line_end))
}

/// An unquoted value ends at the line's end or before ` #`.
fn read_bare(text: &str) -> (String, usize) {
    let line = text.split('\n').next().unwrap_or_default();
    let comments = [" #", "\t#"].iter().filter_map(|mark| line.find(mark));
    let end = if line.starts_with('#') {
        0
    } else {
        comments.min().unwrap_or(line.len())
    };
    let value = line.get(..end).unwrap_or_default();
    (value.trim().to_owned(), end)
}

/// A quoted value and its length with the quotes. `None` when the quote is not closed.
fn read_quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        if c == quote {
            return Some((value, at + 1));
        }
        if c != '\\' || quote == '\'' {
            value.push(c);
            continue;
        }
        match characters.next()?.1 {
            'n' => value.push('\n'),
            'r' => value.push('\r'),
            't' => value.push('\t'),
            c @ ('"' | '\\' | '$') => value.push(c),
            other => value.extend(['\\', other]),
        }
    }
    None
}

/// A file with these variables: those that are there are changed in their place, the others added, and
/// whatever else is there stays. `secrets` are named in comments unless the file has them.
pub(crate) fn merge(
    text: &str,
    values: &BTreeMap<String, String>,
    secrets: &[String],
) -> Result<String, DotenvError> {
    let present = parse(text)?;
    let mut merged = String::with_capacity(text.len());
    let mut copied = 0;
    for assignment in &present {
        merged.push_str(text.get(copied..assignment.place.start).unwrap_or_default());
        match values.get(&assignment.name) {
            Some(value) if *value != assignment.value => {
                merged.push_str(&line(&assignment.name, value));
            }
            _ => merged.push_str(text.get(assignment.place.clone()).unwrap_or_default()),
        }
        copied = assignment.place.end;
    }
    merged.push_str(text.get(copied..).unwrap_or_default());
    if !merged.is_empty() && !merged.ends_with('\n') {
        merged.push('\n');
    }
    let is_present = |name: &str| present.iter().any(|assignment| assignment.name == name);
    for (name, value) in values.iter().filter(|(name, _)| !is_present(name)) {
        merged.push_str(&line(name, value));
        merged.push('\n');
    }
    for name in secrets.iter().filter(|name| !is_present(name)) {
        let comment = secret_comment(name);
        if !text.lines().any(|line| line == comment) {
            merged.push_str(&comment);
            merged.push('\n');
        }
    }
    Ok(merged)
}

fn secret_comment(name: &str) -> String {
    format!("# {name}= is a secret: the server never shows its value")
}

/// `NAME=value`, quoted as far as it needs to be.
fn line(name: &str, value: &str) -> String {
    let is_simple = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,=~".contains(c);
    if value.chars().all(is_simple) {
        return format!("{name}={value}");
    }
    if !value.contains(['\'', '\n', '\r']) {
        return format!("{name}='{value}'");
    }
    let mut quoted = String::new();
    for c in value.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '"' | '\\' | '$' => quoted.extend(['\\', c]),
            c => quoted.push(c),
        }
    }
    format!("{name}=\"{quoted}\"")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let pair = |found: Assignment| (found.name, found.value);
        parse(text).unwrap().into_iter().map(pair).collect()
    }

    fn values(rows: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        rows.iter().map(pair).collect()
    }

    #[test]
    fn the_common_core_is_read() {
        let text = "\u{feff}# comment\n\nA=1\r\n  export B = two words # why\nC='a # b\\n'\nD=\"x\\ny\\\"\\z\" # c\nE=\nF=\"two\nlines\"\nG=a#b\nH=#only\nI=x=y";
        let want = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "a # b\\n"),
            ("D", "x\ny\"\\z"),
            ("E", ""),
            ("F", "two\nlines"),
            ("G", "a#b"),
            ("H", ""),
            ("I", "x=y"),
        ];
        let want = want.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(pairs(text), want);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line_and_not_repeated() {
        for (text, line) in [
            ("A=1\nhunter2", 2),
            ("A=\"1\n2\"\n1B=x", 3),
            ("A='x", 1),
            ("A=\"x\" y", 1),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.line, line, "{text:?}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn a_merge_changes_what_differs_and_leaves_the_rest() {
        let text = "# mine\nLOCAL=1 # stays\nA='old'\r\nB=same # kept\nKEY=local";
        let remote = values(&[("A", "new"), ("B", "same"), ("C", "it's\n2")]);
        let secrets = ["KEY".to_owned(), "TOKEN".to_owned()];
        let merged = merge(text, &remote, &secrets).unwrap();
        assert_eq!(
            merged,
            "# mine\nLOCAL=1 # stays\nA=new\r\nB=same # kept\nKEY=local\nC=\"it's\\n2\"\n# TOKEN= is a secret: the server never shows its value\n"
        );
        assert_eq!(merge(&merged, &remote, &secrets).unwrap(), merged);
    }

    proptest! {
        #[test]
        fn any_value_comes_back(value in "[^\0]{0,40}") {
            let written = merge("", &values(&[("A", &value), ("B", "end")]), &[]).unwrap();
            prop_assert_eq!(pairs(&written), [("A".to_owned(), value), ("B".to_owned(), "end".to_owned())]);
        }

        #[test]
        fn no_text_makes_it_fall_over(text in "[AB=\"'# \\\\\n\r\t$é]{0,60}") {
            if let Ok(merged) = merge(&text, &values(&[("A", "x y")]), &[]) {
                let last = pairs(&merged).into_iter().rfind(|(name, _)| name == "A");
                prop_assert_eq!(last.unwrap().1, "x y");
            }
        }
    }
}
