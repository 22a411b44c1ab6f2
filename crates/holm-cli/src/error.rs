//! What a person is told when a command fails: what was being done, why it failed, what to do next.

use std::fmt;

use holm_api::Problem;
use holm_types::Diagnostic;
use serde::Serialize;

use crate::exit::Exit;

/// A command that failed. Every room-inner error is turned into one of these at the rim, with the
/// whole chain of causes in `why`.
#[derive(Clone, Debug)]
pub struct CliError(Box<Failure>);

#[derive(Clone, Debug)]
struct Failure {
    exit: Exit,
    doing: String,
    why: String,
    next: Option<String>,
    code: Option<String>,
    request_id: Option<String>,
    diagnostics: Vec<Diagnostic>,
}

impl CliError {
    /// A failure: `doing` continues "could not ...", `why` is a sentence without its full stop.
    pub fn new(exit: Exit, doing: impl Into<String>, why: impl Into<String>) -> Self {
        Self(Box::new(Failure {
            exit,
            doing: doing.into(),
            why: why.into(),
            next: None,
            code: None,
            request_id: None,
            diagnostics: Vec::new(),
        }))
    }

    /// A failure with an inner error; its chain of causes becomes the reason.
    pub fn because(exit: Exit, doing: impl Into<String>, error: &dyn std::error::Error) -> Self {
        Self::new(exit, doing, chain(error))
    }

    /// An error that the API answered with.
    pub(crate) fn of_problem(doing: impl Into<String>, problem: &Problem) -> Self {
        let mut why = if problem.detail.is_empty() {
            format!("the server answered {} {}", problem.status, problem.code)
        } else {
            problem.detail.trim_end_matches('.').to_owned()
        };
        for field in &problem.errors {
            why = format!("{why}\n  {}: {}", field.pointer, field.detail);
        }
        if let (Some(limit), Some(observed)) = (problem.limit, problem.observed) {
            why = format!("{why} (limit {limit}, here {observed})");
        }
        let setting = problem.setting.as_ref();
        let next = match (problem.title.is_empty(), setting) {
            (true, None) => None,
            (true, Some(setting)) => {
                Some(format!("The limit is the server's setting `{setting}`."))
            }
            (false, None) => Some(problem.title.clone()),
            (false, Some(setting)) => {
                Some(format!("{} The setting is `{setting}`.", problem.title))
            }
        };
        Self(Box::new(Failure {
            exit: Exit::of_problem(&problem.code, problem.status),
            doing: doing.into(),
            why,
            next,
            code: Some(problem.code.clone()),
            request_id: Some(problem.request_id.clone()).filter(|id| !id.is_empty()),
            diagnostics: problem.diagnostics.clone(),
        }))
    }

    /// Says what to do next, as a sentence.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.0.next = Some(next.into());
        self
    }

    /// Adds findings about what the user wrote.
    #[must_use]
    pub fn with_diagnostics(mut self, diagnostics: Vec<Diagnostic>) -> Self {
        self.0.diagnostics = diagnostics;
        self
    }

    /// The exit code of the documented table.
    pub fn exit(&self) -> Exit {
        self.0.exit
    }

    /// The API's error code, for example `project/not-found`. `None` when no server said so.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The number to quote to the server's operator. `None` when no server was involved.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Why, with all causes.
    pub fn why(&self) -> &str {
        &self.0.why
    }

    /// What to do next. `None` when nothing helps.
    pub fn next_step(&self) -> Option<&str> {
        self.0.next.as_deref()
    }

    /// Findings about what the user wrote.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0.diagnostics
    }

    /// The same as one JSON value, for `--json`.
    pub(crate) fn to_json(&self) -> ErrorReport<'_> {
        ErrorReport {
            error: ErrorBody {
                message: self.to_string(),
                next: self.0.next.as_deref(),
                code: self.0.code.as_deref(),
                request_id: self.0.request_id.as_deref(),
                exit_code: self.0.exit.number(),
                diagnostics: &self.0.diagnostics,
            },
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {}: {}", self.0.doing, self.0.why)
    }
}

impl std::error::Error for CliError {}

/// The JSON form of a failure.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorReport<'a> {
    error: ErrorBody<'a>,
}

#[derive(Debug, Serialize)]
struct ErrorBody<'a> {
    message: String,
    next: Option<&'a str>,
    code: Option<&'a str>,
    request_id: Option<&'a str>,
    exit_code: u8,
    diagnostics: &'a [Diagnostic],
}

/// An error and its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some libraries repeat their source in their own text.
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_keeps_detail_advice_code_and_request_id() {
        let problem = Problem {
            title: "Choose another name.".into(),
            status: 409,
            detail: "A project named `blog` already exists.".into(),
            code: "project/name-taken".into(),
            request_id: "17".into(),
            ..Problem::default()
        };
        let error = CliError::of_problem("make project `blog`", &problem);
        assert_eq!(
            error.to_string(),
            "could not make project `blog`: A project named `blog` already exists"
        );
        assert_eq!(error.exit(), Exit::Conflict);
        assert_eq!(error.next_step(), Some("Choose another name."));
        assert_eq!(error.request_id(), Some("17"));
        let json = serde_json::to_value(error.to_json()).unwrap();
        assert_eq!(json["error"]["exit_code"], 5);
        assert_eq!(json["error"]["code"], "project/name-taken");
    }

    #[test]
    fn limits_and_fields_are_shown() {
        let problem = Problem {
            status: 422,
            detail: "Too many files.".into(),
            code: "deployment/too-many-files".into(),
            limit: Some(10),
            observed: Some(11),
            setting: Some("control.files_max".into()),
            ..Problem::default()
        };
        let error = CliError::of_problem("deploy", &problem);
        assert_eq!(error.why(), "Too many files (limit 10, here 11)");
        assert_eq!(
            error.next_step(),
            Some("The limit is the server's setting `control.files_max`.")
        );
    }
}
