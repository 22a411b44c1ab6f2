//! `holm pin` and `holm unpin`: whether retention may expire a deployment.

use super::Session;
use super::target::Target;
use crate::args::OneDeploymentArgs;
use crate::error::CliError;

pub(super) fn run(
    session: &Session<'_>,
    args: &OneDeploymentArgs,
    is_pinned: bool,
) -> Result<(), CliError> {
    let link = session.link()?;
    let client = session.client(&args.connection, link.as_ref())?;
    let target = Target::find(&client, &args.deployment, &args.project, link.as_ref())?;
    let word = if is_pinned { "pin" } else { "unpin" };
    let view = client
        .deployment_pin(&target.project, &target.deployment, is_pinned)
        .map_err(|error| {
            error.explain(format!(
                "{word} deployment `{}` of `{}`",
                target.deployment, target.project
            ))
        })?;
    let done = if is_pinned {
        format!("{} is kept until it is unpinned or deleted", view.id)
    } else {
        format!("{} is kept as long as retention says", view.id)
    };
    session.printer.done(&done);
    if args.json {
        session.printer.result_json(&view);
    } else {
        session.printer.result(&view.url);
    }
    Ok(())
}
