//! `holm link`: a folder is linked to a project that the server has.

use holm_types::ProjectName;
use serde::Serialize;

use super::Session;
use crate::args::{Connection, LinkArgs};
use crate::client::Client;
use crate::error::CliError;
use crate::exit::Exit;
use crate::limits::CliLimits;
use crate::link::{self, LINK_FILE};
use crate::printer::read_line;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Linked<'a> {
    project: &'a str,
    project_id: String,
    api: &'a str,
    file: &'static str,
}

pub(super) fn run(session: &Session<'_>, args: &LinkArgs) -> Result<(), CliError> {
    // Which server this is about, the folder's link may say; which project, it does not.
    let before = session.link()?;
    let client = session.client(&args.connection, before.as_ref())?;
    let project = choose(session, args.project.as_ref())?;
    let id = link_to(session, &client, &project)?;
    session.printer.done(&format!(
        "this folder is linked to `{project}` at {}",
        client.api()
    ));
    if args.json {
        session.printer.result_json(&Linked {
            project: project.as_str(),
            project_id: id,
            api: client.api().as_str(),
            file: LINK_FILE,
        });
    }
    Ok(())
}

/// As `run`, for `holm pages link`.
pub(super) fn link_named(
    session: &Session<'_>,
    connection: &Connection,
    name: Option<&ProjectName>,
) -> Result<ProjectName, CliError> {
    let before = session.link()?;
    let client = session.client(connection, before.as_ref())?;
    let project = choose(session, name)?;
    link_to(session, &client, &project)?;
    Ok(project)
}

/// Asks for the project, then writes the link. Answers the project's id.
fn link_to(
    session: &Session<'_>,
    client: &Client,
    project: &ProjectName,
) -> Result<String, CliError> {
    let doing = || format!("link this folder to `{project}`");
    let view = client
        .project_view(project)
        .map_err(|error| error.explain(doing()))?;
    link::write(&session.surroundings.current_folder, project, client.api())
        .map_err(|error| CliError::because(Exit::Failure, doing(), &error))?;
    Ok(view.id.to_string())
}

fn choose(session: &Session<'_>, given: Option<&ProjectName>) -> Result<ProjectName, CliError> {
    if let Some(project) = given {
        return Ok(project.clone());
    }
    if !session.surroundings.can_ask() {
        let why = "there is no terminal to ask for the project";
        return Err(CliError::new(Exit::Usage, "link this folder", why)
            .next("Name the project; `holm projects` lists them."));
    }
    session.printer.ask("Project: ");
    let doing = "read the project's name";
    let text = read_line(CliLimits::default().settings_bytes_max)
        .map_err(|error| CliError::because(Exit::Failure, doing, &error))?;
    text.parse()
        .map_err(|error| CliError::because(Exit::Usage, "link this folder", &error))
}
