//! The server's own words on stderr: the events of the catalogue, a line each.

use std::io::IsTerminal;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::writer::MakeWriterExt;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// What changes and what fails: for `serve`.
    Everything,
    /// What fails: for `up`, which has words of its own.
    Trouble,
}

/// Begins to write events to stderr. A second call changes nothing.
pub(crate) fn start(verbosity: Verbosity) {
    let level = match verbosity {
        Verbosity::Everything => LevelFilter::INFO,
        Verbosity::Trouble => LevelFilter::WARN,
    };
    let is_plain = std::env::var_os("NO_COLOR").is_some() || !std::io::stderr().is_terminal();
    let started = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(!is_plain)
        // Otherwise a line that cannot be written (stderr on a full disk) is told by another one, and that
        // one's failure is a panic in whatever was being done.
        .log_internal_errors(false)
        .with_writer(std::io::stderr.with_max_level(tracing::Level::INFO))
        .try_init();
    // An error only says that another subscriber is there already: then events go to that one.
    drop(started);
}
