//! The status page: to the owner the projects and the newest deployments, to everybody else what this
//! is and how to sign in.

use std::fmt::Write as _;

use axum::response::Response;
use holm_api::{DeploymentView, InstanceView, ProjectView};
use http::StatusCode;

use super::Visit;
use super::html::{Text, page};
use crate::app::{self, ListAsk, instance};
use crate::authz::{Authorized, Read};
use crate::error::ApiError;

const PROJECTS_SHOWN_MAX: u32 = 100;
const DEPLOYMENTS_SHOWN_MAX: u32 = 20;

/// The page, for whoever asks.
pub(super) async fn show(visit: Visit<'_>) -> Result<Response, ApiError> {
    let about = instance::view(&visit.core).await?;
    let body = match visit.actor {
        Some(actor) => for_owner(&visit.core, &Authorized::ask(actor)?, &about).await?,
        None if about.is_claimed => SIGN_IN.to_owned() + &version(&about),
        None => CLAIM.to_owned() + &version(&about),
    };
    Ok(page(StatusCode::OK, "Holm", &body))
}

const SIGN_IN: &str = "<p>Sign in with your e-mail and password.</p>\
    <form method=\"post\" action=\"/login\">\
    <p><input type=\"email\" name=\"email\" aria-label=\"E-mail\" placeholder=\"E-mail\" \
    autocomplete=\"username\" required>\
    <input type=\"password\" name=\"password\" aria-label=\"Password\" placeholder=\"Password\" \
    autocomplete=\"current-password\" required>\
    <button>Sign in</button></p></form>\
    <p>Or with a token; <code>holm login</code> keeps one.</p>\
    <form method=\"post\" action=\"/login\">\
    <input type=\"password\" name=\"token\" aria-label=\"Token\" placeholder=\"holm_...\" required>\
    <button>Sign in</button></form>";

const CLAIM: &str = "<p>This server has no owner yet. \
    Open the owner link that it printed when it started.</p>";

fn version(about: &InstanceView) -> String {
    format!("<p><small>Version {}</small></p>", Text(&about.version))
}

async fn for_owner(
    core: &crate::core::Core,
    who: &Authorized<Read>,
    about: &InstanceView,
) -> Result<String, ApiError> {
    let ask = ListAsk {
        before: None,
        rows_max: PROJECTS_SHOWN_MAX,
    };
    let projects = app::project_list(core, who, ask).await?;
    let deployments = app::recent(core, who, DEPLOYMENTS_SHOWN_MAX).await?;
    let mut body = String::new();
    body.push_str("<h2>Projects</h2>");
    table(
        &mut body,
        ["Project", "URL", "Live deployment"],
        &projects,
        project_row,
    );
    body.push_str("<h2>Newest deployments</h2>");
    table(
        &mut body,
        ["Deployment", "State", "Made"],
        &deployments,
        deployment_row,
    );
    body.push_str(
        "<form method=\"post\" action=\"/logout\"><p><button>Sign out</button></p></form>",
    );
    body.push_str(&version(about));
    Ok(body)
}

fn table<T>(
    body: &mut String,
    titles: [&str; 3],
    rows: &[T],
    show: fn(&T, &mut String) -> std::fmt::Result,
) {
    if rows.is_empty() {
        body.push_str("<p class=\"soft\">None yet. <code>holm deploy DIR</code> makes one.</p>");
        return;
    }
    body.push_str("<table><tr>");
    for title in titles {
        body.push_str("<th>");
        body.push_str(title);
        body.push_str("</th>");
    }
    body.push_str("</tr>");
    for row in rows {
        show(row, body).expect("writing to a string cannot fail");
    }
    body.push_str("</table>");
}

fn project_row(project: &ProjectView, body: &mut String) -> std::fmt::Result {
    let (name, url) = (Text(&project.name), Text(&project.url));
    write!(
        body,
        "<tr><td>{name}</td><td><a href=\"{url}\">{url}</a></td><td>"
    )?;
    match project.live_deployment_id {
        Some(id) => write!(body, "<code>{}</code>", Text(id))?,
        None => body.push_str("<span class=\"soft\">none</span>"),
    }
    body.push_str("</td></tr>");
    Ok(())
}

fn deployment_row(deployment: &DeploymentView, body: &mut String) -> std::fmt::Result {
    write!(
        body,
        "<tr><td><a href=\"{}\">{} <code>{}</code></a>",
        Text(&deployment.url),
        Text(&deployment.project_name),
        Text(&deployment.label)
    )?;
    if let Some(message) = &deployment.source.message {
        let start: String = message.chars().take(120).collect();
        write!(body, "<br><small>{}</small>", Text(start))?;
    }
    let live = if deployment.is_live { ", live" } else { "" };
    write!(
        body,
        "</td><td>{}{live}</td><td>{}</td></tr>",
        Text(deployment.state),
        Text(deployment.created_at)
    )
}
