//! The only place that writes to stdout and stderr.
//!
//! Stdout carries the result and nothing else: a URL, a table, or with `--json` one JSON object.
//! Everything said along the way goes to stderr.

use std::io::{self, Read, Write};
use std::sync::{Arc, OnceLock};

use holm_types::{Diagnostic, Severity};
use serde::Serialize;

use crate::error::CliError;
use crate::escape;
use crate::exit::Exit;
use crate::style::{Paint, Style};
use crate::surroundings::Surroundings;

/// Writes results and messages as the terminal and the user want them.
#[derive(Clone, Debug)]
pub(crate) struct Printer {
    out: Stream,
    err: Stream,
}

impl Printer {
    /// As these surroundings ask for.
    pub(crate) fn new(surroundings: &Surroundings) -> Self {
        let style = |is_terminal| Style::new(surroundings.colour.unwrap_or(is_terminal));
        Self {
            out: Stream {
                is_result: true,
                style: style(surroundings.stdout_is_terminal),
                lost: Arc::default(),
            },
            err: Stream {
                is_result: false,
                style: style(surroundings.stderr_is_terminal),
                lost: Arc::default(),
            },
        }
    }

    /// How stdout is coloured, for texts that are made elsewhere.
    pub(crate) fn out_style(&self) -> Style {
        self.out.style
    }

    /// Writes the result as one line.
    pub(crate) fn result(&self, line: &str) {
        self.out.write(&format!("{line}\n"));
    }

    /// Writes a result of several lines as it is.
    pub(crate) fn result_text(&self, text: &str) {
        self.out.write(text);
    }

    /// Writes the result as one JSON value on one line.
    pub(crate) fn result_json(&self, value: &impl Serialize) {
        // The values are ours and have string keys: they always have a JSON form.
        let text = escape::json(&serde_json::to_string(value).unwrap_or_default());
        self.result(&text);
    }

    /// How the command ends: a result that could not be written, on a full disk for example, was not
    /// given to anybody, whatever else went well.
    pub(crate) fn ending(&self, exit: Exit) -> Exit {
        let Some(why) = self.out.lost.get().filter(|_| exit == Exit::Ok) else {
            return exit;
        };
        let error = CliError::new(Exit::Failure, "write the result to standard output", why);
        self.err.write(&render_error(&error, self.err.style));
        error.exit()
    }

    /// Says something on stderr.
    pub(crate) fn note(&self, text: &str) {
        self.err.write(&format!("{text}\n"));
    }

    /// Asks on stderr, without ending the line.
    pub(crate) fn ask(&self, text: &str) {
        self.err.write(text);
    }

    /// Warns on stderr.
    pub(crate) fn warn(&self, text: &str) {
        let word = self.err.style.paint(Paint::Warning, "warning");
        self.note(&format!("{word}: {text}"));
    }

    /// Says that something has been done.
    pub(crate) fn done(&self, text: &str) {
        let mark = self.err.style.paint(Paint::Good, "✓");
        self.note(&format!("{mark} {text}"));
    }

    /// Writes findings to stderr.
    pub(crate) fn diagnostics(&self, diagnostics: &[Diagnostic]) {
        for diagnostic in diagnostics {
            self.note(&render_diagnostic(diagnostic, self.err.style));
        }
    }

    /// Writes a failure: to stderr for people, and to stdout as the one JSON object when asked for.
    pub(crate) fn failure(&self, error: &CliError, as_json: bool) -> Exit {
        self.diagnostics(error.diagnostics());
        self.err.write(&render_error(error, self.err.style));
        if as_json {
            self.result_json(&error.to_json());
        }
        error.exit()
    }
}

/// One line that the user types or pipes in, without its end, at most `bytes_max` bytes.
pub(crate) fn read_line(bytes_max: u64) -> io::Result<String> {
    Ok(read_exact_line(bytes_max)?.trim().to_owned())
}

/// As [`read_line`], with the spaces around it: they may be part of a password.
pub(crate) fn read_exact_line(bytes_max: u64) -> io::Result<String> {
    let mut text = String::new();
    io::stdin()
        .lock()
        .take(bytes_max)
        .read_to_string(&mut text)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// All of standard input, without the line end that pipes put behind it, at most `bytes_max` bytes.
pub(crate) fn read_all(bytes_max: u64) -> io::Result<String> {
    let mut text = String::new();
    io::stdin()
        .lock()
        .take(bytes_max)
        .read_to_string(&mut text)?;
    let end = text.strip_suffix('\n').unwrap_or(&text);
    Ok(end.strip_suffix('\r').unwrap_or(end).to_owned())
}

/// One line typed on the terminal.
pub(crate) fn read_typed_line() -> io::Result<String> {
    let line = console::Term::stderr().read_line()?;
    Ok(line.trim().to_owned())
}

/// One line typed on the terminal without being shown.
pub(crate) fn read_hidden_line() -> io::Result<String> {
    console::Term::stderr().read_secure_line()
}

/// A finding in the form of its `Display`, with colour on the word and the place.
pub(crate) fn render_diagnostic(diagnostic: &Diagnostic, style: Style) -> String {
    let text = diagnostic.to_string();
    let paint = match diagnostic.severity {
        Severity::Error => Paint::Bad,
        Severity::Warning => Paint::Warning,
        Severity::Info => Paint::Quiet,
    };
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let mut out = match first.split_once(": ") {
        Some((head, message)) => format!("{}: {message}", style.paint(paint, head)),
        None => first.to_owned(),
    };
    for line in rest.lines() {
        out.push('\n');
        if line.starts_with("  -->") {
            out.push_str(&style.paint(Paint::Quiet, line));
        } else {
            out.push_str(line);
        }
    }
    out
}

/// A failure in three or four lines: what, why, what next, which number to quote.
pub(crate) fn render_error(error: &CliError, style: Style) -> String {
    let mut text = format!("{}: {error}\n", style.paint(Paint::Bad, "error"));
    if let Some(next) = error.next_step() {
        let word = style.paint(Paint::Strong, "next:");
        text = format!("{text}  {word} {next}\n");
    }
    let number = error.request_id().map(|id| format!("request {id}"));
    let parts: Vec<&str> = error.code().into_iter().chain(number.as_deref()).collect();
    if parts.is_empty() {
        return text;
    }
    let line = style.paint(Paint::Quiet, &format!("  ({})", parts.join(", ")));
    format!("{text}{line}\n")
}

/// Stdout or stderr.
#[derive(Clone, Debug)]
struct Stream {
    is_result: bool,
    style: Style,
    /// Why something could not be written, the first time.
    lost: Arc<OnceLock<String>>,
}

impl Stream {
    fn write(&self, text: &str) {
        let text = escape::text(text, self.style);
        let write = |stream: &mut dyn Write| {
            stream
                .write_all(text.as_bytes())
                .and_then(|()| stream.flush())
        };
        let written = if self.is_result {
            write(&mut io::stdout())
        } else {
            write(&mut io::stderr())
        };
        match written {
            // A reader that has gone away (`holm projects | head -1`) is no failure of ours.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                self.lost.get_or_init(|| error.to_string());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_reads_as_what_why_next_and_number() {
        let problem = holm_api::Problem {
            title: "List the projects to see which exist.".into(),
            status: 404,
            detail: "There is no project `blog`.".into(),
            code: "project/not-found".into(),
            request_id: "17".into(),
            ..holm_api::Problem::default()
        };
        let error = CliError::of_problem("list the deployments of `blog`", &problem);
        assert_eq!(
            render_error(&error, Style::new(false)),
            "error: could not list the deployments of `blog`: There is no project `blog`\n  \
             next: List the projects to see which exist.\n  (project/not-found, request 17)\n"
        );
        assert!(render_error(&error, Style::new(true)).starts_with("\u{1b}[1;31merror\u{1b}[0m: "));
    }

    #[test]
    fn a_finding_reads_as_its_display_with_or_without_colour() {
        let finding = Diagnostic::new(Severity::Warning, "edgeone-json/value-match", "bad source")
            .at("edgeone.json", Some(7))
            .hint("start it with a slash");
        assert_eq!(
            render_diagnostic(&finding, Style::new(false)),
            finding.to_string()
        );
        assert_eq!(
            render_diagnostic(&finding, Style::new(true)),
            "\u{1b}[1;33mwarning[edgeone-json/value-match]\u{1b}[0m: bad source\n\
             \u{1b}[2m  --> edgeone.json:7\u{1b}[0m\n  hint: start it with a slash"
        );
    }
}
