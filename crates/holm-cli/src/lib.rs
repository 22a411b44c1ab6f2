//! The commands a person types: everything of `holm` that is a client of the API.
//!
//! The words `serve`, `up` and `doctor` are the server's; the main program sends them there, and merges
//! both halves' words for help and completion.
#![forbid(unsafe_code)]

mod access;
mod api_url;
mod args;
mod client;
mod commands;
mod credentials;
mod deploy;
mod dotenv;
mod edgeone_link;
mod error;
mod escape;
mod exit;
mod limits;
mod link;
mod printer;
mod progress;
mod small_file;
mod style;
mod surroundings;
mod table;
mod trust;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

pub use deploy::{DeployOptions, DeployOutcome, deploy_folder};
pub use error::CliError;
pub use exit::{EXIT_CODES, Exit};
pub use limits::LIMITS;
pub use progress::ProgressMode;

use args::Cli;
use commands::Session;
use printer::Printer;
use surroundings::Surroundings;

/// Runs one command. `args` begins with the program's name, as [`std::env::args_os`] does. Help and
/// completion know the client's words only; [`run_within`] knows more.
///
/// The exit code is one of [`EXIT_CODES`].
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    run_within(args, command())
}

/// As [`run`], as part of a larger command: `whole` is [`command`] with the server's words added. It
/// parses the arguments and is what help and completion are about; a word that is not the client's is
/// wrong usage here.
pub fn run_within(args: impl IntoIterator<Item = OsString>, whole: clap::Command) -> ExitCode {
    let surroundings = Surroundings::read();
    let printer = Printer::new(&surroundings);
    let parsed = whole
        .clone()
        .try_get_matches_from(args)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => {
            let session = Session {
                surroundings: &surroundings,
                printer: &printer,
            };
            printer.ending(session.run(&cli.word, whole)).into()
        }
        Err(error) => printer.ending(tell_usage(&error, &printer)).into(),
    }
}

/// The client's words, for the main program to merge with the server's.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Shows a failure on stderr as every command does, and answers with its exit code.
pub fn report_error(error: &CliError) -> ExitCode {
    Printer::new(&Surroundings::read())
        .failure(error, false)
        .into()
}

/// Help and version are results; everything else is wrong usage.
fn tell_usage(error: &clap::Error, printer: &Printer) -> Exit {
    let text = error.render().to_string();
    if error.use_stderr() {
        printer.note(text.trim_end());
        Exit::Usage
    } else {
        printer.result_text(&text);
        Exit::Ok
    }
}
