//! `holm init`: a folder becomes a project's.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use holm_types::ProjectName;
use serde::Serialize;

use super::Session;
use crate::access::Access;
use crate::args::InitArgs;
use crate::deploy::name_from_folder;
use crate::error::CliError;
use crate::exit::Exit;
use crate::link::{self, LINK_FILE};

/// The file of rules.
const RULES_FILE: &str = "edgeone.json";

/// What a new file of rules says: nothing yet, in the places that are asked for first.
const STARTER: &str = r#"{
  "redirects": [],
  "rewrites": [],
  "headers": []
}
"#;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Initiated<'a> {
    project: &'a str,
    api: &'a str,
    /// Files that were written.
    written: Vec<&'static str>,
    /// Files that were there and were left as they are.
    kept: Vec<&'static str>,
}

pub(super) fn run(session: &Session<'_>, args: &InitArgs) -> Result<(), CliError> {
    let folder = &session.surroundings.current_folder;
    let access = Access::decide(
        &args.connection,
        session.surroundings,
        None,
        session.printer,
    )?;
    let before = link::at(folder)?;
    let project = match (&before, &args.project) {
        (Some(before), Some(asked)) if before.project != *asked => {
            let why = format!("{LINK_FILE} says that it belongs to `{}`", before.project);
            let doing = format!("make this folder `{asked}`'s");
            return Err(CliError::new(Exit::Conflict, doing, why)
                .next("Run `holm unlink` first, or `holm link` to choose another project."));
        }
        (Some(before), _) => before.project.clone(),
        (None, Some(asked)) => asked.clone(),
        (None, None) => name_of(folder)?,
    };
    let api = before
        .as_ref()
        .map_or(access.api.as_str(), |before| &before.api);
    let (mut written, mut kept) = (Vec::new(), Vec::new());
    if before.is_some() {
        kept.push(LINK_FILE);
    } else {
        link::write(folder, &project, &access.api).map_err(|error| unwritten(LINK_FILE, &error))?;
        written.push(LINK_FILE);
    }
    if args.edgeone_json {
        if write_new(&folder.join(RULES_FILE)).map_err(|error| unwritten(RULES_FILE, &error))? {
            written.push(RULES_FILE);
        } else {
            kept.push(RULES_FILE);
        }
    }
    for file in &kept {
        session
            .printer
            .note(&format!("{file} is there and was left as it is"));
    }
    for file in &written {
        session.printer.done(&format!("wrote {file}"));
    }
    session.printer.note(&format!(
        "this folder is `{project}`'s; `holm deploy` deploys it to {api}"
    ));
    if args.json {
        session.printer.result_json(&Initiated {
            project: project.as_str(),
            api,
            written,
            kept,
        });
    }
    Ok(())
}

fn name_of(folder: &Path) -> Result<ProjectName, CliError> {
    name_from_folder(folder).ok_or_else(|| {
        let why = "no project name can be made from the folder's name";
        CliError::new(Exit::Usage, "make this folder a project's", why)
            .next("Give the project a name with --project NAME.")
    })
}

fn unwritten(file: &str, error: &io::Error) -> CliError {
    CliError::because(Exit::Failure, format!("write {file}"), error)
}

/// Writes the starter. False when there is something in its place.
fn write_new(path: &Path) -> io::Result<bool> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(STARTER.as_bytes()).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_starter_has_no_findings() {
        let read = holm_site::read_project_file(RULES_FILE, STARTER.as_bytes());
        assert_eq!(read.diagnostics, []);
    }
}
