//! `holm projects`: the list of projects.

use holm_api::{Page, ProjectView};

use super::{Session, time};
use crate::args::{ListChoice, ProjectsArgs};
use crate::client::{ClientError, PageAsked};
use crate::error::CliError;
use crate::limits::CliLimits;
use crate::printer::Printer;
use crate::style::Style;
use crate::table;

pub(super) fn run(session: &Session<'_>, args: &ProjectsArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let client = session.client(&args.connection, link.as_ref())?;
    let page = collect(&args.list, |page| client.project_list(page))
        .map_err(|error| error.explain("list the projects"))?;
    if args.json {
        session.printer.result_json(&page);
        return Ok(());
    }
    if page.data.is_empty() {
        session
            .printer
            .note("There are no projects yet; `holm deploy DIR` makes one.");
        return Ok(());
    }
    session
        .printer
        .result_text(&render(&page.data, session.printer.out_style()));
    tell_more(&page, session.printer);
    Ok(())
}

fn render(projects: &[ProjectView], style: Style) -> String {
    let row = |project: &ProjectView| {
        let live = project
            .live_deployment_id
            .map_or("-".to_owned(), |id| id.to_string());
        vec![
            project.name.to_string(),
            project.url.clone(),
            live,
            time(project.created_at),
        ]
    };
    let rows: Vec<Vec<String>> = projects.iter().map(row).collect();
    table::render(
        &["NAME", "URL", "LIVE DEPLOYMENT", "MADE (UTC)"],
        &rows,
        style,
    )
}

/// One page, or with `--all` all of them as one.
pub(super) fn collect<T>(
    choice: &ListChoice,
    list: impl Fn(&PageAsked) -> Result<Page<T>, ClientError>,
) -> Result<Page<T>, ClientError> {
    let all_limit = choice.all.then_some(100);
    let mut asked = PageAsked {
        limit: choice.limit.or(all_limit),
        cursor: None,
    };
    let mut whole = list(&asked)?;
    let mut pages = 1;
    while choice.all && pages < CliLimits::default().pages_max {
        let Some(cursor) = whole.next_cursor.take() else {
            break;
        };
        asked.cursor = Some(cursor);
        let mut page = list(&asked)?;
        whole.data.append(&mut page.data);
        whole.next_cursor = page.next_cursor;
        pages += 1;
    }
    Ok(whole)
}

/// Says that a list goes on.
pub(super) fn tell_more<T>(page: &Page<T>, printer: &Printer) {
    if page.next_cursor.is_some() {
        printer.note("There are more; --all lists them.");
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Three pages of one number each; counts how many were asked for.
    fn list(asked_count: &Cell<u32>) -> impl Fn(&PageAsked) -> Result<Page<u32>, ClientError> + '_ {
        |asked| {
            asked_count.set(asked_count.get() + 1);
            let number: u32 = asked.cursor.as_deref().unwrap_or("0").parse().unwrap();
            let next_cursor = (number < 2).then(|| (number + 1).to_string());
            Ok(Page {
                data: vec![number],
                next_cursor,
            })
        }
    }

    #[test]
    fn one_page_unless_all_are_asked_for() {
        let asked = Cell::new(0);
        let one = collect(&ListChoice::default(), list(&asked)).unwrap();
        assert_eq!(
            (one.data, one.next_cursor.as_deref(), asked.get()),
            (vec![0], Some("1"), 1)
        );
        let all = collect(
            &ListChoice {
                all: true,
                limit: None,
            },
            list(&asked),
        )
        .unwrap();
        assert_eq!(
            (all.data, all.next_cursor, asked.get()),
            (vec![0, 1, 2], None, 4)
        );
    }
}
