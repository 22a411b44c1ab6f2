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
        "deployment_events",
        "DELETE FROM deployment_events WHERE rowid IN
         (SELECT e.rowid FROM deployments d
          JOIN deployment_events e ON e.deployment_id = d.id WHERE d.project_id = ?1 LIMIT ?2)",
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
    use std::path::Path;

    use holm_api::{DeploymentEventKind, EventDetail};
    use holm_types::{AliasId, BlobDigest, DeploymentId, Environment, Timestamp};
    use rusqlite::Connection;

    use super::*;
    use crate::db::{
        AliasKind, AliasRow, Db, MoveCause, NewDeployment, Sealing, StoredValue, VariableRow,
        configure, migrations,
    };
    use crate::limits::ControlLimits;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_700_000_000_000);

    fn open(folder: &Path) -> Db {
        Db::open(&folder.join("control.db"), &ControlLimits::default(), 0).unwrap()
    }

    /// A project with rows in every table: two sealed deployments and an upload, production moved twice.
    fn fill(change: &Change<'_>, number: u8, name: &str) -> Result<ProjectId, DbError> {
        let project_id = ProjectId::from_bytes([number; 16]);
        change.insert_project(project_id, &name.parse().unwrap(), NOW)?;
        let variable = VariableRow {
            name: "A".to_owned(),
            environment: Environment::Production,
            value: StoredValue::Plain("1".to_owned()),
            updated_at: NOW,
        };
        change.put_variable(project_id, &variable)?;
        let mut beneath = None;
        for place in 1..=3 {
            let mut bytes = [number; 16];
            bytes[15] = place;
            let id = DeploymentId::from_bytes(bytes);
            change.insert_deployment(&NewDeployment {
                id,
                project_id,
                environment: Environment::Production,
                source: holm_api::DeploymentSource::default(),
                file_count: 0,
                size_bytes: 0,
                created_at: NOW,
                redeployed_from: None,
            })?;
            change.insert_announced(id, &[1])?;
            let (created, nothing) = (DeploymentEventKind::Created, EventDetail::default());
            change.add_event(id, created, &nothing, NOW)?;
            if place == 3 {
                break;
            }
            let sealing = Sealing {
                document: BlobDigest::of(b"document"),
                sealed_at: NOW,
                diagnostics: Vec::new(),
            };
            assert!(change.seal_deployment(id, &sealing)?);
            let (cause, label) = (MoveCause::Deploy, name.to_owned());
            let move_id = change.insert_alias_move(project_id, name, id, cause, beneath, NOW)?;
            beneath = Some(move_id);
            let alias = AliasRow {
                project_id,
                kind: AliasKind::Production,
                label,
                deployment_id: id,
                move_id,
                branch: None,
            };
            change.put_alias(AliasId::from_bytes([number; 16]), &alias)?;
        }
        Ok(project_id)
    }

    fn counts(db: &Db) -> Vec<u64> {
        db.read_blocking::<_, DbError>(|view| {
            assert_eq!(view.integrity()?, Vec::<String>::new());
            let count = |table: &str| {
                let sql = format!("SELECT count(*) FROM {table}");
                view.connection
                    .query_row(&sql, (), |row| column::count(row, 0))
            };
            let counts = STEPS
                .iter()
                .map(|(table, _)| count(table))
                .collect::<Result<_, _>>();
            counts.map_err(DbError::sql("count rows"))
        })
        .unwrap()
    }

    #[test]
    fn a_sweep_that_is_cut_short_after_any_row_goes_on_from_there() {
        let folder = tempfile::tempdir().unwrap();
        let mut db = open(folder.path());
        db.write_blocking(|change| fill(change, 1, "keep")).unwrap();
        let before = counts(&db);
        assert!(before.iter().all(|count| *count > 0), "{before:?}");
        let gone = db.write_blocking(|change| fill(change, 2, "gone")).unwrap();
        let not_deleted = db.write_blocking(move |change| change.sweep_project(gone, 100));
        assert_eq!(not_deleted.unwrap(), 0);
        db.write_blocking(move |change| change.delete_project(gone, NOW))
            .unwrap();
        let mut steps = 0;
        while let Some(id) = db
            .read_blocking::<_, DbError>(|view| view.deleted_project())
            .unwrap()
        {
            let removed = db.write_blocking(move |change| change.sweep_project(id, 1));
            assert_eq!(removed.unwrap(), 1);
            // Another process, as after a kill.
            db.close();
            db = open(folder.path());
            counts(&db);
            steps += 1;
        }
        assert_eq!(steps, before.iter().sum::<u64>());
        assert_eq!(counts(&db), before);
    }

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
