//! `holm deploy`: a folder becomes a deployment.

use holm_api::{DeploymentSource, SourceKind};
use holm_site::{Admission, admit};
use holm_types::Environment;
use serde::Serialize;

use super::Session;
use crate::access::Access;
use crate::args::DeployArgs;
use crate::client::Client;
use crate::deploy::{Deploy, Prepared};
use crate::error::CliError;
use crate::progress::{Progress, ProgressMode, bytes, count};

pub(super) fn run(session: &Session<'_>, args: &DeployArgs) -> Result<(), CliError> {
    let prepared = Prepared::new(&args.folder, args.project.as_ref(), session.surroundings)?;
    prepared.tell(session.printer);
    if args.dry_run {
        return dry_run(session, args, &prepared);
    }
    let link = prepared.link.as_ref();
    let access = Access::decide(
        &args.connection,
        session.surroundings,
        link,
        session.printer,
    )?;
    let client = Client::new(access.with_token()?);
    let deploy = Deploy {
        client: &client,
        prepared: &prepared,
        environment: environment(args),
        source: source(args),
        progress: &Progress::new(
            ProgressMode::Auto,
            session.surroundings,
            session.printer.clone(),
        ),
        cache_folder: session.surroundings.cache_folder.as_deref(),
    };
    let outcome = deploy.run()?;
    prepared.write_link(client.api(), session.printer);
    outcome.tell(session.printer);
    if args.json {
        session.printer.result_json(&outcome);
    } else {
        session.printer.result(&outcome.url);
    }
    Ok(())
}

fn environment(args: &DeployArgs) -> Environment {
    if args.prod {
        Environment::Production
    } else {
        Environment::Preview
    }
}

/// The first line that says something: all of a commit message may be given, its subject is kept.
fn subject(message: &str) -> Option<String> {
    let line = message.lines().map(str::trim).find(|line| !line.is_empty());
    line.map(str::to_owned)
}

fn source(args: &DeployArgs) -> DeploymentSource {
    DeploymentSource {
        kind: SourceKind::Upload,
        branch: args.branch.clone(),
        commit: args.commit.clone(),
        message: args.message.as_deref().and_then(subject),
    }
}

/// What `--dry-run --json` prints.
#[derive(Debug, Serialize)]
struct Intent<'a> {
    /// Always true, so that a script cannot take it for a deployment.
    dry_run: bool,
    project: &'a str,
    environment: Environment,
    folder: &'a str,
    file_count: u64,
    size_bytes: u64,
    files: Vec<IntendedFile>,
}

#[derive(Debug, Serialize)]
struct IntendedFile {
    path: String,
    size_bytes: u64,
    is_served: bool,
}

/// Says what would be deployed, without asking the server: the files on stdout, the rest on stderr.
fn dry_run(session: &Session<'_>, args: &DeployArgs, prepared: &Prepared) -> Result<(), CliError> {
    let found = prepared
        .files()
        .map_err(|error| error.explain(&prepared.shown))?;
    let files: Vec<IntendedFile> = found
        .into_iter()
        .map(|file| IntendedFile {
            is_served: admit(&file.path) == Admission::Served,
            size_bytes: file.stamp.size_bytes,
            path: file.path,
        })
        .collect();
    let report = Intent {
        dry_run: true,
        project: prepared.project.as_str(),
        environment: environment(args),
        folder: &prepared.shown,
        file_count: files.len() as u64,
        size_bytes: files.iter().map(|file| file.size_bytes).sum(),
        files,
    };
    if args.json {
        session.printer.result_json(&report);
        return Ok(());
    }
    for file in &report.files {
        let mark = if file.is_served {
            ""
        } else {
            "  (read, not served)"
        };
        session.printer.result(&format!("{}{mark}", file.path));
    }
    session.printer.note(&format!(
        "would deploy {} ({}) from `{}` to {} of `{}`; nothing was sent",
        count(report.file_count, "file"),
        bytes(report.size_bytes),
        report.folder,
        report.environment,
        report.project
    ));
    Ok(())
}
