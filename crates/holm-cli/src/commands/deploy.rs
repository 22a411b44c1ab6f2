//! `holm deploy`: a folder or a ZIP file becomes a deployment.

mod dry_run;

use holm_api::{DeploymentCreateQuery, DeploymentSource, SourceKind};
use holm_types::Environment;

use super::Session;
use crate::access::Access;
use crate::args::DeployArgs;
use crate::client::Client;
use crate::deploy::{ArchiveDeploy, Deploy, DeployOutcome, Prepared, PreparedArchive, is_archive};
use crate::error::CliError;
use crate::link::Link;
use crate::progress::{Progress, ProgressMode};

pub(super) fn run(session: &Session<'_>, args: &DeployArgs) -> Result<(), CliError> {
    if args.dry_run {
        return dry_run::run(session, args);
    }
    let outcome = deploy(session, args, args.json)?;
    outcome.tell(session.printer);
    if args.json {
        session.printer.result_json(&outcome);
    } else {
        session.printer.result(&outcome.url);
    }
    Ok(())
}

/// Deploys what was named. With `tells_events`, what happens is told on stdout as lines of JSON.
pub(super) fn deploy(
    session: &Session<'_>,
    args: &DeployArgs,
    tells_events: bool,
) -> Result<DeployOutcome, CliError> {
    let told = tells_events.then_some(session.printer);
    if is_archive(&args.folder, &session.surroundings.current_folder) {
        return deploy_archive(session, args, told);
    }
    let prepared = Prepared::new(&args.folder, args.project.as_ref(), session.surroundings)?;
    prepared.tell(session.printer);
    let client = client(session, args, prepared.link.as_ref())?;
    let deploy = Deploy {
        client: &client,
        prepared: &prepared,
        environment: environment(args),
        source: source(args),
        progress: &progress(session),
        cache_folder: session.surroundings.cache_folder.as_deref(),
        told,
    };
    let outcome = deploy.run()?;
    prepared.write_link(client.api(), session.printer);
    Ok(outcome)
}

fn deploy_archive(
    session: &Session<'_>,
    args: &DeployArgs,
    told: Option<&crate::printer::Printer>,
) -> Result<DeployOutcome, CliError> {
    let project = args.project.as_ref();
    let prepared = PreparedArchive::new(&args.folder, project, session.surroundings)?;
    prepared.tell(session.printer);
    let client = client(session, args, prepared.link.as_ref())?;
    ArchiveDeploy {
        client: &client,
        prepared: &prepared,
        environment: environment(args),
        query: query(args),
        progress: &progress(session),
        told,
    }
    .run()
}

fn client(
    session: &Session<'_>,
    args: &DeployArgs,
    link: Option<&Link>,
) -> Result<Client, CliError> {
    session.client(&args.connection, link)
}

fn progress(session: &Session<'_>) -> Progress {
    Progress::new(
        ProgressMode::Auto,
        session.surroundings,
        session.printer.clone(),
    )
}

fn access(
    session: &Session<'_>,
    args: &DeployArgs,
    link: Option<&Link>,
) -> Result<Access, CliError> {
    Access::decide(
        &args.connection,
        session.surroundings,
        link,
        session.printer,
    )
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

fn query(args: &DeployArgs) -> DeploymentCreateQuery {
    let source = source(args);
    DeploymentCreateQuery {
        branch: source.branch,
        commit: source.commit,
        message: source.message,
        ..DeploymentCreateQuery::default()
    }
}
