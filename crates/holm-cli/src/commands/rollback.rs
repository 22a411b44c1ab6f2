//! `holm rollback`: production points at what it pointed at before.

use super::promote::tell;
use super::{Session, choose_project};
use crate::args::RollbackArgs;
use crate::error::CliError;

pub(super) fn run(session: &Session<'_>, args: &RollbackArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let project = choose_project(&args.project, link.as_ref())?;
    let client = session.client(&args.connection, link.as_ref())?;
    let view = client
        .project_rollback(&project)
        .map_err(|error| error.explain(format!("roll back production of `{project}`")))?;
    session
        .printer
        .done(&format!("production of `{project}` is {} again", view.id));
    tell(session, &view, args.json);
    Ok(())
}
