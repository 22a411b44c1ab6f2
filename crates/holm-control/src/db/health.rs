//! What `holm doctor` reads: the file's own integrity and the rows that must fit together.

use std::path::Path;

use holm_types::{BlobDigest, DeploymentId};
use rusqlite::Connection;

use super::{DbError, View, column, migrations, open_read_only};

/// A deployment that blobs hang on.
#[derive(Clone, Debug)]
pub(crate) struct HealthRow {
    pub(crate) id: DeploymentId,
    /// `None` breaks a rule: a sealed deployment has a document.
    pub(crate) document: Option<BlobDigest>,
}

/// Opens the file for reading only, beside a running server.
pub(crate) fn open_for_check(file: &Path) -> Result<Connection, DbError> {
    open_read_only(file)
}

impl<'c> View<'c> {
    /// A view without a transaction around it.
    pub(crate) fn of(connection: &'c Connection) -> Self {
        Self { connection }
    }

    /// The file's schema and the newest that this program knows.
    pub(crate) fn schema_versions(&self) -> Result<(i64, i64), DbError> {
        let found = migrations::schema_version(self.connection)?;
        Ok((found, migrations::SCHEMA_VERSION))
    }

    /// What SQLite finds wrong with the file; empty when nothing is.
    pub(crate) fn integrity(&self) -> Result<Vec<String>, DbError> {
        let lines: Vec<String> = self
            .connection
            .prepare("PRAGMA integrity_check(20)")
            .and_then(|mut statement| statement.query_map((), |row| row.get(0))?.collect())
            .map_err(DbError::sql("check the database's integrity"))?;
        let broken_links = self.count("SELECT count(*) FROM pragma_foreign_key_check")?;
        let mut findings: Vec<String> = lines.into_iter().filter(|line| line != "ok").collect();
        if broken_links > 0 {
            findings.push(format!("{broken_links} rows name rows that are not there"));
        }
        Ok(findings)
    }

    /// Every sealed deployment, also of deleted projects.
    pub(crate) fn sealed_deployments(&self) -> Result<Vec<HealthRow>, DbError> {
        self.connection
            .prepare(
                "SELECT d.id, d.document FROM deployments d JOIN projects p ON p.id = d.project_id
                 WHERE d.state = 'sealed' AND p.deleted_at IS NULL ORDER BY d.id",
            )
            .and_then(|mut statement| {
                let rows = statement.query_map((), |row| {
                    Ok(HealthRow {
                        id: column::id(row, 0, DeploymentId::from_bytes)?,
                        document: column::optional_digest(row, 1)?,
                    })
                })?;
                rows.collect()
            })
            .map_err(DbError::sql("read the sealed deployments"))
    }

    /// Labels of aliases that point at something that is not sealed or of another project.
    pub(crate) fn stray_aliases(&self) -> Result<Vec<String>, DbError> {
        self.connection
            .prepare(
                "SELECT a.label FROM aliases a LEFT JOIN deployments d
                 ON d.id = a.deployment_id AND d.project_id = a.project_id AND d.state = 'sealed'
                 WHERE d.id IS NULL ORDER BY a.label",
            )
            .and_then(|mut statement| statement.query_map((), |row| row.get(0))?.collect())
            .map_err(DbError::sql("look for stray aliases"))
    }

    /// Unfinished uploads that have lost their manifest.
    pub(crate) fn uploads_without_manifest(&self) -> Result<Vec<DeploymentId>, DbError> {
        self.connection
            .prepare(
                "SELECT d.id FROM deployments d LEFT JOIN announced_manifests m
                 ON m.deployment_id = d.id WHERE d.state = 'uploading' AND m.deployment_id IS NULL",
            )
            .and_then(|mut statement| {
                let rows =
                    statement.query_map((), |row| column::id(row, 0, DeploymentId::from_bytes))?;
                rows.collect()
            })
            .map_err(DbError::sql("look for uploads without a manifest"))
    }

    /// How many projects, deployments and aliases there are.
    pub(crate) fn totals(&self) -> Result<(u64, u64, u64), DbError> {
        Ok((
            self.project_count()?,
            self.count(
                "SELECT count(*) FROM deployments d JOIN projects p ON p.id = d.project_id
                 WHERE p.deleted_at IS NULL",
            )?,
            self.count("SELECT count(*) FROM aliases")?,
        ))
    }

    fn count(&self, sql: &str) -> Result<u64, DbError> {
        self.connection
            .query_row(sql, (), |row| column::count(row, 0))
            .map_err(DbError::sql("count rows"))
    }
}
