//! `holm unlink`: a folder belongs to no project any more. The project itself stays as it is.

use serde::Serialize;

use super::Session;
use crate::args::UnlinkArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::link::{self, LINK_FILE};

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Unlinked {
    /// Whether there was a link.
    was_linked: bool,
}

pub(super) fn run(session: &Session<'_>, args: &UnlinkArgs) -> Result<(), CliError> {
    let was_linked = link::remove(&session.surroundings.current_folder)
        .map_err(|error| CliError::because(Exit::Failure, format!("remove {LINK_FILE}"), &error))?;
    if was_linked {
        session
            .printer
            .done("this folder belongs to no project now");
    } else {
        session
            .printer
            .note(&format!("there is no {LINK_FILE} in this folder"));
    }
    if args.json {
        session.printer.result_json(&Unlinked { was_linked });
    }
    Ok(())
}
