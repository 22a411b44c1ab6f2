//! `holm inspect`: everything about one deployment.

use holm_api::{AliasView, DeploymentVariableView, DeploymentView};
use serde::Serialize;

use super::projects::collect;
use super::target::Target;
use super::{Session, time};
use crate::args::{ListChoice, OneDeploymentArgs};
use crate::error::CliError;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Inspected {
    deployment: DeploymentView,
    /// The variables that it was made with; values of secrets are null.
    variables: Vec<DeploymentVariableView>,
    /// The aliases that point at it now.
    aliases: Vec<AliasView>,
}

pub(super) fn run(session: &Session<'_>, args: &OneDeploymentArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let client = session.client(&args.connection, link.as_ref())?;
    let target = Target::find(&client, &args.deployment, &args.project, link.as_ref())?;
    let Target {
        project,
        deployment,
    } = &target;
    let doing = || format!("inspect deployment `{deployment}` of `{project}`");
    let view = client
        .deployment_view(project, deployment)
        .map_err(|error| error.explain(doing()))?;
    let variables = client
        .deployment_variables(project, deployment)
        .map_err(|error| error.explain(doing()))?;
    let all = ListChoice {
        all: true,
        limit: None,
    };
    let mut aliases = collect(&all, |page| client.alias_list(project, page))
        .map_err(|error| error.explain(doing()))?
        .data;
    aliases.retain(|alias| alias.deployment_id == view.id);
    let inspected = Inspected {
        deployment: view,
        variables: variables.data,
        aliases,
    };
    if args.json {
        session.printer.result_json(&inspected);
    } else {
        session
            .printer
            .diagnostics(&inspected.deployment.diagnostics);
        session.printer.result_text(&render(&inspected));
    }
    Ok(())
}

fn render(inspected: &Inspected) -> String {
    let view = &inspected.deployment;
    let mut lines = vec![
        ("id", view.id.to_string()),
        ("label", view.label.clone()),
        ("project", view.project_name.to_string()),
        ("state", state(view)),
        ("environment", view.environment.to_string()),
        ("url", view.url.clone()),
    ];
    lines.extend(
        inspected
            .aliases
            .iter()
            .map(|alias| ("also at", alias.url.clone())),
    );
    let source = &view.source;
    let about = [
        ("branch", &source.branch),
        ("commit", &source.commit),
        ("message", &source.message),
    ];
    let about = about
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.clone()?)));
    lines.extend(about);
    lines.extend(view.redeployed_from.map(|id| ("made from", id.to_string())));
    lines.push((
        "files",
        format!("{}, {} bytes", view.file_count, view.size_bytes),
    ));
    lines.push(("made (UTC)", time(view.created_at)));
    lines.extend(view.sealed_at.map(|at| ("sealed (UTC)", time(at))));
    lines.extend(inspected.variables.iter().map(|variable| {
        let value = variable.value.as_deref().unwrap_or("(secret)");
        ("variable", format!("{}={value}", variable.name))
    }));
    let line =
        |(name, value): &(&str, String)| format!("{name:<12}  {}\n", crate::escape::line(value));
    lines.iter().map(line).collect()
}

fn state(view: &DeploymentView) -> String {
    let mut words = vec![view.state.as_str()];
    if view.is_live {
        words.push("live");
    }
    if view.is_pinned {
        words.push("pinned");
    }
    words.join(", ")
}
