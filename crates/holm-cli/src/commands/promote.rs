//! `holm promote`: production points at another deployment.

use holm_api::DeploymentView;

use super::Session;
use super::target::Target;
use crate::args::PromoteArgs;
use crate::error::CliError;

pub(super) fn run(session: &Session<'_>, args: &PromoteArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let client = session.client(&args.connection, link.as_ref())?;
    let target = Target::find(&client, &args.deployment, &args.project, link.as_ref())?;
    let Target {
        project,
        deployment,
    } = &target;
    let doing = format!("promote deployment `{deployment}` of `{project}`");
    if args.dry_run {
        let view = client
            .deployment_view(project, deployment)
            .map_err(|error| error.explain(&doing))?;
        session.printer.note(&format!(
            "would point production of `{project}` at {} ({}); nothing was changed",
            view.id, view.state
        ));
        tell(session, &view, args.json);
        return Ok(());
    }
    let view = client
        .deployment_promote(project, deployment)
        .map_err(|error| error.explain(&doing))?;
    session
        .printer
        .done(&format!("production of `{project}` is {}", view.id));
    tell(session, &view, args.json);
    Ok(())
}

/// The result: the production URL, or the deployment as JSON.
pub(super) fn tell(session: &Session<'_>, view: &DeploymentView, as_json: bool) {
    if as_json {
        session.printer.result_json(view);
    } else {
        session.printer.result(&view.production_url);
    }
}
