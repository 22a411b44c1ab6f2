//! `holm audit`: who changed what.

use holm_api::{AuditOutcome, AuditQuery, AuditView};

use super::projects::{collect, tell_more};
use super::{Session, time};
use crate::args::AuditArgs;
use crate::client::PageAsked;
use crate::error::CliError;
use crate::style::Style;
use crate::table;

pub(super) fn run(session: &Session<'_>, args: &AuditArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let client = session.client(&args.connection, link.as_ref())?;
    let page = collect(&args.list, |page| client.audit_list(&asked(args, page)))
        .map_err(|error| error.explain("list the audit log"))?;
    if args.json {
        session.printer.result_json(&page);
        return Ok(());
    }
    let text = render(&page.data, session.printer.out_style());
    session.printer.result_text(&text);
    tell_more(&page, session.printer);
    Ok(())
}

fn asked(args: &AuditArgs, page: &PageAsked) -> AuditQuery {
    AuditQuery {
        limit: page.limit,
        cursor: page.cursor.clone(),
        user: args.user.clone(),
        project: args.project.clone(),
        operation: args.operation.clone(),
        since: args.since.clone(),
    }
}

fn render(rows: &[AuditView], style: Style) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
    let headings = ["WHEN (UTC)", "WHO", "FROM", "WHAT", "HOW", "TARGET"];
    table::render(&headings, &rows, style)
}

fn row(row: &AuditView) -> Vec<String> {
    let who = match (&row.email, row.user_id, row.token_id) {
        (Some(email), _, _) => email.clone(),
        (None, Some(user), _) => user.to_string(),
        (None, None, Some(token)) => token.to_string(),
        (None, None, None) => "nobody".to_owned(),
    };
    let how = match (row.outcome, &row.code) {
        (AuditOutcome::Done, _) => "done".to_owned(),
        (_, Some(code)) => code.clone(),
        (_, None) => row.status.to_string(),
    };
    vec![
        time(row.at),
        who,
        row.address.clone(),
        row.operation.clone(),
        how,
        row.target.clone(),
    ]
}
