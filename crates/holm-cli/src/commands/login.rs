//! `holm login`: a token is checked and kept.

use std::io;

use serde::Serialize;

use super::Session;
use crate::access::Access;
use crate::args::LoginArgs;
use crate::client::Client;
use crate::credentials::{Credentials, Token};
use crate::error::CliError;
use crate::exit::Exit;
use crate::limits::CliLimits;
use crate::printer::{read_hidden_line, read_line};

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct LoggedIn<'a> {
    api: &'a str,
    role: &'a str,
    user_id: Option<&'a str>,
    credentials_file: String,
}

pub(super) fn run(session: &Session<'_>, args: &LoginArgs) -> Result<(), CliError> {
    // The folder's link does not say where to log in: what is typed goes where the user says.
    let access = Access::decide(
        &args.connection,
        session.surroundings,
        None,
        session.printer,
    )?;
    let token = token(session, args, &access)?;
    let access = Access {
        token: Some(token.clone()),
        ..access
    }
    .guarded(args.connection.insecure_http)?;
    let api = access.api.clone();
    let client = Client::new(access);
    let me = client
        .me_view()
        .map_err(|error| error.explain(format!("log in at {api}")))?;
    let mut credentials = Credentials::load(session.surroundings.config_folder.as_deref())?;
    let file = credentials.store(&api, token)?.display().to_string();
    session.printer.done(&format!(
        "logged in at {api} as {}; the token is kept in {file}",
        me.role
    ));
    if args.json {
        session.printer.result_json(&LoggedIn {
            api: api.as_str(),
            role: &me.role,
            user_id: me.user_id.as_deref(),
            credentials_file: file,
        });
    }
    Ok(())
}

/// The token: from the flag, from standard input, from the environment, or typed.
fn token(session: &Session<'_>, args: &LoginArgs, access: &Access) -> Result<Token, CliError> {
    let text = if args.token_stdin {
        read_line(CliLimits::default().settings_bytes_max).map_err(|error| unread(&error))?
    } else if let Some(token) = args
        .connection
        .token
        .as_ref()
        .or(session.surroundings.token.as_ref())
    {
        token.clone()
    } else if session.surroundings.can_ask() {
        typed(session, access)?
    } else {
        return Err(CliError::new(
            Exit::Usage,
            "log in",
            "there is no terminal to ask for the token",
        )
        .next("Give it with --token-stdin, --token or HOLM_TOKEN."));
    };
    text.parse().map_err(|error| {
        CliError::because(Exit::Auth, "log in", &error)
            .next("Copy the whole token; the owner link's page shows one, once.")
    })
}

fn typed(session: &Session<'_>, access: &Access) -> Result<String, CliError> {
    let api = &access.api;
    session.printer.note(&format!("Logging in at {api}."));
    session
        .printer
        .note("A new server prints a one-time owner link: open it, and it shows a token.");
    session.printer.ask("Paste the token (it is not shown): ");
    read_hidden_line().map_err(|error| unread(&error))
}

fn unread(error: &io::Error) -> CliError {
    CliError::because(Exit::Failure, "read the token", error)
}
