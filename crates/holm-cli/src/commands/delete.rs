//! `holm delete`: a project or a deployment, after a question.

use holm_api::{DeploymentView, ProjectView};
use holm_types::ProjectName;

use super::target::Target;
use super::{Session, choose_project};
use crate::args::DeleteArgs;
use crate::client::{Client, ClientError};
use crate::error::CliError;
use crate::exit::Exit;
use crate::link::Link;
use crate::printer::read_typed_line;

/// What is to be deleted, looked at first.
enum Doomed {
    Project(Box<ProjectView>),
    Deployment(Box<DeploymentView>),
}

pub(super) fn run(session: &Session<'_>, args: &DeleteArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let client = session.client(&args.connection, link.as_ref())?;
    let doomed = find(&client, args, link.as_ref())?;
    if !args.yes && !is_confirmed(session, &doomed)? {
        return Err(CliError::new(Exit::Failure, "delete", "the answer was no"));
    }
    match doomed {
        Doomed::Project(view) => {
            client
                .project_delete(&view.name)
                .map_err(|error| error.explain(format!("delete project `{}`", view.name)))?;
            session
                .printer
                .done(&format!("project `{}` is deleted", view.name));
        }
        Doomed::Deployment(view) => {
            let id = view.id.to_string();
            client
                .deployment_delete(&view.project_name, &id)
                .map_err(|error| error.explain(format!("delete deployment `{id}`")))?;
            session.printer.done(&format!(
                "deployment {id} is deleted; {} answers 410",
                view.url
            ));
        }
    }
    Ok(())
}

/// A project if there is one of this name, else a deployment: a label of 12 characters may look like a
/// project's name.
fn find(client: &Client, args: &DeleteArgs, link: Option<&Link>) -> Result<Doomed, CliError> {
    let named = match &args.target {
        None => Some(choose_project(&args.project, link)?),
        Some(text) if args.project.project.is_none() => text.parse::<ProjectName>().ok(),
        Some(_) => None,
    };
    if let Some(name) = named {
        match client.project_view(&name) {
            Ok(view) => return Ok(Doomed::Project(Box::new(view))),
            Err(ClientError::Problem(problem))
                if problem.code == "project/not-found" && may_be_label(args) => {}
            Err(error) => return Err(error.explain(format!("delete project `{name}`"))),
        }
    }
    let text = args.target.as_deref().unwrap_or_default();
    let target = Target::find(client, text, &args.project, link)?;
    let view = client
        .deployment_view(&target.project, &target.deployment)
        .map_err(|error| error.explain(format!("delete deployment `{text}`")))?;
    Ok(Doomed::Deployment(Box::new(view)))
}

fn may_be_label(args: &DeleteArgs) -> bool {
    let is_label = |text: &str| text.len() == 12 && !text.contains('-');
    args.target.as_deref().is_some_and(is_label)
}

/// Asks. Without a terminal nobody could answer, so it has to be said beforehand.
fn is_confirmed(session: &Session<'_>, doomed: &Doomed) -> Result<bool, CliError> {
    let (what, want) = match doomed {
        Doomed::Project(view) => (
            format!(
                "project `{}` ({}) with all its deployments and variables? Type its name to go on: ",
                view.name, view.url
            ),
            view.name.to_string(),
        ),
        Doomed::Deployment(view) => (
            format!(
                "deployment {} of `{}`? Type `yes` to go on: ",
                view.id, view.project_name
            ),
            "yes".to_owned(),
        ),
    };
    if !session.surroundings.can_ask() {
        let why = "nobody is there to be asked";
        return Err(CliError::new(Exit::Usage, "delete", why)
            .next("Say --yes if it is to be deleted without a question."));
    }
    session.printer.ask(&format!("Delete {what}"));
    let answer =
        read_typed_line().map_err(|error| CliError::because(Exit::Failure, "delete", &error))?;
    Ok(answer == want)
}
