//! One file a word: read what is needed, ask the server, print.

mod aliases;
mod audit;
mod backup;
mod browser;
mod completion;
mod delete;
mod deploy;
mod deployments;
mod env;
mod explain;
mod init;
mod inspect;
mod limits;
mod link_project;
mod login;
mod logout;
mod members;
mod open;
mod pages;
mod pin;
mod projects;
mod promote;
mod protect;
mod redeploy;
mod rollback;
mod rules;
mod settings;
mod share;
mod status;
mod storage;
mod target;
mod tokens;
mod unlink;
mod whoami;

use holm_types::{ProjectName, Timestamp};

use crate::access::Access;
use crate::args::{Connection, ProjectChoice, ProjectsAction, Word};
use crate::client::Client;
use crate::error::CliError;
use crate::exit::Exit;
use crate::link::{self, Link};
use crate::printer::Printer;
use crate::surroundings::Surroundings;

/// What every command has at hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session<'a> {
    pub surroundings: &'a Surroundings,
    pub printer: &'a Printer,
}

impl Session<'_> {
    /// Runs a command and tells when it fails. `whole` is what completion is about.
    pub(crate) fn run(&self, word: &Word, whole: clap::Command) -> Exit {
        let done = match word {
            Word::Login(args) => login::run(self, args),
            Word::Logout(args) => logout::run(self, args),
            Word::Whoami(args) => whoami::run(self, args),
            Word::Tokens(args) => tokens::run(self, args),
            Word::Members(args) => members::run(self, args),
            Word::Audit(args) => audit::run(self, args),
            Word::Deploy(args) => deploy::run(self, args),
            Word::Init(args) => init::run(self, args),
            Word::Link(args) => link_project::run(self, args),
            Word::Unlink(args) => unlink::run(self, args),
            Word::Pages(args) => return pages::run(self, args),
            Word::Projects(args) => match &args.action {
                Some(ProjectsAction::Set(args)) => settings::run(self, args),
                None => projects::run(self, args),
            },
            Word::Env(args) => env::run(self, &args.action),
            Word::Aliases(args) => aliases::run(self, args),
            Word::Inspect(args) => inspect::run(self, args),
            Word::Redeploy(args) => redeploy::run(self, args),
            Word::Pin(args) => pin::run(self, args, true),
            Word::Unpin(args) => pin::run(self, args, false),
            Word::Delete(args) => delete::run(self, args),
            Word::Limits(args) => limits::run(self, args),
            Word::Deployments(args) => deployments::run(self, args),
            Word::Promote(args) => promote::run(self, args),
            Word::Rollback(args) => rollback::run(self, args),
            Word::Open(args) => open::run(self, args),
            Word::Share(args) => share::run(self, args),
            Word::Protect(args) => protect::run(self, args),
            Word::Rules(args) => rules::run(self, args),
            Word::Explain(args) => explain::run(self, args),
            Word::Status(args) => status::run(self, args),
            Word::Storage(args) => storage::run(self, args),
            Word::Backup(args) => backup::run(self, args),
            Word::Completion(args) => {
                completion::run(self, args, whole);
                Ok(())
            }
        };
        match done {
            Ok(()) => Exit::Ok,
            Err(error) => self.printer.failure(&error, word.wants_json()),
        }
    }

    /// The link of the folder that the user stands in.
    fn link(&self) -> Result<Option<Link>, CliError> {
        Ok(link::find(&self.surroundings.current_folder)?)
    }

    /// With `--verbose`: which project the folder belongs to by which file.
    fn tell_link(&self, connection: &Connection, link: Option<&Link>) {
        if !connection.verbose {
            return;
        }
        let told = match link {
            Some(link) => format!("project  {}  (from {})", link.project, link.file.display()),
            None => format!("project  none linked  (no {} found)", link::LINK_FILE),
        };
        self.printer.note(&told);
    }

    /// A client with a token.
    fn client(&self, connection: &Connection, link: Option<&Link>) -> Result<Client, CliError> {
        self.tell_link(connection, link);
        let access = Access::decide(connection, self.surroundings, link, self.printer)?;
        Ok(Client::new(access.with_token()?))
    }
}

/// The project that was named, else the linked one.
fn choose_project(choice: &ProjectChoice, link: Option<&Link>) -> Result<ProjectName, CliError> {
    let linked = link.map(|link| link.project.clone());
    choice.project.clone().or(linked).ok_or_else(|| {
        CliError::new(
            Exit::Usage,
            "choose a project",
            "this folder belongs to none",
        )
        .next("Name it with --project NAME; `holm projects` lists them.")
    })
}

/// A time for tables, to the second.
fn time(at: Timestamp) -> String {
    let text = at.to_string();
    let seconds = text
        .split_once('.')
        .map_or(text.as_str(), |(seconds, _)| seconds);
    seconds.replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_to_the_second() {
        assert_eq!(
            time(Timestamp::from_unix_ms(1_700_000_000_123)),
            "2023-11-14 22:13:20"
        );
    }
}
