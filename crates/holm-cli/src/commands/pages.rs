//! `holm pages`: the spelling, the flags and the printed lines of `edgeone pages`, so that a script moves
//! by changing one word. Exit codes are EdgeOne's too: 0 and 1.

mod deploy;

use super::{Session, env, init, link_project};
use crate::args::{
    EnvPullArgs, EnvironmentChoice, InitArgs, PagesArgs, PagesEnvWord, PagesInitArgs,
    PagesLinkArgs, PagesWord,
};
use crate::error::CliError;
use crate::exit::Exit;
use crate::surroundings::Surroundings;

/// Words of `edgeone pages` that Holm does not have, and what to do instead.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "dev",
        "run `holm up DIR`, which serves a folder as the server does",
    ),
    (
        "build",
        "nothing is built here: run the project's own build, then `holm deploy`",
    ),
    (
        "generate-routes",
        "routes are made when a deployment is compiled",
    ),
    ("ci", "settings of builds are read from edgeone.json"),
    ("replace", "it is internal to EdgeOne's platform"),
    ("create", "copy the template, then run `holm init`"),
    ("claim", "there are no anonymous deployments to claim"),
];

/// Runs one of them.
pub(super) fn run(session: &Session<'_>, args: &PagesArgs) -> Exit {
    let surroundings = Surroundings {
        takes_edgeone_token: true,
        ..session.surroundings.clone()
    };
    let session = Session {
        surroundings: &surroundings,
        printer: session.printer,
    };
    let done = match &args.word {
        PagesWord::Deploy(args) => return deploy::run(&session, args),
        PagesWord::Link(args) => link(&session, args),
        PagesWord::Init(args) => init(&session, args),
        PagesWord::Env(args) => variables(&session, &args.word),
        PagesWord::Other(words) => Err(refuse(words)),
    };
    match done {
        Ok(()) => Exit::Ok,
        Err(error) => {
            session.printer.failure(&error, false);
            Exit::Failure
        }
    }
}

fn link(session: &Session<'_>, args: &PagesLinkArgs) -> Result<(), CliError> {
    match link_project::link_named(session, &args.connection, args.name.as_ref()) {
        Ok(project) => {
            let told = format!("[cli][✔] Project {project} linked successfully.");
            session.printer.result(&told);
            Ok(())
        }
        Err(error) => {
            if error.code() == Some("project/not-found") {
                let told = "[cli][✘] Project not found, please check your project name.";
                session.printer.note(told);
            }
            Err(error)
        }
    }
}

/// EdgeOne's asks for examples of functions and for a file of rules for assistants; Holm writes what it
/// reads itself.
fn init(session: &Session<'_>, args: &PagesInitArgs) -> Result<(), CliError> {
    let args = InitArgs {
        project: None,
        edgeone_json: true,
        json: false,
        connection: args.connection.clone(),
    };
    init::run(session, &args)?;
    session.printer.result("[cli][✔] Project init success!");
    Ok(())
}

/// `holm env`, with the lines that EdgeOne's ends with. Variables are those of both environments, as
/// EdgeOne's are; what is pulled is production's, as what is deployed without a word is.
fn variables(session: &Session<'_>, word: &PagesEnvWord) -> Result<(), CliError> {
    let told = match word {
        PagesEnvWord::Ls(args) => return env::list(session, args),
        PagesEnvWord::Set(args) => {
            env::add(session, args)?;
            let name = args.name.as_deref().unwrap_or_default();
            format!("Add environment {name} variables succeed!")
        }
        PagesEnvWord::Rm(args) => {
            env::remove(session, args)?;
            format!("Remove environment {} variables succeed!", args.name)
        }
        PagesEnvWord::Pull(args) => {
            let file = args.file.display();
            let told = format!("Pulling environment variables to {file} succeed!");
            let pull = EnvPullArgs {
                file: args.file.clone(),
                environment: EnvironmentChoice::Production,
                project: args.project.clone(),
                connection: args.connection.clone(),
            };
            env::pull(session, &pull)?;
            told
        }
    };
    session.printer.result(&format!("[cli][✔] {told}"));
    Ok(())
}

fn refuse(words: &[String]) -> CliError {
    let word = words.first().map_or("", String::as_str);
    let doing = format!("run `holm pages {word}`");
    let known = ELSEWHERE.iter().find(|(known, _)| *known == word);
    match known {
        Some((_, instead)) => CliError::new(Exit::Failure, doing, *instead),
        None => CliError::new(Exit::Failure, doing, "there is no such command")
            .next("`holm pages --help` lists what there is."),
    }
}
