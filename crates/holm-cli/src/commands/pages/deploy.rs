//! `holm pages deploy`.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use holm_types::ProjectName;
use serde::Serialize;

use super::super::{Session, deploy};
use crate::args::{DeployArgs, PagesDeployArgs, PagesEnvironment};
use crate::deploy::DeployOutcome;
use crate::edgeone_link;
use crate::error::CliError;
use crate::exit::Exit;
use crate::link;

/// The kind of URL: one under the server's own domain. (`custom` is one of the user's own domains.)
const PRESET: &str = "preset";

/// What `--json` prints on the last line when all went well.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Success<'a> {
    status: &'static str,
    url: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    project_id: String,
    deployment_id: String,
    console_url: &'a str,
}

/// What it prints when not.
#[derive(Debug, Serialize)]
struct Failure {
    status: &'static str,
    error: String,
}

pub(super) fn run(session: &Session<'_>, args: &PagesDeployArgs) -> Exit {
    match try_run(session, args) {
        Ok(()) => Exit::Ok,
        Err(error) => {
            tell_failure(session, args, &error);
            Exit::Failure
        }
    }
}

fn try_run(session: &Session<'_>, args: &PagesDeployArgs) -> Result<(), CliError> {
    if args.anonymous {
        let why = "this server takes deployments from known users only";
        return Err(CliError::new(Exit::Auth, "deploy anonymously", why)
            .next("Leave --anonymous out and give a token with -t or HOLM_TOKEN."));
    }
    if args.area.is_some() || args.site.is_some() {
        let note = "--area and --site have no effect: a site is served where its server is";
        session.printer.note(note);
    }
    let project = name(session, args)?;
    let deploy_args = DeployArgs {
        folder: args.path.clone().unwrap_or_else(|| PathBuf::from(".")),
        project: Some(project),
        prod: args.env == PagesEnvironment::Production,
        branch: None,
        commit: None,
        message: None,
        dry_run: false,
        json: false,
        connection: args.connection.clone(),
    };
    let outcome = deploy::deploy(session, &deploy_args, false)?;
    session.printer.diagnostics(&outcome.diagnostics);
    tell_success(session, args, &outcome)
}

/// `-n`, then the environment, then what either command line linked the folder to.
fn name(session: &Session<'_>, args: &PagesDeployArgs) -> Result<ProjectName, CliError> {
    let folder = &session.surroundings.current_folder;
    let given = args
        .name
        .clone()
        .or_else(|| session.surroundings.edgeone_project.clone());
    let text = match given {
        Some(name) => name,
        None => match link::find(folder)? {
            Some(link) => link.project.to_string(),
            None => edgeone_link::project_name(folder).ok_or_else(missing_name)?,
        },
    };
    text.parse().map_err(|error| {
        CliError::because(
            Exit::Usage,
            format!("use the project name `{text}`"),
            &error,
        )
        .next("Choose a name of 1-40 characters of a-z, 0-9 and -, with -n.")
    })
}

fn missing_name() -> CliError {
    let why = "Missing project name. Please use -n or --name option, for example: holm pages deploy \
        ./directory -n my-project-name Or you can run \"holm pages link\" first";
    CliError::new(Exit::Usage, "deploy", why)
}

/// The lines that scripts look for, on stdout and, in a GitHub workflow, among the step's results.
fn tell_success(
    session: &Session<'_>,
    args: &PagesDeployArgs,
    outcome: &DeployOutcome,
) -> Result<(), CliError> {
    let printer = session.printer;
    let url = match args.env {
        PagesEnvironment::Production => &outcome.production_url,
        PagesEnvironment::Preview => &outcome.url,
    };
    let lines = format!(
        "EDGEONE_DEPLOY_URL={url}\nEDGEONE_DEPLOY_TYPE={PRESET}\nEDGEONE_PROJECT_ID={}\n",
        outcome.project_id
    );
    printer.result("[cli][✔] Deploy Success");
    printer.result_text(&lines);
    let own = &outcome.url;
    printer.result(&format!("[cli][✔] You can view your deployment at: {own}"));
    if let Some(file) = &session.surroundings.github_output {
        append(file, &lines).map_err(|error| {
            CliError::because(
                Exit::Failure,
                "write the step's results (GITHUB_OUTPUT)",
                &error,
            )
        })?;
    }
    if args.json {
        printer.result_json(&Success {
            status: "success",
            url,
            kind: PRESET,
            project_id: outcome.project_id.to_string(),
            deployment_id: outcome.deployment_id.to_string(),
            console_url: own,
        });
    }
    Ok(())
}

fn append(file: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(file)?;
    file.write_all(text.as_bytes())
}

fn tell_failure(session: &Session<'_>, args: &PagesDeployArgs, error: &CliError) {
    session.printer.failure(error, false);
    let told = if error.exit() == Exit::Deployment {
        "Deployment failed with status: Failed".to_owned()
    } else {
        error.why().to_owned()
    };
    session
        .printer
        .note(&format!("[cli][✘] Deployment failed: {told}"));
    if args.json {
        session.printer.result_json(&Failure {
            status: "error",
            error: told,
        });
    }
}
