//! `holm aliases`: a project's production and branch URLs, and what they point at.

use holm_api::{AliasKind, AliasView};

use super::projects::{collect, tell_more};
use super::{Session, choose_project, time};
use crate::args::AliasesArgs;
use crate::error::CliError;
use crate::style::Style;
use crate::table;

pub(super) fn run(session: &Session<'_>, args: &AliasesArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let project = choose_project(&args.project, link.as_ref())?;
    let client = session.client(&args.connection, link.as_ref())?;
    let page = collect(&args.list, |page| client.alias_list(&project, page))
        .map_err(|error| error.explain(format!("list the aliases of `{project}`")))?;
    if args.json {
        session.printer.result_json(&page);
        return Ok(());
    }
    if page.data.is_empty() {
        let note = format!("`{project}` has nothing in production and no branches yet.");
        session.printer.note(&note);
        return Ok(());
    }
    let style = session.printer.out_style();
    session.printer.result_text(&render(&page.data, style));
    tell_more(&page, session.printer);
    Ok(())
}

fn render(aliases: &[AliasView], style: Style) -> String {
    let row = |alias: &AliasView| {
        let of = match (alias.kind, &alias.branch) {
            (AliasKind::Production, _) => "production".to_owned(),
            (AliasKind::Branch, branch) => format!("[{}]", branch.as_deref().unwrap_or("?")),
        };
        vec![
            alias.url.clone(),
            of,
            alias.deployment_id.to_string(),
            time(alias.moved_at),
        ]
    };
    let rows: Vec<Vec<String>> = aliases.iter().map(row).collect();
    table::render(
        &["URL", "FOLLOWS", "DEPLOYMENT", "MOVED (UTC)"],
        &rows,
        style,
    )
}
