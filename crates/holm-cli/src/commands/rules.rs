//! `holm rules`: whom a project's hosts refuse and slow down.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use holm_api::{AccessRulesView, RateLimitAction};

use super::{Session, choose_project};
use crate::args::RulesArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::limits::CliLimits;
use crate::style::Style;
use crate::table;

pub(super) fn run(session: &Session<'_>, args: &RulesArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let project = choose_project(&args.project, link.as_ref())?;
    let rules = match &args.set {
        Some(file) => Some(read(file)?),
        None => None,
    };
    let client = session.client(&args.connection, link.as_ref())?;
    let view = match &rules {
        Some(rules) => client.access_rules_update(&project, rules),
        None => client.access_rules_view(&project),
    };
    let view =
        view.map_err(|error| error.explain(format!("access rules of project `{project}`")))?;
    if args.json {
        session.printer.result_json(&view);
    } else if view == AccessRulesView::default() {
        session.printer.note("There are no access rules.");
    } else {
        session
            .printer
            .result_text(&render(&view, session.printer.out_style()));
    }
    Ok(())
}

fn read(file: &Path) -> Result<AccessRulesView, CliError> {
    let doing = format!("read access rules from {}", file.display());
    let bytes_max = CliLimits::default().settings_bytes_max;
    let mut bytes = Vec::new();
    let input: io::Result<Box<dyn Read>> = if file == Path::new("-") {
        Ok(Box::new(io::stdin().lock()))
    } else {
        File::open(file).map(|file| Box::new(file) as Box<dyn Read>)
    };
    input
        .and_then(|input| input.take(bytes_max).read_to_end(&mut bytes))
        .map_err(|error| CliError::because(Exit::Usage, &doing, &error))?;
    serde_json::from_slice(&bytes).map_err(|error| {
        CliError::because(Exit::Usage, &doing, &error)
            .next("`holm rules --json` prints the form that is taken.")
    })
}

fn render(view: &AccessRulesView, style: Style) -> String {
    let lists = [
        ("ip_allow", &view.ip_allow),
        ("ip_block", &view.ip_block),
        ("referer_block", &view.referer_block),
        ("user_agent_allow", &view.user_agent_allow),
        ("user_agent_block", &view.user_agent_block),
    ];
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (name, list) in lists {
        rows.extend(
            list.iter()
                .map(|entry| vec![name.to_owned(), entry.clone()]),
        );
    }
    for limit in &view.rate_limits {
        let action = match limit.action {
            RateLimitAction::Block => "block",
            RateLimitAction::Observe => "observe",
        };
        let (path, requests, seconds) = (&limit.path, limit.requests, limit.window_seconds);
        let rule = format!("{path}: {requests} requests in {seconds} s, then {action}");
        rows.push(vec!["rate_limits".to_owned(), rule]);
    }
    table::render(&["LIST", "RULE"], &rows, style)
}
