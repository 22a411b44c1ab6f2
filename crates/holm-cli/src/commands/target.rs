//! How a deployment is named on the command line: by id, by label, or by any URL that shows it.

use holm_types::{DeploymentId, ProjectName};
use ureq::http::Uri;

use super::choose_project;
use crate::args::ProjectChoice;
use crate::client::{Client, ExplainAsked};
use crate::error::CliError;
use crate::exit::Exit;
use crate::link::Link;

/// A deployment of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub project: ProjectName,
    /// The id or the label.
    pub deployment: String,
}

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Named {
    /// An id or a label: the project has to be known.
    Reference(String),
    /// A deployment's own URL, which says both.
    Own(Target),
    /// Another URL: the server knows what it shows.
    Url(String),
}

impl Target {
    /// Finds out which deployment was named.
    pub(super) fn find(
        client: &Client,
        text: &str,
        choice: &ProjectChoice,
        link: Option<&Link>,
    ) -> Result<Self, CliError> {
        match Named::parse(text) {
            Some(Named::Own(target)) => Ok(target),
            Some(Named::Reference(deployment)) => Ok(Self {
                project: choose_project(choice, link)?,
                deployment,
            }),
            Some(Named::Url(url)) => Self::ask(client, &url),
            None => {
                let doing = format!("find the deployment `{text}`");
                let why = "it is neither an id (dpl_...), nor a label of 12 characters, nor a URL";
                Err(CliError::new(Exit::Usage, doing, why)
                    .next("`holm deployments` lists ids and labels."))
            }
        }
    }

    fn ask(client: &Client, url: &str) -> Result<Self, CliError> {
        let doing = format!("find the deployment that {url} shows");
        let report = client
            .explain_view(url, &ExplainAsked::default())
            .map_err(|error| error.explain(&doing))?;
        let found = report.project.parse().ok().zip(report.deployment_id);
        let Some((project, deployment)) = found else {
            return Err(CliError::new(Exit::NotFound, doing, report.summary));
        };
        Ok(Self {
            project,
            deployment,
        })
    }
}

impl Named {
    fn parse(text: &str) -> Option<Self> {
        if text.parse::<DeploymentId>().is_ok() || is_label(text) {
            return Some(Self::Reference(text.to_owned()));
        }
        if !text.contains(['.', ':', '/']) {
            return None;
        }
        let url = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        let uri: Uri = url.parse().ok()?;
        let host_label = uri.host()?.split('.').next()?;
        let own = host_label
            .split_once("--")
            .filter(|(_, label)| is_label(label));
        match own.map(|(project, label)| (project.parse(), label)) {
            Some((Ok(project), label)) => Some(Self::Own(Target {
                project,
                deployment: label.to_owned(),
            })),
            _ => Some(Self::Url(url)),
        }
    }
}

/// The 12 characters of a deployment's host name.
fn is_label(text: &str) -> bool {
    text.len() == 12
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_labels_and_urls_are_told_apart() {
        let id = DeploymentId::from_bytes([7; 16]);
        let own = Named::Own(Target {
            project: "my-blog".parse().unwrap(),
            deployment: id.label(),
        });
        let (text, label) = (id.to_string(), id.label());
        assert_eq!(Named::parse(&text), Some(Named::Reference(text.clone())));
        assert_eq!(Named::parse(&label), Some(Named::Reference(label.clone())));
        assert_eq!(
            Named::parse(&format!("http://my-blog--{label}.localhost:8080/x")),
            Some(own.clone())
        );
        assert_eq!(
            Named::parse(&format!("my-blog--{label}.localhost:8080")),
            Some(own)
        );
        for url in [
            "http://my-blog--b-main.localhost:8080",
            "https://my-blog.example",
        ] {
            assert_eq!(Named::parse(url), Some(Named::Url(url.to_owned())), "{url}");
        }
        for bad in ["", "dpl_short", "short", "http://"] {
            assert_eq!(Named::parse(bad), None, "{bad}");
        }
    }
}
