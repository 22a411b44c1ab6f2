//! Rows of projects.

use holm_types::{DeploymentId, ProjectId, ProjectName, Timestamp};
use rusqlite::{OptionalExtension as _, Row};

use super::settings::{self, SettingsRow};
use super::{Change, DbError, View, column};

/// A project that has not been deleted, with what production points at.
#[derive(Clone, Debug)]
pub(crate) struct ProjectRow {
    pub(crate) id: ProjectId,
    pub(crate) name: ProjectName,
    pub(crate) created_at: Timestamp,
    /// `None` before the first success.
    pub(crate) live: Option<DeploymentId>,
    /// Raised by every change of the settings.
    pub(crate) revision: u64,
    pub(crate) settings: SettingsRow,
}

/// A project as the snapshot needs it.
#[derive(Clone, Debug)]
pub(crate) struct ProjectHost {
    pub(crate) id: ProjectId,
    pub(crate) name: ProjectName,
}

const PROJECT: &str = "SELECT projects.id, name, created_at, deployment_id, revision,
        functions_before_files, display_name, area, production_branch, deployments_kept,
        install_command, build_command, output_directory, node_version, root_directory
    FROM projects
    LEFT JOIN aliases ON aliases.project_id = projects.id AND kind = 'production'
    WHERE deleted_at IS NULL";

fn project(row: &Row<'_>) -> rusqlite::Result<ProjectRow> {
    Ok(ProjectRow {
        id: column::id(row, 0, ProjectId::from_bytes)?,
        name: column::word(row, 1)?,
        created_at: column::time(row, 2)?,
        live: column::optional_id(row, 3, DeploymentId::from_bytes)?,
        revision: column::count(row, 4)?,
        settings: settings::read(row, 5)?,
    })
}

fn project_host(row: &Row<'_>) -> rusqlite::Result<ProjectHost> {
    Ok(ProjectHost {
        id: column::id(row, 0, ProjectId::from_bytes)?,
        name: column::word(row, 1)?,
    })
}

impl View<'_> {
    /// The project with this id.
    pub(crate) fn project(&self, id: ProjectId) -> Result<Option<ProjectRow>, DbError> {
        let sql = format!("{PROJECT} AND projects.id = ?1");
        self.connection
            .query_row(&sql, [id.as_bytes()], project)
            .optional()
            .map_err(DbError::sql("look up a project"))
    }

    /// The project with this name.
    pub(crate) fn project_by_name(&self, name: &str) -> Result<Option<ProjectRow>, DbError> {
        self.connection
            .query_row(&format!("{PROJECT} AND name = ?1"), [name], project)
            .optional()
            .map_err(DbError::sql("look up a project"))
    }

    /// Projects, newest first, older than `before`.
    pub(crate) fn projects(
        &self,
        before: Option<ProjectId>,
        rows_max: u32,
    ) -> Result<Vec<ProjectRow>, DbError> {
        let before = before.map_or([0xFF; 16], |id| *id.as_bytes());
        let sql = format!("{PROJECT} AND projects.id < ?1 ORDER BY projects.id DESC LIMIT ?2");
        self.connection
            .prepare(&sql)
            .and_then(|mut statement| statement.query_map((before, rows_max), project)?.collect())
            .map_err(DbError::sql("list the projects"))
    }

    /// How many projects there are.
    pub(crate) fn project_count(&self) -> Result<u64, DbError> {
        let sql = "SELECT count(*) FROM projects WHERE deleted_at IS NULL";
        self.connection
            .query_row(sql, (), |row| column::count(row, 0))
            .map_err(DbError::sql("count the projects"))
    }

    /// One project, for the snapshot. `None` when it is not there.
    pub(crate) fn project_host(&self, id: ProjectId) -> Result<Option<ProjectHost>, DbError> {
        let sql = "SELECT id, name FROM projects WHERE deleted_at IS NULL AND id = ?1";
        self.connection
            .query_row(sql, [id.as_bytes()], project_host)
            .optional()
            .map_err(DbError::sql("read a project's hosts"))
    }

    /// Every project, for the snapshot.
    pub(crate) fn project_hosts(&self) -> Result<Vec<ProjectHost>, DbError> {
        let sql = "SELECT id, name FROM projects WHERE deleted_at IS NULL";
        self.connection
            .prepare(sql)
            .and_then(|mut statement| statement.query_map((), project_host)?.collect())
            .map_err(DbError::sql("read the projects' hosts"))
    }
}

impl Change<'_> {
    /// Keeps a new project. False when the name is taken.
    pub(crate) fn insert_project(
        &self,
        id: ProjectId,
        name: &ProjectName,
        now: Timestamp,
    ) -> Result<bool, DbError> {
        self.connection
            .execute(
                "INSERT INTO projects (id, name, created_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (name) WHERE deleted_at IS NULL DO NOTHING",
                (id.as_bytes(), name.as_str(), now.unix_ms()),
            )
            .map(|count| count > 0)
            .map_err(DbError::sql("keep a project"))
    }

    /// Deletes a project: its name is free, its deployments are seen no more. Raises the snapshot's version.
    pub(crate) fn delete_project(&self, id: ProjectId, now: Timestamp) -> Result<(), DbError> {
        self.connection
            .execute(
                "UPDATE projects SET deleted_at = ?2 WHERE id = ?1 AND deleted_at IS NULL",
                (id.as_bytes(), now.unix_ms()),
            )
            .map_err(DbError::sql("delete a project"))?;
        self.project_hosts_changed(id).map(drop)
    }
}
