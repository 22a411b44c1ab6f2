//! From what a path names to rows: a project by id or name, a deployment by id or label.

use holm_api::{DeploymentView, ProjectView};
use holm_types::{DeploymentId, ErrorCode, ProjectId};

use super::host::{deployment_label, production_label};
use crate::authz::no_project;
use crate::config::ControlConfig;
use crate::db::{DeploymentRow, ProjectRow, View};
use crate::error::ApiError;

/// The project that `reference` names.
pub(super) fn project(view: &View<'_>, reference: &str) -> Result<ProjectRow, ApiError> {
    let found = match reference.parse::<ProjectId>() {
        Ok(id) => view.project(id)?,
        Err(_) => view.project_by_name(reference)?,
    };
    found.ok_or_else(|| no_project(reference))
}

/// The deployment that `reference` names, which must be of this project.
pub(super) fn deployment(
    view: &View<'_>,
    project: &str,
    reference: &str,
) -> Result<DeploymentRow, ApiError> {
    let project = self::project(view, project)?;
    deployment_of(view, &project, reference)
}

/// As [`deployment`], when the project is known.
pub(super) fn deployment_of(
    view: &View<'_>,
    project: &ProjectRow,
    reference: &str,
) -> Result<DeploymentRow, ApiError> {
    let found = match reference.parse::<DeploymentId>() {
        Ok(id) => view.deployment(id)?,
        Err(_) => view.deployment_by_label(reference)?,
    };
    found
        .filter(|deployment| deployment.project_id == project.id)
        .ok_or_else(|| {
            ApiError::new(
                ErrorCode::DeploymentNotFound,
                format!(
                    "The project `{}` has no deployment `{}`",
                    project.name,
                    shown(reference)
                ),
            )
        })
}

/// What a caller wrote, short enough to repeat.
fn shown(reference: &str) -> String {
    reference.chars().take(80).collect()
}

/// A project as the API shows it.
pub(super) fn project_shape(config: &ControlConfig, row: ProjectRow) -> ProjectView {
    ProjectView {
        url: config.url(&production_label(&row.name)),
        id: row.id,
        name: row.name,
        live_deployment_id: row.live,
        display_name: row.settings.display_name,
        area: row.settings.area.to_string(),
        production_branch: row.settings.production_branch,
        deployments_kept: row.settings.deployments_kept,
        build: row.settings.build,
        functions_before_files: row.settings.functions_before_files,
        created_at: row.created_at,
    }
}

/// A deployment as the API shows it.
pub(super) fn deployment_shape(config: &ControlConfig, row: DeploymentRow) -> DeploymentView {
    DeploymentView {
        url: config.url(&deployment_label(&row.project_name, &row.label)),
        production_url: config.url(&production_label(&row.project_name)),
        id: row.id,
        label: row.label,
        project_id: row.project_id,
        project_name: row.project_name,
        state: row.state,
        environment: row.environment,
        is_live: row.is_live,
        is_pinned: row.is_pinned,
        redeployed_from: row.redeployed_from,
        source: row.source,
        file_count: row.file_count,
        size_bytes: row.size_bytes,
        diagnostics: row.diagnostics,
        created_at: row.created_at,
        sealed_at: row.sealed_at,
    }
}
