//! `holm share`: a link that opens a protected host for three hours.

use holm_api::{ShareCreate, ShareLink};
use holm_types::ProjectName;

use super::target::Target;
use super::{Session, choose_project, time};
use crate::args::ShareArgs;
use crate::client::Client;
use crate::error::CliError;

pub(super) fn run(session: &Session<'_>, args: &ShareArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let client = session.client(&args.connection, link.as_ref())?;
    let (project, deployment) = match &args.deployment {
        Some(text) => {
            let target = Target::find(&client, text, &args.project, link.as_ref())?;
            (target.project, Some(target.deployment))
        }
        None => (choose_project(&args.project, link.as_ref())?, None),
    };
    let ask = ShareCreate {
        deployment,
        branch: args.branch.clone(),
        path: args.path.clone(),
    };
    let shared = ask_for(&client, &project, &ask)?;
    if args.json {
        session.printer.result_json(&shared);
        return Ok(());
    }
    session.printer.result(&shared.url);
    session.printer.note(&match shared.expires_at {
        Some(at) => format!("Whoever has the link sees the site until {} UTC.", time(at)),
        None => "The host is public; the link opens nothing.".to_owned(),
    });
    Ok(())
}

/// Asks for a link.
pub(super) fn ask_for(
    client: &Client,
    project: &ProjectName,
    ask: &ShareCreate,
) -> Result<ShareLink, CliError> {
    client
        .project_share(project, ask)
        .map_err(|error| error.explain(format!("share project `{project}`")))
}
