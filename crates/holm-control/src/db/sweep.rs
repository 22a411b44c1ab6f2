//! Removing what belonged to deleted projects, a bounded batch at a time, each batch whole or not at all.

use holm_types::ProjectId;
use rusqlite::OptionalExtension as _;

use super::{Change, DbError, View, column};

/// What removes rows of a project, each statement at most `?2` of them, in an order in which no row
/// goes before one that names it. A table of another part that names projects or deployments belongs
/// here too; a test compares this list with the schema.
const STEPS: &[(&str, &str)] = &[
    (
        "aliases",
        "DELETE FROM aliases WHERE rowid IN
         (SELECT rowid FROM aliases WHERE project_id = ?1 LIMIT ?2)",
    ),
    // Newest first: a move names the one beneath it, which is older.
    (
        "alias_moves",
        "DELETE FROM alias_moves WHERE id IN
         (SELECT id FROM alias_moves WHERE project_id = ?1 ORDER BY id DESC LIMIT ?2)",
    ),
    (
        "announced_manifests",
        "DELETE FROM announced_manifests WHERE deployment_id IN
         (SELECT m.deployment_id FROM deployments d
          JOIN announced_manifests m ON m.deployment_id = d.id WHERE d.project_id = ?1 LIMIT ?2)",
    ),
    (
        "deployment_variables",
        "DELETE FROM deployment_variables WHERE rowid IN
         (SELECT v.rowid FROM deployments d
          JOIN deployment_variables v ON v.deployment_id = d.id WHERE d.project_id = ?1 LIMIT ?2)",
    ),
    (
        "deployments",
        "DELETE FROM deployments WHERE id IN
         (SELECT id FROM deployments WHERE project_id = ?1 LIMIT ?2)",
    ),
    (
        "variables",
        "DELETE FROM variables WHERE rowid IN
         (SELECT rowid FROM variables WHERE project_id = ?1 LIMIT ?2)",
    ),
    ("projects", "DELETE FROM projects WHERE id = ?1 AND ?2 > 0"),
];

impl View<'_> {
    /// A project that was deleted and still has rows.
    pub(crate) fn deleted_project(&self) -> Result<Option<ProjectId>, DbError> {
        self.connection
            .query_row(
                "SELECT id FROM projects WHERE deleted_at IS NOT NULL LIMIT 1",
                (),
                |row| column::id(row, 0, ProjectId::from_bytes),
            )
            .optional()
            .map_err(DbError::sql("look for a deleted project"))
    }
}

impl Change<'_> {
    /// Removes at most `rows_max` rows of a deleted project, its own row last. How many; 0 when
    /// nothing is left, or the project was not deleted.
    pub(crate) fn sweep_project(&self, id: ProjectId, rows_max: u64) -> Result<u64, DbError> {
        let is_deleted: bool = self
            .connection
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM projects WHERE id = ?1 AND deleted_at IS NOT NULL)",
                [id.as_bytes()],
                |row| row.get(0),
            )
            .map_err(DbError::sql("look for a deleted project"))?;
        let mut removed = 0;
        for (_, step) in STEPS {
            if !is_deleted || removed >= rows_max {
                break;
            }
            let room = column::from_count(rows_max - removed);
            let count = self
                .connection
                .execute(step, (id.as_bytes(), room))
                .map_err(DbError::sql("remove rows of a deleted project"))?;
            removed += count as u64;
        }
        Ok(removed)
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::db::{configure, migrations};

    #[test]
    fn every_table_that_names_a_project_or_a_deployment_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = Connection::open(folder.path().join("control.db")).unwrap();
        configure(&connection).unwrap();
        migrations::migrate(&mut connection, 0).unwrap();
        let sql = "SELECT DISTINCT m.name FROM sqlite_schema m, pragma_foreign_key_list(m.name) f
            WHERE m.type = 'table' AND f.\"table\" IN ('projects', 'deployments')
            AND f.on_delete <> 'CASCADE'";
        let mut statement = connection.prepare(sql).unwrap();
        let names = statement
            .query_map((), |row| row.get::<_, String>(0))
            .unwrap();
        let names: Vec<String> = names.map(Result::unwrap).collect();
        assert!(names.len() >= 5, "{names:?}");
        for name in names {
            assert!(
                STEPS.iter().any(|(table, _)| *table == name),
                "{name} is not swept"
            );
        }
    }
}
