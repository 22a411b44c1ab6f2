//! The settings of a project as columns.

use holm_api::BuildSettings;
use holm_types::{Area, ProjectId};
use rusqlite::Row;

use super::{Change, DbError, column};

/// What a project is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SettingsRow {
    pub(crate) functions_before_files: bool,
    /// `None`: the name is shown.
    pub(crate) display_name: Option<String>,
    pub(crate) area: Area,
    pub(crate) production_branch: String,
    /// `None`: as many as the server says.
    pub(crate) deployments_kept: Option<u64>,
    pub(crate) build: BuildSettings,
}

/// What a new project has.
impl Default for SettingsRow {
    fn default() -> Self {
        Self {
            functions_before_files: false,
            display_name: None,
            area: Area::default(),
            production_branch: "main".to_owned(),
            deployments_kept: None,
            build: BuildSettings::default(),
        }
    }
}

/// The settings from the ten columns that start at `index`.
pub(super) fn read(row: &Row<'_>, index: usize) -> rusqlite::Result<SettingsRow> {
    let kept: Option<i64> = row.get(index + 4)?;
    Ok(SettingsRow {
        functions_before_files: row.get(index)?,
        display_name: row.get(index + 1)?,
        area: column::word(row, index + 2)?,
        production_branch: row.get(index + 3)?,
        deployments_kept: kept.map(|kept| u64::try_from(kept).unwrap_or(0)),
        build: BuildSettings {
            install_command: row.get(index + 5)?,
            build_command: row.get(index + 6)?,
            output_directory: row.get(index + 7)?,
            node_version: row.get(index + 8)?,
            root_directory: row.get(index + 9)?,
        },
    })
}

impl Change<'_> {
    /// Replaces a project's settings and raises their revision.
    pub(crate) fn set_settings(
        &self,
        id: ProjectId,
        settings: &SettingsRow,
    ) -> Result<(), DbError> {
        self.connection
            .execute(
                "UPDATE projects SET revision = revision + 1,
                 functions_before_files = ?2, display_name = ?3, area = ?4, production_branch = ?5,
                 deployments_kept = ?6, install_command = ?7, build_command = ?8,
                 output_directory = ?9, node_version = ?10, root_directory = ?11 WHERE id = ?1",
                (
                    id.as_bytes(),
                    settings.functions_before_files,
                    &settings.display_name,
                    settings.area.as_str(),
                    &settings.production_branch,
                    settings.deployments_kept.map(column::from_count),
                    &settings.build.install_command,
                    &settings.build.build_command,
                    &settings.build.output_directory,
                    &settings.build.node_version,
                    &settings.build.root_directory,
                ),
            )
            .map(drop)
            .map_err(DbError::sql("change a project's settings"))
    }
}
