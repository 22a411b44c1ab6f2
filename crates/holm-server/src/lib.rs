//! The daemon: reads the configuration, builds the parts, joins them, stops them in order.
//!
//! It contains no decisions about sites, people or requests; those are the rooms'.
//! What is here: [`ServerArgs`] to [`ServerConfig`], the folder's lock, the order of starting and
//! stopping, `doctor`, and the words a person sees while this happens.
#![forbid(unsafe_code)]

mod args;
mod certificate;
mod config;
mod console;
mod control_plane;
mod control_url;
mod data_folder;
mod doctor;
mod exit;
mod functions;
mod functions_config;
mod handover;
mod limits;
mod listeners;
mod log;
mod parts;
mod restore;
mod runtimes;
mod server;
mod shared_domain;
mod signals;
mod storage_config;
mod stores;
mod unavailable;
mod up;

use args::ServeArgs;
pub use args::{ServerArgs, UpArgs, commands};
pub use certificate::CertificateFiles;
pub use config::{ConfigError, Origin, ServerConfig, Setting};
pub use functions_config::FunctionSettings;
pub use limits::LIMITS;
pub use storage_config::StorageConfig;
pub use up::{DeployHook, SiteDeployed, UpReady};

use std::ffi::OsString;
use std::process::ExitCode;

use clap::FromArgMatches;

/// The word, never shown, that makes the program the launcher of function processes.
pub const LAUNCHER_WORD: &str = holm_functions::launcher::WORD;

/// Becomes a function's engine, with `args` being those after [`LAUNCHER_WORD`]. Comes back only when that
/// failed.
pub fn launch(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    holm_functions::launcher::run(args)
}

/// Runs one of the server's words: `serve`, `up`, `restore`, `runtimes` or `doctor`.
///
/// `deploy` is what `up` calls once the server answers: the command line's own deploy, handed in by
/// the program because the server does not know the command line.
pub fn run(args: impl IntoIterator<Item = OsString>, deploy: DeployHook) -> ExitCode {
    let matches = match args::command().try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) => return exit::usage(&error),
    };
    match matches.subcommand() {
        Some(("serve", sub)) => match sub.subcommand() {
            Some(("config", config)) => exit::of(
                ServerArgs::from_arg_matches(config)
                    .map_err(Into::into)
                    .and_then(|args| config::show(&args)),
            ),
            _ => exit::of(
                ServeArgs::from_arg_matches(sub)
                    .map_err(Into::into)
                    .and_then(|args| server::serve(&args)),
            ),
        },
        Some(("up", sub)) => exit::of(
            UpArgs::from_arg_matches(sub)
                .map_err(Into::into)
                .and_then(|args| up::up(&args, deploy)),
        ),
        Some(("restore", sub)) => exit::of(
            args::RestoreArgs::from_arg_matches(sub)
                .map_err(Into::into)
                .and_then(|args| restore::restore(&args)),
        ),
        Some(("runtimes", sub)) => exit::of(
            args::RuntimesArgs::from_arg_matches(sub)
                .map_err(Into::into)
                .and_then(runtimes::run),
        ),
        Some(("doctor", sub)) => doctor::run(sub),
        _ => ExitCode::from(exit::USAGE),
    }
}
