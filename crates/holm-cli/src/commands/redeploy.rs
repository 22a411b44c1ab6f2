//! `holm redeploy`: a new deployment from an old one's files.

use super::Session;
use super::target::Target;
use crate::args::RedeployArgs;
use crate::error::CliError;

pub(super) fn run(session: &Session<'_>, args: &RedeployArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let client = session.client(&args.connection, link.as_ref())?;
    let target = Target::find(&client, &args.deployment, &args.project, link.as_ref())?;
    let Target {
        project,
        deployment,
    } = &target;
    let view = client
        .deployment_redeploy(project, deployment, args.environment.map(Into::into))
        .map_err(|error| {
            error.explain(format!(
                "make deployment `{deployment}` of `{project}` again"
            ))
        })?;
    session.printer.done(&format!(
        "{} is a new {} deployment",
        view.id, view.environment
    ));
    if args.json {
        session.printer.result_json(&view);
    } else {
        session.printer.result(&view.url);
    }
    Ok(())
}
