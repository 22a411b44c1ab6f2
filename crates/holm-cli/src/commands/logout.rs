//! `holm logout`: the stored token is revoked on its server and forgotten here.

use serde::Serialize;

use super::Session;
use crate::access::Access;
use crate::args::{Connection, LogoutArgs};
use crate::client::{Client, ClientError};
use crate::credentials::Credentials;
use crate::error::CliError;
use crate::surroundings::Surroundings;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct LoggedOut<'a> {
    api: &'a str,
    /// Whether the server was told to revoke the token.
    is_revoked: bool,
}

pub(super) fn run(session: &Session<'_>, args: &LogoutArgs) -> Result<(), CliError> {
    // What is logged out of is a login: a token from elsewhere is not this program's to forget.
    let connection = Connection {
        token: None,
        ..args.connection.clone()
    };
    let surroundings = Surroundings {
        token: None,
        ..session.surroundings.clone()
    };
    let access = Access::decide(&connection, &surroundings, None, session.printer)?.with_token()?;
    let api = access.api.clone();
    let is_revoked = !args.keep_token && revoke(&Client::new(access))?;
    let mut credentials = Credentials::load(session.surroundings.config_folder.as_deref())?;
    credentials.forget(&api)?;
    let what = if is_revoked {
        "the token is revoked and forgotten"
    } else {
        "the token is forgotten"
    };
    session
        .printer
        .done(&format!("logged out of {api}; {what}"));
    if args.json {
        session.printer.result_json(&LoggedOut {
            api: api.as_str(),
            is_revoked,
        });
    }
    Ok(())
}

/// Revokes the token that is shown. False when the server does not know it any more.
fn revoke(client: &Client) -> Result<bool, CliError> {
    let is_unknown = |error: &ClientError| error.code() == Some("auth/unknown-token");
    let revoked = client.me_view().and_then(|me| match me.token_id {
        Some(token) => client.token_revoke_own(token).map(|()| true),
        None => Ok(false),
    });
    match revoked {
        Err(error) if is_unknown(&error) => Ok(false),
        other => other.map_err(|error| {
            error.explain(format!(
                "revoke the token at {}; --keep-token only forgets it here",
                client.api()
            ))
        }),
    }
}
