//! `holm login`: a token is checked and kept, or the owner link is opened for one, or a password gets
//! one.

use std::io;

use holm_api::{SessionCreate, TokenCreate};
use serde::Serialize;

use super::Session;
use crate::access::{Access, refuse_exposed};
use crate::api_url::ApiUrl;
use crate::args::{Connection, LoginArgs};
use crate::client::Client;
use crate::credentials::{Credentials, Token};
use crate::error::CliError;
use crate::exit::Exit;
use crate::limits::CliLimits;
use crate::printer::{read_exact_line, read_hidden_line, read_line};
use crate::surroundings::Surroundings;
use crate::trust::Trust;

/// How long the token lasts that a password gets: 90 days, as that of the owner link.
const TOKEN_SECONDS: u64 = 90 * 86_400;

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
    let connection = Connection {
        token: None,
        ..args.connection.clone()
    };
    let surroundings = Surroundings {
        token: None,
        ..session.surroundings.clone()
    };
    let access = Access::decide(&connection, &surroundings, None, session.printer)?;
    if let Some(email) = &args.email {
        let token = by_password(session, args, &access, email)?;
        return keep(session, args, &access.api, &access.trust, token);
    }
    match secret(session, args, &access.api)? {
        Secret::Token(token) => keep(session, args, &access.api, &access.trust, token),
        Secret::OwnerLink(link) => {
            let token = claim(session, args, &access.trust, &link)?;
            keep(session, args, &link.api, &access.trust, token)
        }
    }
}

/// Checks the token with the server and keeps it.
fn keep(
    session: &Session<'_>,
    args: &LoginArgs,
    api: &ApiUrl,
    trust: &Trust,
    token: Token,
) -> Result<(), CliError> {
    refuse_exposed(api, args.connection.insecure_http)?;
    let client = Client::new(Access {
        api: api.clone(),
        token: Some(token.clone()),
        trust: trust.clone(),
    });
    let me = client
        .me_view()
        .map_err(|error| error.explain(format!("log in at {api}")))?;
    let mut credentials = Credentials::load(session.surroundings.config_folder.as_deref())?;
    let file = credentials.store(api, token)?.display().to_string();
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

/// What the user has to show.
#[derive(Debug, PartialEq, Eq)]
enum Secret {
    Token(Token),
    OwnerLink(OwnerLink),
}

/// The one-time link that a server without an owner prints: `http://127.0.0.1:8089/claim?code=...`.
#[derive(Debug, PartialEq, Eq)]
struct OwnerLink {
    api: ApiUrl,
    code: String,
}

impl OwnerLink {
    /// `None` when the text is something else.
    fn parse(text: &str) -> Option<Self> {
        let (origin, code) = text.trim().split_once("/claim?code=")?;
        let api = origin.parse().ok()?;
        let is_word = !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_word.then(|| Self {
            api,
            code: code.to_owned(),
        })
    }
}

/// Opens the owner link: the server gives the token of its new owner, once. So it is kept before
/// anything else can fail, and before the link is used up it is tried whether it can be kept.
fn claim(
    session: &Session<'_>,
    args: &LoginArgs,
    trust: &Trust,
    link: &OwnerLink,
) -> Result<Token, CliError> {
    let api = &link.api;
    refuse_exposed(api, args.connection.insecure_http)?;
    let mut credentials = Credentials::load(session.surroundings.config_folder.as_deref())?;
    credentials.check_writable()?;
    let client = Client::new(Access {
        api: api.clone(),
        token: None,
        trust: trust.clone(),
    });
    let doing = || format!("become the owner of {api}");
    let claimed = client
        .instance_claim(&link.code)
        .map_err(|error| error.explain(doing()))?;
    let token: Token = claimed
        .secret
        .parse()
        .map_err(|error| CliError::because(Exit::Failure, doing(), &error))?;
    credentials.store(api, token.clone())?;
    session.printer.done(&format!("you are the owner of {api}"));
    Ok(token)
}

/// Signs in with a password and makes a token; the password is kept nowhere.
fn by_password(
    session: &Session<'_>,
    args: &LoginArgs,
    access: &Access,
    email: &str,
) -> Result<Token, CliError> {
    let api = &access.api;
    refuse_exposed(api, args.connection.insecure_http)?;
    let doing = || format!("log in at {api} as {email}");
    let proof = SessionCreate {
        email: email.to_owned(),
        password: password(session, args, api, email)?,
    };
    let client = Client::new(Access {
        api: api.clone(),
        token: None,
        trust: access.trust.clone(),
    });
    let ask = TokenCreate {
        name: "holm login".to_owned(),
        expires_in_seconds: Some(TOKEN_SECONDS),
        never_expires: false,
        scopes: vec!["*:*".to_owned()],
    };
    let made = client
        .token_by_password(&proof, &ask)
        .map_err(|error| error.explain(doing()))?;
    made.secret
        .parse()
        .map_err(|error| CliError::because(Exit::Failure, doing(), &error))
}

fn password(
    session: &Session<'_>,
    args: &LoginArgs,
    api: &ApiUrl,
    email: &str,
) -> Result<String, CliError> {
    if args.password_stdin {
        let line = read_exact_line(CliLimits::default().settings_bytes_max);
        return line.map_err(|error| unread(&error));
    }
    if !session.surroundings.can_ask() {
        let why = "there is no terminal to ask for the password";
        return Err(
            CliError::new(Exit::Usage, "log in", why).next("Give it with --password-stdin.")
        );
    }
    session
        .printer
        .ask(&format!("Password of {email} at {api} (not shown): "));
    read_hidden_line().map_err(|error| unread(&error))
}

/// From the flag, from standard input, from the environment, or typed.
fn secret(session: &Session<'_>, args: &LoginArgs, api: &ApiUrl) -> Result<Secret, CliError> {
    let given = args
        .connection
        .token
        .as_ref()
        .or(session.surroundings.token.as_ref());
    let text = if args.token_stdin {
        read_line(CliLimits::default().settings_bytes_max).map_err(|error| unread(&error))?
    } else if let Some(given) = given {
        given.clone()
    } else if session.surroundings.can_ask() {
        typed(session, api)?
    } else {
        return Err(CliError::new(
            Exit::Usage,
            "log in",
            "there is no terminal to ask for the token",
        )
        .next("Give it with --token-stdin, --token or HOLM_TOKEN."));
    };
    if let Some(link) = OwnerLink::parse(&text) {
        return Ok(Secret::OwnerLink(link));
    }
    text.parse().map(Secret::Token).map_err(|error| {
        CliError::because(Exit::Auth, "log in", &error)
            .next("Copy the whole token, or the whole owner link that the server printed.")
    })
}

fn typed(session: &Session<'_>, api: &ApiUrl) -> Result<String, CliError> {
    session.printer.note(&format!("Logging in at {api}."));
    session
        .printer
        .note("A new server prints a one-time owner link; paste that, or a token.");
    session.printer.ask("Token or owner link (not shown): ");
    read_hidden_line().map_err(|error| unread(&error))
}

fn unread(error: &io::Error) -> CliError {
    CliError::because(Exit::Failure, "read the token", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_link_says_where_and_with_which_code() {
        let link = OwnerLink::parse(" http://127.0.0.1:8089/claim?code=abc123\n").unwrap();
        assert_eq!(
            (link.api.as_str(), link.code.as_str()),
            ("http://127.0.0.1:8089", "abc123")
        );
        for other in [
            "holm_abc",
            "/claim?code=x",
            "http://127.0.0.1:8089/claim?code=",
            "http://x/y/claim?code=a",
        ] {
            assert_eq!(OwnerLink::parse(other), None, "{other}");
        }
    }
}
