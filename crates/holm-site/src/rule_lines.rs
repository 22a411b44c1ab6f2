//! `_redirects` and `_headers`: the files of rules that sites bring along from Cloudflare Pages and Netlify
//! (decision D10.13, `docs/adr/0009-lines-of-rivals.md`).
//!
//! Both are plain text, a rule or a part of one a line. A line that does not pass is dropped, with a finding
//! that names line and column; the others are kept, and the deployment goes on.

mod headers;
mod redirects;
#[cfg(test)]
mod tests;

use holm_types::{Diagnostic, Severity};

use crate::code;
use crate::limits::RuleLimits;

pub(crate) use headers::{host_as_path, read_headers};
pub(crate) use redirects::read_redirects;

/// A run of characters without a space, and the column of its first, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word<'t> {
    text: &'t str,
    column: u32,
}

/// What is wrong with a line: where, which kind, in words, and what to do.
#[derive(Debug)]
struct Complaint {
    column: u32,
    code: &'static str,
    message: String,
    hint: &'static str,
}

impl Complaint {
    fn new(
        column: u32,
        code: &'static str,
        message: impl Into<String>,
        hint: &'static str,
    ) -> Self {
        Self {
            column,
            code,
            message: message.into(),
            hint,
        }
    }
}

/// The findings about one file, up to their maximum.
struct Findings {
    file: &'static str,
    max: usize,
    diagnostics: Vec<Diagnostic>,
    /// How many more there are.
    uncounted: usize,
}

impl Findings {
    fn new(file: &'static str, limits: &RuleLimits) -> Self {
        Self {
            file,
            max: limits.line_findings_max,
            diagnostics: Vec::new(),
            uncounted: 0,
        }
    }

    fn add(&mut self, line: u32, complaint: Complaint) {
        if self.diagnostics.len() >= self.max {
            self.uncounted += 1;
            return;
        }
        self.diagnostics.push(
            Diagnostic::new(Severity::Warning, complaint.code, complaint.message)
                .at(self.file, Some(line))
                .column(complaint.column)
                .hint(complaint.hint),
        );
    }

    fn finish(mut self) -> Vec<Diagnostic> {
        if self.uncounted > 0 {
            let message = format!("{} more lines are wrong and dropped", self.uncounted);
            self.diagnostics.push(
                Diagnostic::new(Severity::Warning, code::LINE_LIMIT, message)
                    .at(self.file, None)
                    .hint("correct those that are listed and deploy again"),
            );
        }
        self.diagnostics
    }
}

/// A line that says something.
#[derive(Clone, Copy)]
struct RawLine<'t> {
    /// From 1.
    number: u32,
    /// `None` when what is wrong with it as text is a finding already.
    text: Option<&'t str>,
    /// Whether it begins with a path or a URL.
    begins_with_path: bool,
}

/// The lines of a file that say something; none when it is longer than may be read.
fn lines<'t>(
    text: &'t [u8],
    chars_max: usize,
    limits: &RuleLimits,
    findings: &mut Findings,
) -> Vec<RawLine<'t>> {
    if text.len() > limits.file_bytes_max {
        findings
            .diagnostics
            .push(too_large(findings.file, text.len(), limits));
        return Vec::new();
    }
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let mut lines = Vec::new();
    for (number, line) in (1_u32..).zip(text.split(|byte| *byte == b'\n')) {
        let start = line.trim_ascii_start();
        if matches!(start.first(), None | Some(b'#')) {
            continue;
        }
        let text = readable(line, chars_max)
            .map_err(|complaint| findings.add(number, complaint))
            .ok();
        lines.push(RawLine {
            number,
            text,
            begins_with_path: begins_with_path(start),
        });
    }
    lines
}

/// Whether this is a path, or a word of letters with `://` after it.
fn begins_with_path(start: &[u8]) -> bool {
    let letters = start.iter().take_while(|byte| byte.is_ascii_alphabetic());
    let (_, after) = start.split_at(letters.count());
    start.starts_with(b"/") || (after.len() < start.len() && after.starts_with(b"://"))
}

fn too_large(file: &'static str, size_bytes: usize, limits: &RuleLimits) -> Diagnostic {
    let max = limits.file_bytes_max;
    Diagnostic::new(
        Severity::Warning,
        code::LINE_LIMIT,
        format!("the file has {size_bytes} bytes and is not read: at most {max} are"),
    )
    .at(file, None)
    .hint("the deployment goes on without its rules; shorten the file")
}

/// The line as text, without the space at its end.
fn readable(line: &[u8], chars_max: usize) -> Result<&str, Complaint> {
    let line = str::from_utf8(line).map_err(|error| {
        let before = line.get(..error.valid_up_to()).unwrap_or_default();
        let column = column_after(str::from_utf8(before).unwrap_or_default());
        let message = "the line is not UTF-8";
        Complaint::new(column, code::LINE_SYNTAX, message, "save the file as UTF-8")
    })?;
    let line = line.trim_end();
    if let Some((at, bad)) = line
        .char_indices()
        .find(|(_, c)| c.is_control() && *c != '\t')
    {
        return Err(Complaint::new(
            column_at(line, at),
            code::LINE_UNSAFE,
            format!(
                "the line has the control character `{}`",
                bad.escape_debug()
            ),
            "take the character out",
        ));
    }
    let count = line.chars().count();
    if count > chars_max {
        return Err(Complaint::new(
            u32::try_from(chars_max)
                .unwrap_or(u32::MAX)
                .saturating_add(1),
            code::LINE_LIMIT,
            format!("the line has {count} characters; at most {chars_max} are read"),
            "shorten the line",
        ));
    }
    Ok(line)
}

/// The words of a line up to a comment.
fn words(line: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_start();
        let (text, after) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
        if text.is_empty() || text.starts_with('#') {
            return words;
        }
        words.push(Word {
            text,
            column: column_at(line, line.len() - rest.len()),
        });
        rest = after;
    }
}

/// The column of the character that begins at this byte.
fn column_at(line: &str, at: usize) -> u32 {
    column_after(line.get(..at).unwrap_or_default())
}

fn column_after(before: &str) -> u32 {
    u32::try_from(before.chars().count())
        .unwrap_or(u32::MAX)
        .saturating_add(1)
}

/// What is wrong with a pattern over a path.
///
/// It may be wider than a pattern of `edgeone.json` (any character that is no space, a dot beside a name), but it
/// must be one that the same index can hold: one `*`, one `:name` in a segment.
fn path_complaint(path: &str, column: u32) -> Option<Complaint> {
    let wrong = |code, message: &str, hint| Some(Complaint::new(column, code, message, hint));
    if path.contains('\\') {
        return wrong(
            code::LINE_UNSAFE,
            "the path has a backslash, which browsers take for a slash",
            "write a slash",
        );
    }
    if path.contains('?') {
        return wrong(
            code::LINE_UNSUPPORTED,
            "the source has a query, and rules are compared with the path alone",
            "take the query out of the source",
        );
    }
    if path.matches('*').count() > 1 {
        return wrong(
            code::LINE_SYNTAX,
            "the source has more than one `*`",
            "keep one `*`; it takes slashes, too",
        );
    }
    segment_complaint(path, column)
}

fn segment_complaint(path: &str, column: u32) -> Option<Complaint> {
    let wrong =
        |message: String, hint| Some(Complaint::new(column, code::LINE_SYNTAX, message, hint));
    let mut names = Vec::new();
    for segment in path.split('/') {
        let mut named = segment.split(':');
        named.next();
        let count_before = names.len();
        for after in named {
            if !after.starts_with(|c: char| c.is_ascii_alphabetic()) {
                let message = format!("`{segment}` has a `:` without a name after it");
                return wrong(
                    message,
                    "a name starts with a letter; write a colon as `%3A`",
                );
            }
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let end = after.find(|c| !is_name(c)).unwrap_or(after.len());
            names.push(after.split_at(end).0);
        }
        let count = names.len() - count_before;
        if count > 1 || (count == 1 && segment.contains('*')) {
            let message =
                format!("`{segment}` has more than one `:name` or `*` between two slashes");
            return wrong(
                message,
                "put a slash between them, or write a line for each case",
            );
        }
    }
    names.sort_unstable();
    let mut pairs = names.windows(2);
    let [twice, _] = pairs.find(|pair| pair.first() == pair.last())? else {
        return None;
    };
    let message = format!("the source has `:{twice}` twice");
    wrong(message, "give each `:name` a name of its own")
}
