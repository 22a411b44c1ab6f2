//! The one module that prints: stdout for what scripts read, stderr for people.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is the server's printer"
)]

use std::error::Error;
use std::fmt::Display;

/// A line for scripts.
pub(crate) fn out(line: &dyn Display) {
    println!("{line}");
}

/// A line for people.
pub(crate) fn say(line: &dyn Display) {
    eprintln!("{line}");
}

/// An error with its causes, and what to do next.
pub(crate) fn error(error: &dyn Error, hint: Option<&str>) {
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        eprintln!("  because: {inner}");
        cause = inner.source();
    }
    if let Some(hint) = hint {
        eprintln!("  hint: {hint}");
    }
}
