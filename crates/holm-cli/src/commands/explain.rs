//! `holm explain`: the decision for one URL, then every rule that was considered.

use holm_api::{ExplainConsidered, ExplainReport};

use super::Session;
use crate::args::ExplainArgs;
use crate::client::ExplainAsked;
use crate::error::CliError;
use crate::exit::Exit;
use crate::style::{Paint, Style};

pub(super) fn run(session: &Session<'_>, args: &ExplainArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let client = session.client(&args.connection, link.as_ref())?;
    let url = if args.url.contains("://") {
        args.url.clone()
    } else {
        format!("http://{}", args.url)
    };
    url.parse::<ureq::http::Uri>().map_err(|error| {
        CliError::because(Exit::Usage, format!("explain `{url}`"), &error)
            .next("Give a URL such as http://blog.localhost:8088/docs/.")
    })?;
    let asked = ExplainAsked {
        deployment: args.deployment.clone(),
        ip: args.ip,
        referer: args.referer.clone(),
        user_agent: args.user_agent.clone(),
        past_gate: args.past_gate,
    };
    let report = client
        .explain_view(&url, &asked)
        .map_err(|error| error.explain(format!("explain {url}")))?;
    if args.json {
        session.printer.result_json(&report);
    } else {
        session
            .printer
            .result_text(&render(&report, session.printer.out_style()));
    }
    Ok(())
}

fn render(report: &ExplainReport, style: Style) -> String {
    let decision = style.paint(
        Paint::Strong,
        &format!("{} {}", report.status, report.decision),
    );
    let deployment = report.deployment_id.as_deref().unwrap_or("no deployment");
    let place = format!("{} in {deployment} of {}", report.path, report.project);
    let place = style.paint(Paint::Quiet, &place);
    let mut text = format!("{decision}  {}\n{place}\n\n", report.summary);
    let width = report
        .considered
        .iter()
        .map(|rule| rule.step.chars().count())
        .max()
        .unwrap_or(0);
    for rule in &report.considered {
        text.push_str(&render_rule(rule, width, style));
    }
    if !report.headers.is_empty() {
        text.push_str("\nheaders\n");
        for (name, value) in &report.headers {
            text = format!("{text}  {name}: {value}\n");
        }
    }
    text
}

/// Mark, step, rule and place on one line, the reason on the next.
fn render_rule(rule: &ExplainConsidered, width: usize, style: Style) -> String {
    let is_matched = rule.outcome == "matched";
    let mark = if is_matched {
        style.paint(Paint::Good, "✓")
    } else {
        style.paint(Paint::Quiet, "·")
    };
    let place = match (&rule.file, rule.line) {
        (Some(file), Some(line)) => format!("  {file}:{line}"),
        (Some(file), None) => format!("  {file}"),
        _ => String::new(),
    };
    let step = format!("{:width$}", rule.step);
    let gap = " ".repeat(width);
    let why = style.paint(Paint::Quiet, &rule.why);
    let place = style.paint(Paint::Quiet, &place);
    let line = format!("{mark} {step}  {}{place}", rule.rule);
    format!("{}\n  {gap}  {why}\n", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_decision_comes_first_then_each_rule_with_its_place_and_reason() {
        let rule = |step: &str, rule: &str, line: Option<u32>, outcome: &str, why: &str| {
            ExplainConsidered {
                step: step.into(),
                rule: rule.into(),
                file: line.map(|_| "edgeone.json".into()),
                line,
                outcome: outcome.into(),
                why: why.into(),
            }
        };
        let report = ExplainReport {
            url: "http://blog.localhost/a".into(),
            project: "blog".into(),
            deployment_id: Some("dpl_1".into()),
            path: "/a".into(),
            decision: "asset".into(),
            status: 200,
            summary: "/a.html".into(),
            headers: vec![("cache-control".into(), "max-age=0".into())],
            considered: vec![
                rule(
                    "redirects",
                    "/old -> /new (301)",
                    Some(7),
                    "not_matched",
                    "the path is not /old",
                ),
                rule("files", "clean URL", None, "matched", "/a.html exists"),
            ],
        };
        assert_eq!(
            render(&report, Style::new(false)),
            "200 asset  /a.html\n\
             /a in dpl_1 of blog\n\
             \n\
             · redirects  /old -> /new (301)  edgeone.json:7\n             the path is not /old\n\
             ✓ files      clean URL\n             /a.html exists\n\
             \n\
             headers\n  cache-control: max-age=0\n"
        );
    }
}
