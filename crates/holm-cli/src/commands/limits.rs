//! `holm limits`: every maximum of the server, and of this program.

use holm_api::LimitView;
use holm_types::LimitInForce;

use super::Session;
use crate::args::LimitsArgs;
use crate::error::CliError;
use crate::limits::LIMITS;
use crate::style::Style;
use crate::table;

pub(super) fn run(session: &Session<'_>, args: &LimitsArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let client = session.client(&args.connection, link.as_ref())?;
    let mut list = client
        .limit_list()
        .map_err(|error| error.explain("list the limits"))?;
    list.data
        .extend(LimitInForce::fixed(LIMITS).map(LimitView::from));
    if let Some(filter) = &args.filter {
        list.data.retain(|limit| limit.name.contains(filter));
    }
    if args.json {
        session.printer.result_json(&list);
    } else {
        let style = session.printer.out_style();
        session.printer.result_text(&render(&list.data, style));
    }
    Ok(())
}

fn render(limits: &[LimitView], style: Style) -> String {
    let row = |limit: &LimitView| {
        let setting = match limit.setting {
            Some(_) => "[limits]",
            None => "fixed",
        };
        vec![
            limit.name.clone(),
            limit.value.to_string(),
            limit.default.to_string(),
            limit.unit.clone(),
            setting.to_owned(),
            limit.at_max.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = limits.iter().map(row).collect();
    let headings = [
        "NAME",
        "VALUE",
        "DEFAULT",
        "UNIT",
        "SET IN",
        "WHEN IT IS REACHED",
    ];
    table::render(&headings, &rows, style)
}
