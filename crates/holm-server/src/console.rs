//! The one module that prints: stdout for what scripts read, stderr for people.
//!
//! A reader that has gone away (`holm doctor | head`) is no failure: what it did not want is dropped.

use std::error::Error;
use std::fmt::Display;
use std::io::Write as _;

/// A line for scripts.
pub(crate) fn out(line: &dyn Display) {
    drop(writeln!(std::io::stdout().lock(), "{line}"));
}

/// A line for people.
pub(crate) fn say(line: &dyn Display) {
    drop(writeln!(std::io::stderr().lock(), "{line}"));
}

/// An error with its causes, and what to do next.
pub(crate) fn error(error: &dyn Error, hint: Option<&str>) {
    say(&format_args!("error: {error}"));
    let mut cause = error.source();
    while let Some(inner) = cause {
        say(&format_args!("  because: {inner}"));
        cause = inner.source();
    }
    if let Some(hint) = hint {
        say(&format_args!("  hint: {hint}"));
    }
}
