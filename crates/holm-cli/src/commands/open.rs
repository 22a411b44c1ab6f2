//! `holm open`: a project's URL, printed and shown.

use holm_api::ShareCreate;
use serde::Serialize;

use super::browser;
use super::target::Target;
use super::{Session, choose_project, share};
use crate::args::OpenArgs;
use crate::error::CliError;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Opened<'a> {
    url: &'a str,
}

pub(super) fn run(session: &Session<'_>, args: &OpenArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let client = session.client(&args.connection, link.as_ref())?;
    let url = if args.share {
        let (project, deployment) = match &args.deployment {
            Some(text) => {
                let target = Target::find(&client, text, &args.project, link.as_ref())?;
                (target.project, Some(target.deployment))
            }
            None => (choose_project(&args.project, link.as_ref())?, None),
        };
        let ask = ShareCreate {
            deployment,
            ..ShareCreate::default()
        };
        share::ask_for(&client, &project, &ask)?.url
    } else if let Some(deployment) = &args.deployment {
        let target = Target::find(&client, deployment, &args.project, link.as_ref())?;
        let view = client.deployment_view(&target.project, &target.deployment);
        view.map_err(|error| error.explain(format!("open deployment `{deployment}`")))?
            .url
    } else {
        let project = choose_project(&args.project, link.as_ref())?;
        let view = client.project_view(&project);
        view.map_err(|error| error.explain(format!("open project `{project}`")))?
            .url
    };
    if args.json {
        session.printer.result_json(&Opened { url: &url });
        return Ok(());
    }
    session.printer.result(&url);
    let surroundings = session.surroundings;
    let someone_looks = surroundings.stdout_is_terminal && !surroundings.is_ci;
    if someone_looks && !args.no_browser && !browser::open(&url) {
        session
            .printer
            .note("No browser could be opened; the URL is above.");
    }
    Ok(())
}
