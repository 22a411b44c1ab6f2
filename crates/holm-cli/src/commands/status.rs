//! `holm status`: the server, the user, this folder's project.

use holm_api::{InstanceView, MeView, ProjectView};
use serde::Serialize;

use super::Session;
use crate::access::Access;
use crate::args::StatusArgs;
use crate::client::{Client, ClientError};
use crate::error::CliError;
use crate::link::Link;

/// What is known; what `--json` prints.
#[derive(Debug, Serialize)]
struct Status {
    api: String,
    cli_version: &'static str,
    server: InstanceView,
    /// Null without a token.
    me: Option<MeView>,
    /// The project's name in the folder's link. Null without one.
    linked_project: Option<String>,
    /// Null without a token, and when the server does not have the linked project.
    project: Option<ProjectView>,
}

pub(super) fn run(session: &Session<'_>, args: &StatusArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let access = Access::decide(
        &args.connection,
        session.surroundings,
        link.as_ref(),
        session.printer,
    )?;
    let client = Client::new(access);
    let status = ask(&client, link.as_ref())?;
    if args.json {
        session.printer.result_json(&status);
    } else {
        session.printer.result_text(&render(&status));
    }
    Ok(())
}

fn ask(client: &Client, link: Option<&Link>) -> Result<Status, CliError> {
    let api = client.api().to_string();
    let doing = || format!("ask {api} how it is");
    let server = client
        .instance_view()
        .map_err(|error| error.explain(doing()))?;
    let me = client.has_token().then(|| client.me_view()).transpose();
    let me = me.map_err(|error| error.explain(format!("ask {api} who you are")))?;
    let project = match link {
        Some(link) if me.is_some() => match client.project_view(&link.project) {
            Ok(view) => Some(view),
            Err(error) if is_absent(&error) => None,
            Err(error) => return Err(error.explain(doing())),
        },
        _ => None,
    };
    Ok(Status {
        api,
        cli_version: env!("CARGO_PKG_VERSION"),
        server,
        me,
        linked_project: link.map(|link| link.project.to_string()),
        project,
    })
}

fn is_absent(error: &ClientError) -> bool {
    error.code() == Some("project/not-found")
}

fn render(status: &Status) -> String {
    let server = &status.server;
    let claimed = if server.is_claimed {
        "has an owner"
    } else {
        "waits for its owner link to be opened"
    };
    let me = match &status.me {
        Some(me) => format!("{} by {}", me.role, me.authenticated_by),
        None => "not logged in; run `holm login`".to_owned(),
    };
    let project = match (&status.linked_project, &status.project) {
        (None, _) => "none; `holm deploy` makes one".to_owned(),
        (Some(_), Some(project)) => {
            let live = project
                .live_deployment_id
                .map_or("nothing live".to_owned(), |id| format!("live {id}"));
            format!("{} at {}, {live}", project.name, project.url)
        }
        (Some(name), None) if status.me.is_some() => {
            format!("{name}, which this server does not have")
        }
        (Some(name), None) => name.clone(),
    };
    format!(
        "server   {} ({} {}, {claimed})\nsites    *.{}\nyou      {me}\nproject  {project}\n",
        status.api, server.name, server.version, server.base_domain
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_lines() {
        let status = Status {
            api: "http://127.0.0.1:8089".into(),
            cli_version: "0.1.0",
            server: InstanceView {
                name: "holm".into(),
                version: "0.1.0".into(),
                is_claimed: false,
                base_domain: "localhost".into(),
            },
            me: None,
            linked_project: Some("blog".into()),
            project: None,
        };
        assert_eq!(
            render(&status),
            "server   http://127.0.0.1:8089 (holm 0.1.0, waits for its owner link to be opened)\n\
             sites    *.localhost\n\
             you      not logged in; run `holm login`\n\
             project  blog\n"
        );
    }
}
