//! `holm members`: list, invite, role, remove.

use holm_api::{InvitationCreate, MemberUpdate, MemberView};
use holm_types::UserId;

use super::projects::{collect, tell_more};
use super::{Session, time};
use crate::args::{
    InviteArgs, ListArgs, ListChoice, MembersArgs, MembersVerb, RemoveArgs, RoleArgs,
};
use crate::client::Client;
use crate::error::CliError;
use crate::exit::Exit;
use crate::style::Style;
use crate::table;

pub(super) fn run(session: &Session<'_>, args: &MembersArgs) -> Result<(), CliError> {
    match &args.verb {
        MembersVerb::List(args) => list(session, args),
        MembersVerb::Invite(args) => invite(session, args),
        MembersVerb::Role(args) => role(session, args),
        MembersVerb::Remove(args) => remove(session, args),
    }
}

fn list(session: &Session<'_>, args: &ListArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let client = session.client(&args.connection, link.as_ref())?;
    let page = collect(&args.list, |page| client.member_list(page))
        .map_err(|error| error.explain("list the members"))?;
    if args.json {
        session.printer.result_json(&page);
        return Ok(());
    }
    let text = render(&page.data, session.printer.out_style());
    session.printer.result_text(&text);
    tell_more(&page, session.printer);
    Ok(())
}

fn invite(session: &Session<'_>, args: &InviteArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let client = session.client(&args.connection, link.as_ref())?;
    let ask = InvitationCreate {
        email: args.email.clone(),
        role: args.role.into(),
    };
    let made = client
        .invitation_create(&ask)
        .map_err(|error| error.explain(format!("invite {}", args.email)))?;
    if args.json {
        session.printer.result_json(&made);
        return Ok(());
    }
    session.printer.result(&made.url);
    let (email, role) = (&made.invitation.email, made.invitation.role);
    let end = time(made.invitation.expires_at);
    session.printer.done(&format!(
        "send this link to {email}: it works once, for them, until {end} UTC, and makes them a {role}"
    ));
    Ok(())
}

fn role(session: &Session<'_>, args: &RoleArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let client = session.client(&args.connection, link.as_ref())?;
    let member = find(&client, &args.member)?;
    let ask = MemberUpdate {
        role: args.role.into(),
    };
    let changed = client
        .member_update(member, &ask)
        .map_err(|error| error.explain(format!("change the role of `{}`", args.member)))?;
    let now = format!("{} is now a {}", args.member, changed.role);
    session.printer.done(&now);
    if args.json {
        session.printer.result_json(&changed);
    }
    Ok(())
}

fn remove(session: &Session<'_>, args: &RemoveArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let client = session.client(&args.connection, link.as_ref())?;
    let member = find(&client, &args.member)?;
    client
        .member_delete(member)
        .map_err(|error| error.explain(format!("remove `{}`", args.member)))?;
    session.printer.done(&format!("removed {}", args.member));
    if args.json {
        session
            .printer
            .result_json(&serde_json::json!({ "id": member }));
    }
    Ok(())
}

/// A member by id, or by e-mail among all of them.
fn find(client: &Client, named: &str) -> Result<UserId, CliError> {
    if let Ok(id) = named.parse() {
        return Ok(id);
    }
    let all = ListChoice {
        all: true,
        limit: None,
    };
    let page = collect(&all, |page| client.member_list(page))
        .map_err(|error| error.explain(format!("look for the member `{named}`")))?;
    let is_meant = |member: &&MemberView| {
        let email = member.email.as_deref().unwrap_or_default();
        email.eq_ignore_ascii_case(named.trim())
    };
    let found = page.data.iter().find(is_meant).map(|member| member.id);
    found.ok_or_else(|| {
        let doing = format!("look for the member `{named}`");
        CliError::new(Exit::NotFound, doing, "nobody has this e-mail")
            .next("`holm members list` lists the members.")
    })
}

fn render(members: &[MemberView], style: Style) -> String {
    let row = |member: &MemberView| {
        vec![
            member.id.to_string(),
            member.role.to_string(),
            time(member.created_at),
            member.email.clone().unwrap_or("-".to_owned()),
        ]
    };
    let rows: Vec<Vec<String>> = members.iter().map(row).collect();
    table::render(&["ID", "ROLE", "SINCE (UTC)", "E-MAIL"], &rows, style)
}
