//! `holm tokens`: list, create, revoke.

use holm_api::{TokenCreate, TokenView};
use serde::Serialize;

use super::projects::{collect, tell_more};
use super::{Session, time};
use crate::args::{ListArgs, RevokeArgs, TokenCreateArgs, TokensArgs, TokensVerb};
use crate::error::CliError;
use crate::style::Style;
use crate::table;

pub(super) fn run(session: &Session<'_>, args: &TokensArgs) -> Result<(), CliError> {
    match &args.verb {
        TokensVerb::List(args) => list(session, args),
        TokensVerb::Create(args) => create(session, args),
        TokensVerb::Revoke(args) => revoke(session, args),
    }
}

fn list(session: &Session<'_>, args: &ListArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let client = session.client(&args.connection, link.as_ref())?;
    let page = collect(&args.list, |page| client.token_list(page))
        .map_err(|error| error.explain("list the tokens"))?;
    if args.json {
        session.printer.result_json(&page);
        return Ok(());
    }
    let text = render(&page.data, session.printer.out_style());
    session.printer.result_text(&text);
    tell_more(&page, session.printer);
    Ok(())
}

fn create(session: &Session<'_>, args: &TokenCreateArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let client = session.client(&args.connection, link.as_ref())?;
    let ask = TokenCreate {
        name: args.name.clone(),
        expires_in_seconds: (!args.never_expires).then_some(args.days * 86_400),
        never_expires: args.never_expires,
        scopes: args.scopes.clone(),
    };
    let made = client
        .token_create(&ask)
        .map_err(|error| error.explain(format!("make the token `{}`", args.name)))?;
    if args.json {
        session.printer.result_json(&made);
        return Ok(());
    }
    session.printer.result(&made.secret);
    let end = made.token.expires_at.map_or("never ends".to_owned(), |at| {
        format!("ends {} UTC", time(at))
    });
    let (id, scopes) = (made.token.id, made.token.scopes.join(" "));
    session.printer.done(&format!(
        "{id} may {scopes} and {end}; it is not shown again"
    ));
    Ok(())
}

fn revoke(session: &Session<'_>, args: &RevokeArgs) -> Result<(), CliError> {
    #[derive(Serialize)]
    struct Revoked<'a> {
        id: &'a str,
    }
    let link = session.link()?;
    let client = session.client(&args.connection, link.as_ref())?;
    client
        .token_delete(&args.id)
        .map_err(|error| error.explain(format!("revoke the token `{}`", args.id)))?;
    session.printer.done(&format!("revoked {}", args.id));
    if args.json {
        session.printer.result_json(&Revoked { id: &args.id });
    }
    Ok(())
}

fn render(tokens: &[TokenView], style: Style) -> String {
    let moment = |at: Option<_>| at.map_or("never".to_owned(), time);
    let row = |token: &TokenView| {
        vec![
            token.id.to_string(),
            moment(token.expires_at),
            moment(token.last_used_at),
            token.scopes.join(" "),
            token.name.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = tokens.iter().map(row).collect();
    table::render(
        &["ID", "ENDS (UTC)", "LAST USED (UTC)", "MAY", "NAME"],
        &rows,
        style,
    )
}
