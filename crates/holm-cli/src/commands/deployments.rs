//! `holm deployments`: the list of a project's deployments.

use holm_api::DeploymentView;
use holm_types::Diagnostic;

use super::projects::{collect, tell_more};
use super::{Session, choose_project, time};
use crate::args::DeploymentsArgs;
use crate::error::CliError;
use crate::style::Style;
use crate::table;

/// The characters of a message that a table shows.
const MESSAGE_CHARACTERS_MAX: usize = 60;

pub(super) fn run(session: &Session<'_>, args: &DeploymentsArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let project = choose_project(&args.project, link.as_ref())?;
    let client = session.client(&args.connection, link.as_ref())?;
    let page = collect(&args.list, |page| client.deployment_list(&project, page))
        .map_err(|error| error.explain(format!("list the deployments of `{project}`")))?;
    if args.json {
        session.printer.result_json(&page);
        return Ok(());
    }
    if page.data.is_empty() {
        session
            .printer
            .note(&format!("`{project}` has no deployments yet."));
        return Ok(());
    }
    session
        .printer
        .result_text(&render(&page.data, session.printer.out_style()));
    tell_more(&page, session.printer);
    Ok(())
}

fn render(deployments: &[DeploymentView], style: Style) -> String {
    let rows: Vec<Vec<String>> = deployments.iter().map(row).collect();
    let headings = [
        "ID",
        "LABEL",
        "STATE",
        "ENVIRONMENT",
        "FILES",
        "MADE (UTC)",
        "ABOUT",
    ];
    table::render(&headings, &rows, style)
}

fn row(deployment: &DeploymentView) -> Vec<String> {
    let state = if deployment.is_live {
        "live".to_owned()
    } else if deployment.is_pinned {
        format!("{}, pinned", deployment.state)
    } else {
        deployment.state.to_string()
    };
    vec![
        deployment.id.to_string(),
        deployment.label.clone(),
        state,
        deployment.environment.to_string(),
        deployment.file_count.to_string(),
        time(deployment.created_at),
        about(deployment),
    ]
}

/// The branch, the message, and how many findings there are.
fn about(deployment: &DeploymentView) -> String {
    let source = &deployment.source;
    let errors = deployment
        .diagnostics
        .iter()
        .filter(|found| found.is_error())
        .count();
    let findings = match (errors, deployment.diagnostics.as_slice()) {
        (0, []) => None,
        (0, found) => Some(format!("{} findings", found.len())),
        (errors, _) => Some(first_error(&deployment.diagnostics, errors)),
    };
    let message = source
        .message
        .as_deref()
        .and_then(|message| message.lines().next());
    let branch = source.branch.as_ref().map(|branch| format!("[{branch}]"));
    let parts: Vec<String> = branch
        .into_iter()
        .chain(message.map(str::to_owned))
        .chain(findings)
        .collect();
    shorten(&parts.join(" "))
}

fn first_error(diagnostics: &[Diagnostic], errors: usize) -> String {
    let first = diagnostics.iter().find(|found| found.is_error());
    let message = first.map_or("", |found| found.message.as_str());
    format!("{errors} errors: {message}")
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= MESSAGE_CHARACTERS_MAX {
        return text.to_owned();
    }
    let kept: String = text.chars().take(MESSAGE_CHARACTERS_MAX - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use holm_api::DeploymentSource;
    use holm_types::{DeploymentId, DeploymentState, Environment, ProjectId, Severity, Timestamp};

    use super::*;

    fn view(state: DeploymentState, is_live: bool) -> DeploymentView {
        let id = DeploymentId::from_bytes([1; 16]);
        DeploymentView {
            id,
            label: id.label(),
            project_id: ProjectId::from_bytes([2; 16]),
            project_name: "blog".parse().unwrap(),
            state,
            environment: Environment::Production,
            url: String::new(),
            production_url: String::new(),
            is_live,
            is_pinned: false,
            redeployed_from: None,
            source: DeploymentSource {
                branch: Some("main".into()),
                message: Some("First\nmore".into()),
                ..DeploymentSource::default()
            },
            file_count: 3,
            size_bytes: 10,
            diagnostics: Vec::new(),
            created_at: Timestamp::from_unix_ms(1_700_000_000_123),
            sealed_at: None,
        }
    }

    #[test]
    fn rows_say_what_is_live_and_what_failed() {
        let mut failed = view(DeploymentState::Failed, false);
        failed.diagnostics = vec![Diagnostic::new(Severity::Error, "x/y", "no such region")];
        let text = render(
            &[view(DeploymentState::Sealed, true), failed],
            Style::new(false),
        );
        assert_eq!(
            text,
            "ID                              LABEL         STATE   ENVIRONMENT  FILES  MADE (UTC)           ABOUT\n\
             dpl_040g2081040g2081040g208104  2081040g2081  live    production   3      2023-11-14 22:13:20  [main] First\n\
             dpl_040g2081040g2081040g208104  2081040g2081  failed  production   3      2023-11-14 22:13:20  [main] First 1 errors: no such region\n"
        );
    }

    #[test]
    fn long_texts_are_shortened() {
        assert_eq!(
            shorten(&"ä".repeat(61)).chars().count(),
            MESSAGE_CHARACTERS_MAX
        );
        assert_eq!(shorten("short"), "short");
    }
}
