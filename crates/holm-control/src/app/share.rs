//! Links that open a protected host.

use std::time::Duration;

use holm_api::{ShareCreate, ShareLink};
use holm_site::guard::{Coverage, TICKET_SECONDS};
use holm_types::ErrorCode;

use super::host::{branch_label, deployment_label, production_label};
use super::{find, read_protection};
use crate::authz::{Authorized, Deploy};
use crate::core::Core;
use crate::db::{ProjectRow, ProtectionRow, View};
use crate::error::ApiError;

const PATH_LENGTH_MAX: usize = 2048;

/// A link to a host of a project. It shows what is protected to whoever has it, so handing it out takes
/// more than being shown it.
pub(crate) async fn share(
    core: &Core,
    _who: &Authorized<Deploy>,
    reference: String,
    ask: ShareCreate,
) -> Result<ShareLink, ApiError> {
    let path = read_path(ask.path.as_deref().unwrap_or("/"))?.to_owned();
    let (host, row) = core
        .db
        .read(move |view| {
            let project = find::project(view, &reference)?;
            let host = host_of(view, &project, &ask)?;
            Ok::<_, ApiError>((host, view.protection(project.id)?))
        })
        .await?;
    let url = format!("{}{path}", core.config.url(&host.label));
    Ok(match row.filter(|row| is_covered(row, &host)) {
        None => ShareLink {
            url,
            expires_at: None,
        },
        Some(row) => {
            let eo_time = core.now().unix_seconds();
            let name = core.config.host(&host.label);
            let eo_token = row.signing_key.ticket(&name, eo_time);
            let joint = if url.contains('?') { '&' } else { '?' };
            ShareLink {
                url: format!("{url}{joint}eo_token={eo_token}&eo_time={eo_time}"),
                expires_at: Some(core.now().plus(Duration::from_secs(TICKET_SECONDS))),
            }
        }
    })
}

struct Host {
    label: String,
    is_production: bool,
}

fn is_covered(row: &ProtectionRow, host: &Host) -> bool {
    read_protection(row).is_some_and(|protection| match protection.coverage {
        Coverage::Previews => !host.is_production,
        Coverage::All => true,
    })
}

fn host_of(view: &View<'_>, project: &ProjectRow, ask: &ShareCreate) -> Result<Host, ApiError> {
    let (label, is_production) = match (&ask.deployment, &ask.branch) {
        (Some(_), Some(_)) => {
            return Err(invalid("/branch", "a deployment or a branch, not both"));
        }
        (Some(deployment), None) => {
            let row = find::deployment_of(view, project, deployment)?;
            (deployment_label(&project.name, &row.label), false)
        }
        (None, Some(branch)) => {
            let label = branch_label(&project.name, branch);
            if view.alias(project.id, &label)?.is_none() {
                let shown: String = branch.chars().take(80).collect();
                return Err(ApiError::new(
                    ErrorCode::DeploymentNotFound,
                    format!(
                        "The project `{}` has no deployment of the branch `{shown}`",
                        project.name
                    ),
                ));
            }
            (label, false)
        }
        (None, None) => (production_label(&project.name), true),
    };
    Ok(Host {
        label,
        is_production,
    })
}

/// A path, perhaps with a query, as it stands in a URL.
fn read_path(path: &str) -> Result<&str, ApiError> {
    let is_in_url = path
        .bytes()
        .all(|byte| (0x21..0x7f).contains(&byte) && byte != b'#');
    if path.starts_with('/') && path.len() <= PATH_LENGTH_MAX && is_in_url {
        Ok(path)
    } else {
        let detail = "a path that starts with a slash, percent-encoded, without a fragment";
        Err(invalid("/path", detail))
    }
}

fn invalid(pointer: &str, detail: &str) -> ApiError {
    ApiError::new(ErrorCode::RequestInvalid, "This cannot be shared").with_field(pointer, detail)
}
