//! `_redirects`: `SOURCE DESTINATION [STATUS]` a line.

use std::collections::HashSet;

use holm_types::Parsed;

use super::{Complaint, Findings, Word, lines, path_complaint, words};
use crate::code;
use crate::limits::RuleLimits;
use crate::pattern::Pattern;
use crate::template::Template;
use crate::{LineAction, RedirectLine, RuleOrigin};

const FILE: &str = "_redirects";

/// The status of a line that names none (Cloudflare's default; Netlify's is 301).
const DEFAULT_STATUS: u16 = 302;

/// Reads `_redirects`. It never fails: a line that cannot be used is dropped, with a finding.
pub(crate) fn read_redirects(text: &[u8], limits: &RuleLimits) -> Parsed<Vec<RedirectLine>> {
    let mut findings = Findings::new(FILE, limits);
    let mut reader = Reader {
        limits,
        rules: Vec::new(),
        fixed: Count::default(),
        patterns: Count::default(),
        sources: HashSet::new(),
    };
    for line in lines(text, limits.redirect_line_chars_max, limits, &mut findings) {
        let Some(text) = line.text else { continue };
        if let Err(complaint) = reader.take(line.number, text) {
            findings.add(line.number, complaint);
        }
    }
    Parsed {
        value: reader.rules,
        diagnostics: findings.finish(),
    }
}

/// How many lines of a kind there are.
#[derive(Default)]
struct Count {
    used: usize,
    is_over: bool,
}

struct Reader<'l> {
    limits: &'l RuleLimits,
    rules: Vec<RedirectLine>,
    /// Lines whose source is one path.
    fixed: Count,
    /// Lines whose source has `:name` or `*`.
    patterns: Count,
    /// The sources so far: of two lines with one source the first counts.
    sources: HashSet<Box<str>>,
}

impl Reader<'_> {
    fn take(&mut self, number: u32, line: &str) -> Result<(), Complaint> {
        let line = read_line(&words(line))?;
        let pattern = check_source(line.source)?;
        check_destination(&line, &pattern)?;
        // A source without its fragment, which browsers keep to themselves.
        let source = line.source.text.split('#').next().unwrap_or_default();
        if self.sources.contains(source) {
            return Err(Complaint::new(
                line.source.column,
                code::LINE_NO_EFFECT,
                format!("an earlier line has the source `{source}` already"),
                "of two lines with one source the first counts; take one out",
            ));
        }
        if !self.has_room(&pattern, line.source.column)? {
            return Ok(());
        }
        self.sources.insert(source.into());
        self.rules.push(RedirectLine {
            source: source.into(),
            destination: line.destination.text.into(),
            action: line.action,
            origin: RuleOrigin {
                file: FILE.into(),
                line: number,
            },
        });
        Ok(())
    }

    /// Whether one more of this kind may be used; the first that may not is a finding.
    fn has_room(&mut self, pattern: &Pattern, column: u32) -> Result<bool, Complaint> {
        let (count, max, kind) = if pattern.is_exact() {
            (
                &mut self.fixed,
                self.limits.redirect_lines_max,
                "with a fixed source",
            )
        } else {
            (
                &mut self.patterns,
                self.limits.redirect_patterns_max,
                "with `:name` or `*`",
            )
        };
        if count.used < max {
            count.used += 1;
            return Ok(true);
        }
        if count.is_over {
            return Ok(false);
        }
        count.is_over = true;
        Err(Complaint::new(
            column,
            code::LINE_LIMIT,
            format!("only the first {max} lines {kind} are used"),
            "the server's limits are `site.redirect_lines_max` and `site.redirect_patterns_max`",
        ))
    }
}

/// A line, taken apart.
struct Line<'t> {
    source: Word<'t>,
    destination: Word<'t>,
    action: LineAction,
}

fn read_line<'t>(words: &[Word<'t>]) -> Result<Line<'t>, Complaint> {
    let (source, rest) = match words {
        [source, rest @ ..] => (*source, rest),
        [] => return Err(no_destination(1)),
    };
    if let Some(condition) = rest
        .iter()
        .take_while(|word| !is_target(word.text))
        .find(|word| word.text.contains('='))
    {
        return Err(condition_complaint(*condition, rest));
    }
    let (destination, rest) = match rest {
        [destination, rest @ ..] if status_of(destination.text).is_none() => (*destination, rest),
        _ => return Err(no_destination(source.column)),
    };
    let (action, rest) = match rest {
        [status, rest @ ..] if !status.text.contains('=') => (action_of(*status)?, rest),
        _ => (LineAction::Redirect(DEFAULT_STATUS), rest),
    };
    match rest {
        [] => Ok(Line {
            source,
            destination,
            action,
        }),
        [condition, ..] if condition.text.contains('=') => {
            Err(condition_complaint(*condition, &[]))
        }
        [extra, ..] => Err(Complaint::new(
            extra.column,
            code::LINE_SYNTAX,
            format!("`{}` is one word too many", extra.text),
            "write `SOURCE DESTINATION STATUS`; spaces in a path are `%20`",
        )),
    }
}

fn no_destination(column: u32) -> Complaint {
    Complaint::new(
        column,
        code::LINE_SYNTAX,
        "the line has no destination",
        "write `SOURCE DESTINATION STATUS`",
    )
}

fn is_target(text: &str) -> bool {
    text.starts_with('/') || text.starts_with("https://") || text.starts_with("http://")
}

/// What Netlify has and Cloudflare has not: a line for some visitors only. Used for everybody it would do harm.
fn condition_complaint(condition: Word<'_>, after: &[Word<'_>]) -> Complaint {
    let name = condition.text.split('=').next().unwrap_or_default();
    let is_query = after.iter().any(|word| is_target(word.text));
    let what = match name.to_ascii_lowercase().as_str() {
        _ if is_query => format!("the query `{}`", condition.text),
        "country" | "language" | "role" | "cookie" => {
            format!(
                "the visitor's {} (`{}`)",
                name.to_ascii_lowercase(),
                condition.text
            )
        }
        _ => format!("`{}`", condition.text),
    };
    Complaint::new(
        condition.column,
        code::LINE_UNSUPPORTED,
        format!("the line depends on {what}, which is not looked at here; the line is dropped"),
        "decide it in the page, or in a function",
    )
}

/// The status in a word such as `301` or `200!`. `None` when the word is none.
fn status_of(word: &str) -> Option<(u16, bool)> {
    let (digits, is_forced) = match word.strip_suffix('!') {
        Some(digits) => (digits, true),
        None => (word, false),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| (digits.parse().unwrap_or(u16::MAX), is_forced))
}

fn action_of(word: Word<'_>) -> Result<LineAction, Complaint> {
    match status_of(word.text) {
        Some((status @ (301 | 302 | 303 | 307 | 308), _)) => Ok(LineAction::Redirect(status)),
        Some((status @ (200 | 404), is_forced)) => Ok(LineAction::Serve { status, is_forced }),
        Some(_) => Err(Complaint::new(
            word.column,
            code::LINE_UNSUPPORTED,
            format!("the status `{}` cannot be given by a line", word.text),
            "use 301, 302, 303, 307 or 308, 200 for a rewrite, or 404 for a page",
        )),
        None => Err(Complaint::new(
            word.column,
            code::LINE_SYNTAX,
            format!("`{}` stands where the status should be", word.text),
            "write `SOURCE DESTINATION STATUS`; spaces in a path are `%20`",
        )),
    }
}

fn check_source(source: Word<'_>) -> Result<Pattern, Complaint> {
    let path = source.text.split('#').next().unwrap_or_default();
    if path.contains("://") && !path.starts_with('/') {
        return Err(Complaint::new(
            source.column,
            code::LINE_UNSUPPORTED,
            format!("`{path}` names a host, and a source is a path here"),
            "leave the host out; `redirects` of edgeone.json can lead from and to `www.`",
        ));
    }
    if !path.starts_with('/') {
        return Err(Complaint::new(
            source.column,
            code::LINE_SYNTAX,
            format!("the source `{path}` does not start with a slash"),
            "write the whole path, as in `/old/page`",
        ));
    }
    match path_complaint(path, source.column) {
        Some(complaint) => Err(complaint),
        None => Ok(Pattern::compile(path)),
    }
}

fn check_destination(line: &Line<'_>, pattern: &Pattern) -> Result<(), Complaint> {
    let (text, column) = (line.destination.text, line.destination.column);
    let wrong = |code, message: String, hint| Err(Complaint::new(column, code, message, hint));
    if text.contains('\\') || text.starts_with("//") {
        let message = format!("`{text}` would lead browsers to another host than it seems");
        let hint = "begin with one slash for this site, or with `https://` for another";
        return wrong(code::LINE_UNSAFE, message, hint);
    }
    if !is_target(text) {
        let message = format!("the destination `{text}` is neither a path nor a URL");
        return wrong(
            code::LINE_SYNTAX,
            message,
            "begin with a slash or with `https://`",
        );
    }
    let is_external = !text.starts_with('/');
    if is_external && matches!(line.action, LineAction::Serve { .. }) {
        let message = format!(
            "`{text}` is on another host, and a {} answers with a file of this site",
            line.action
        );
        let hint = "redirect with 302, or fetch the other host in a function";
        return wrong(code::LINE_UNSUPPORTED, message, hint);
    }
    let template = Template::compile(text, pattern);
    if is_external && !template.has_fixed_site() {
        let message =
            format!("the host of `{text}` is for the visitor to choose: an open redirect");
        let hint = "a name in a host must be followed by a dot and a fixed domain";
        return wrong(code::LINE_UNSAFE, message, hint);
    }
    let target = template.fixed_path();
    if matches!(line.action, LineAction::Redirect(_))
        && target.is_some_and(|target| pattern.is_match(&target))
    {
        let message = format!("the line would redirect `{text}` again, without end");
        return wrong(
            code::LINE_NO_EFFECT,
            message,
            "choose a source that does not take the destination",
        );
    }
    Ok(())
}
