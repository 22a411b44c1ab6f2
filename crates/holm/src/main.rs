//! One program: `serve`, `up`, `restore`, `runtimes` and `doctor` go to the server, every other word to the command line.
#![forbid(unsafe_code)]

mod sample;

use std::ffi::OsString;
use std::process::ExitCode;

use holm_cli::{CliError, DeployOptions, Exit};
use holm_server::{SiteDeployed, UpReady};
use holm_types::Environment;

/// The words that start or check a server.
const SERVER_WORDS: &[&str] = &["serve", "up", "restore", "runtimes", "doctor"];

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let word = args.get(1).and_then(|word| word.to_str());
    if word == Some(holm_server::LAUNCHER_WORD) {
        return holm_server::launch(args.into_iter().skip(2));
    }
    let is_server_word = word.is_some_and(|word| SERVER_WORDS.contains(&word));
    if is_server_word {
        holm_server::run(args, Box::new(deploy))
    } else {
        let whole = holm_cli::command().subcommands(holm_server::commands());
        holm_cli::run_within(args, whole)
    }
}

/// The deploy of `up`: the command line's own, to production.
fn deploy(ready: UpReady) -> Result<SiteDeployed, ExitCode> {
    let options = options(ready).map_err(|error| holm_cli::report_error(&error))?;
    let outcome =
        holm_cli::deploy_folder(&options).map_err(|error| holm_cli::report_error(&error))?;
    Ok(SiteDeployed {
        url: outcome.production_url,
    })
}

fn options(ready: UpReady) -> Result<DeployOptions, CliError> {
    let folder = match ready.folder {
        Some(folder) => folder,
        None => sample::write(&ready.sample_folder).map_err(|error| {
            CliError::because(Exit::Failure, "deploy the sample project", &error)
        })?,
    };
    let project = ready.project.map(|name| name.parse()).transpose();
    let project =
        project.map_err(|error| CliError::because(Exit::Usage, "read --project", &error))?;
    Ok(DeployOptions {
        project,
        environment: Environment::Production,
        ..DeployOptions::new(folder, ready.api_url, ready.token)
    })
}
