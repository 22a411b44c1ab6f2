//! What a deployment is asked for with, and what comes of it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use holm_api::{DeploymentSource, DeploymentView};
use holm_types::{DeploymentId, DeploymentState, Diagnostic, Environment, ProjectId, ProjectName};
use serde::Serialize;

use crate::error::CliError;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::progress::{ProgressMode, bytes, count};

/// A deployment to be made.
#[derive(Clone)]
pub struct DeployOptions {
    /// A built folder, or a project whose `edgeone.json` names its output folder. Relative to the
    /// current folder.
    pub folder: PathBuf,
    /// The project; made when there is none of this name. `None`: the one in the folder's link file,
    /// else the nearest valid name to the folder's.
    pub project: Option<ProjectName>,
    /// `Production` moves the production alias when the deployment is sealed.
    pub environment: Environment,
    /// What people are told about where the files come from.
    pub source: DeploymentSource,
    /// The API's address, for example `http://127.0.0.1:8089`. Plain http only to this machine.
    pub api_url: String,
    /// The token, `holm_...`.
    pub token: String,
    /// How to tell about the progress on stderr.
    pub progress: ProgressMode,
    /// Whether to write `.holm/project.json` into the project after success, unless there is one.
    pub write_link: bool,
}

impl DeployOptions {
    /// A deployment of this folder to preview, with progress, without writing a link file.
    pub fn new(
        folder: impl Into<PathBuf>,
        api_url: impl Into<String>,
        token: impl Into<String>,
    ) -> Self {
        Self {
            folder: folder.into(),
            project: None,
            environment: Environment::Preview,
            source: DeploymentSource::default(),
            api_url: api_url.into(),
            token: token.into(),
            progress: ProgressMode::Auto,
            write_link: false,
        }
    }
}

impl fmt::Debug for DeployOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeployOptions")
            .field("folder", &self.folder)
            .field("project", &self.project)
            .field("environment", &self.environment)
            .field("api_url", &self.api_url)
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}

/// A deployment that is served.
#[derive(Clone, Debug, Serialize)]
pub struct DeployOutcome {
    /// Its own URL; always shows exactly this deployment.
    pub url: String,
    /// The project's production URL; shows this deployment when it went to production.
    pub production_url: String,
    /// Its id.
    pub deployment_id: DeploymentId,
    /// The 12 characters that stand for it in its URL.
    pub label: String,
    /// Its project.
    pub project: ProjectName,
    /// Its project's id.
    pub project_id: ProjectId,
    /// Where it went.
    pub environment: Environment,
    /// Whether production points at it.
    pub is_live: bool,
    /// Files deployed.
    pub file_count: u64,
    /// Their bytes.
    pub size_bytes: u64,
    /// Blobs that the server did not have and that were sent.
    pub uploaded_count: u64,
    /// Their bytes.
    pub uploaded_bytes: u64,
    /// How long it took, from the first file read to being served.
    #[serde(rename = "duration_ms", serialize_with = "as_milliseconds")]
    pub duration: Duration,
    /// Findings that did not keep it from being deployed.
    pub diagnostics: Vec<Diagnostic>,
}

fn as_milliseconds<S: serde::Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// What was sent for a deployment.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// What became of it.
    pub view: DeploymentView,
    /// Blobs that were sent; for an archive, the one file.
    pub blob_count: u64,
    /// Their bytes.
    pub blob_bytes: u64,
}

impl DeployOutcome {
    /// A deployment that is served; `doing` is what an error says was not done.
    pub(crate) fn of(sent: Sent, duration: Duration, doing: &str) -> Result<Self, CliError> {
        let view = sent.view;
        if view.state != DeploymentState::Sealed {
            let why = format!("the deployment {} ended as `{}`", view.id, view.state);
            return Err(CliError::new(Exit::Deployment, doing, why)
                .next("Fix the findings above and deploy again.")
                .with_diagnostics(view.diagnostics));
        }
        Ok(Self {
            url: view.url,
            production_url: view.production_url,
            deployment_id: view.id,
            label: view.label,
            project: view.project_name,
            project_id: view.project_id,
            environment: view.environment,
            is_live: view.is_live,
            file_count: view.file_count,
            size_bytes: view.size_bytes,
            uploaded_count: sent.blob_count,
            uploaded_bytes: sent.blob_bytes,
            duration,
            diagnostics: view.diagnostics,
        })
    }

    /// Tells on stderr what came of it.
    pub(crate) fn tell(&self, printer: &Printer) {
        printer.diagnostics(&self.diagnostics);
        printer.done(&self.summary());
        if self.is_live {
            printer.note(&format!("  production  {}", self.production_url));
        } else {
            let id = &self.deployment_id;
            printer.note(&format!(
                "  to put it into production: holm promote {id} --project {}",
                self.project
            ));
        }
    }

    fn summary(&self) -> String {
        let sent = match self.uploaded_count {
            0 => "nothing new to send".to_owned(),
            _ => format!("{} sent", bytes(self.uploaded_bytes)),
        };
        format!(
            "deployed {} ({}, {sent}) to {} of `{}` in {:.2} s",
            count(self.file_count, "file"),
            bytes(self.size_bytes),
            self.environment,
            self.project,
            self.duration.as_secs_f64()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome() -> DeployOutcome {
        DeployOutcome {
            url: "http://blog--0123456789ab.localhost:8080".into(),
            production_url: "http://blog.localhost:8080".into(),
            deployment_id: DeploymentId::from_bytes([1; 16]),
            label: "0123456789ab".into(),
            project: "blog".parse().unwrap(),
            project_id: ProjectId::from_bytes([2; 16]),
            environment: Environment::Preview,
            is_live: false,
            file_count: 10_000,
            size_bytes: 97_000_000,
            uploaded_count: 1,
            uploaded_bytes: 1200,
            duration: Duration::from_millis(310),
            diagnostics: Vec::new(),
        }
    }

    #[test]
    fn the_summary_says_how_much_went_where() {
        assert_eq!(
            outcome().summary(),
            "deployed 10,000 files (97.0 MB, 1.2 kB sent) to preview of `blog` in 0.31 s"
        );
    }

    #[test]
    fn the_json_has_the_documented_fields() {
        let json = serde_json::to_value(outcome()).unwrap();
        assert_eq!(json["url"], "http://blog--0123456789ab.localhost:8080");
        assert_eq!(json["environment"], "preview");
        assert_eq!(json["duration_ms"], 310);
        assert_eq!(json["diagnostics"], serde_json::json!([]));
    }

    #[test]
    fn the_token_is_not_in_the_debug_form() {
        let options = DeployOptions::new("dist", "http://127.0.0.1:1", "holm_secret");
        assert!(!format!("{options:?}").contains("secret"));
    }
}
