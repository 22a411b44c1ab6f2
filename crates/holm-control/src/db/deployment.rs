//! Rows of deployments.

use holm_api::DeploymentSource;
use holm_types::{
    BlobDigest, DeploymentId, DeploymentState, Diagnostic, Environment, ProjectId, ProjectName,
    Timestamp,
};
use rusqlite::{OptionalExtension as _, Row};

use super::{Change, DbError, View, column};

/// A deployment, with its project's name and whether production points at it.
#[derive(Clone, Debug)]
pub(crate) struct DeploymentRow {
    pub(crate) id: DeploymentId,
    pub(crate) project_id: ProjectId,
    pub(crate) project_name: ProjectName,
    pub(crate) label: String,
    pub(crate) state: DeploymentState,
    pub(crate) environment: Environment,
    pub(crate) source: DeploymentSource,
    pub(crate) file_count: u64,
    pub(crate) size_bytes: u64,
    /// `None` before it is sealed and after it is deleted. An expired one keeps it; whether the blob is
    /// still there is another question.
    pub(crate) document: Option<BlobDigest>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) created_at: Timestamp,
    pub(crate) sealed_at: Option<Timestamp>,
    pub(crate) is_live: bool,
    pub(crate) is_pinned: bool,
    /// `None` for one that was uploaded.
    pub(crate) redeployed_from: Option<DeploymentId>,
}

/// What a new deployment starts with; its state is `uploading`.
#[derive(Clone, Debug)]
pub(crate) struct NewDeployment {
    pub(crate) id: DeploymentId,
    pub(crate) project_id: ProjectId,
    pub(crate) environment: Environment,
    pub(crate) source: DeploymentSource,
    pub(crate) file_count: u64,
    pub(crate) size_bytes: u64,
    pub(crate) created_at: Timestamp,
    /// `None` for one that is uploaded.
    pub(crate) redeployed_from: Option<DeploymentId>,
}

/// What sealing adds.
#[derive(Clone, Debug)]
pub(crate) struct Sealing {
    pub(crate) document: BlobDigest,
    pub(crate) sealed_at: Timestamp,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// A deployment as the snapshot needs it.
#[derive(Clone, Debug)]
pub(crate) struct HostRow {
    pub(crate) id: DeploymentId,
    pub(crate) project_id: ProjectId,
    pub(crate) label: String,
    pub(crate) state: DeploymentState,
    pub(crate) environment: Environment,
    pub(crate) document: Option<BlobDigest>,
    pub(crate) sealed_at: Option<Timestamp>,
}

const DEPLOYMENT: &str = "SELECT d.id, d.project_id, p.name, d.label, d.state, d.environment,
        d.source, d.file_count, d.size_bytes, d.document, d.diagnostics, d.created_at, d.sealed_at,
        EXISTS (SELECT 1 FROM aliases a WHERE a.deployment_id = d.id AND a.kind = 'production'),
        d.pinned_at IS NOT NULL, d.redeployed_from
    FROM deployments d JOIN projects p ON p.id = d.project_id
    WHERE p.deleted_at IS NULL";

const HOST: &str =
    "SELECT d.id, d.project_id, d.label, d.state, d.environment, d.document, d.sealed_at
    FROM deployments d JOIN projects p ON p.id = d.project_id
    WHERE p.deleted_at IS NULL";

fn deployment(row: &Row<'_>) -> rusqlite::Result<DeploymentRow> {
    Ok(DeploymentRow {
        id: column::id(row, 0, DeploymentId::from_bytes)?,
        project_id: column::id(row, 1, ProjectId::from_bytes)?,
        project_name: column::word(row, 2)?,
        label: row.get(3)?,
        state: column::word(row, 4)?,
        environment: column::word(row, 5)?,
        source: column::json(row, 6)?,
        file_count: column::count(row, 7)?,
        size_bytes: column::count(row, 8)?,
        document: column::optional_digest(row, 9)?,
        diagnostics: column::json(row, 10)?,
        created_at: column::time(row, 11)?,
        sealed_at: column::optional_time(row, 12)?,
        is_live: row.get(13)?,
        is_pinned: row.get(14)?,
        redeployed_from: column::optional_id(row, 15, DeploymentId::from_bytes)?,
    })
}

fn host(row: &Row<'_>) -> rusqlite::Result<HostRow> {
    Ok(HostRow {
        id: column::id(row, 0, DeploymentId::from_bytes)?,
        project_id: column::id(row, 1, ProjectId::from_bytes)?,
        label: row.get(2)?,
        state: column::word(row, 3)?,
        environment: column::word(row, 4)?,
        document: column::optional_digest(row, 5)?,
        sealed_at: column::optional_time(row, 6)?,
    })
}

impl View<'_> {
    /// The deployment with this id, of a project that is there.
    pub(crate) fn deployment(&self, id: DeploymentId) -> Result<Option<DeploymentRow>, DbError> {
        self.connection
            .query_row(
                &format!("{DEPLOYMENT} AND d.id = ?1"),
                [id.as_bytes()],
                deployment,
            )
            .optional()
            .map_err(DbError::sql("look up a deployment"))
    }

    /// The deployment with this label, of a project that is there.
    pub(crate) fn deployment_by_label(
        &self,
        label: &str,
    ) -> Result<Option<DeploymentRow>, DbError> {
        self.connection
            .query_row(
                &format!("{DEPLOYMENT} AND d.label = ?1"),
                [label],
                deployment,
            )
            .optional()
            .map_err(DbError::sql("look up a deployment"))
    }

    /// A project's deployments without the deleted ones, newest first, older than `before`.
    pub(crate) fn deployments(
        &self,
        project_id: ProjectId,
        before: Option<DeploymentId>,
        rows_max: u32,
    ) -> Result<Vec<DeploymentRow>, DbError> {
        let before = before.map_or([0xFF; 16], |id| *id.as_bytes());
        let sql = format!(
            "{DEPLOYMENT} AND d.project_id = ?1 AND d.id < ?2 AND d.state <> 'deleted'
             ORDER BY d.id DESC LIMIT ?3"
        );
        self.connection
            .prepare(&sql)
            .and_then(|mut statement| {
                let rows =
                    statement.query_map((project_id.as_bytes(), before, rows_max), deployment)?;
                rows.collect()
            })
            .map_err(DbError::sql("list deployments"))
    }

    /// The newest deployments of all projects, without the deleted ones.
    pub(crate) fn recent_deployments(&self, rows_max: u32) -> Result<Vec<DeploymentRow>, DbError> {
        let sql = format!("{DEPLOYMENT} AND d.state <> 'deleted' ORDER BY d.id DESC LIMIT ?1");
        self.connection
            .prepare(&sql)
            .and_then(|mut statement| statement.query_map([rows_max], deployment)?.collect())
            .map_err(DbError::sql("list recent deployments"))
    }

    /// Every deployment of every project that is there, oldest first, for the snapshot.
    pub(crate) fn deployment_hosts(&self) -> Result<Vec<HostRow>, DbError> {
        self.connection
            .prepare(&format!("{HOST} ORDER BY d.id"))
            .and_then(|mut statement| statement.query_map((), host)?.collect())
            .map_err(DbError::sql("read the deployments' hosts"))
    }

    /// The deployments of one project, oldest first, for the snapshot; none when it is not there.
    pub(crate) fn deployment_hosts_of(&self, id: ProjectId) -> Result<Vec<HostRow>, DbError> {
        self.connection
            .prepare(&format!("{HOST} AND d.project_id = ?1 ORDER BY d.id"))
            .and_then(|mut statement| statement.query_map([id.as_bytes()], host)?.collect())
            .map_err(DbError::sql("read a project's deployments' hosts"))
    }

    /// The newest sealed deployments whose encoded variants nobody has looked after, with their documents.
    pub(crate) fn deployments_without_variants(
        &self,
        rows_max: u32,
    ) -> Result<Vec<(DeploymentId, BlobDigest)>, DbError> {
        // The blobs of a deleted project may be gone.
        let sql =
            "SELECT d.id, d.document FROM deployments d JOIN projects p ON p.id = d.project_id
            WHERE d.state = 'sealed' AND d.variants_at IS NULL AND d.document IS NOT NULL
            AND p.deleted_at IS NULL ORDER BY d.id DESC LIMIT ?1";
        self.connection
            .prepare(sql)
            .and_then(|mut statement| {
                let rows = statement.query_map([rows_max], |row| {
                    let id = column::id(row, 0, DeploymentId::from_bytes)?;
                    Ok((id, column::optional_digest(row, 1)?))
                })?;
                let rows = rows
                    .filter_map(|row| row.map(|(id, document)| Some((id, document?))).transpose());
                rows.collect()
            })
            .map_err(DbError::sql("look for deployments without variants"))
    }
}

impl Change<'_> {
    /// Keeps a new deployment, with the present variables of its environment. As with all that changes what a
    /// deployment's host shows, the snapshot's version is raised by it.
    pub(crate) fn insert_deployment(&self, new: &NewDeployment) -> Result<(), DbError> {
        self.connection
            .execute(
                "INSERT INTO deployments
                 (id, project_id, label, state, environment, source, file_count, size_bytes,
                  created_at, redeployed_from)
                 VALUES (?1, ?2, ?3, 'uploading', ?4, ?5, ?6, ?7, ?8, ?9)",
                (
                    new.id.as_bytes(),
                    new.project_id.as_bytes(),
                    new.id.label(),
                    new.environment.as_str(),
                    to_json(&new.source)?,
                    column::from_count(new.file_count),
                    column::from_count(new.size_bytes),
                    new.created_at.unix_ms(),
                    new.redeployed_from.as_ref().map(DeploymentId::as_bytes),
                ),
            )
            .map_err(DbError::sql("keep a deployment"))?;
        self.project_hosts_changed(new.project_id)?;
        self.keep_variables(new.id)
    }

    /// Keeps what is known to be said about an uploading deployment before it is compiled.
    pub(crate) fn note_findings(
        &self,
        id: DeploymentId,
        diagnostics: &[Diagnostic],
    ) -> Result<(), DbError> {
        if diagnostics.is_empty() {
            return Ok(());
        }
        self.connection
            .execute(
                "UPDATE deployments SET diagnostics = ?2 WHERE id = ?1 AND state = 'uploading'",
                (id.as_bytes(), to_json(diagnostics)?),
            )
            .map(drop)
            .map_err(DbError::sql("keep findings about a deployment"))
    }

    /// Seals an uploading deployment. False when it is not uploading.
    pub(crate) fn seal_deployment(
        &self,
        id: DeploymentId,
        sealing: &Sealing,
    ) -> Result<bool, DbError> {
        let changed = self
            .connection
            .execute(
                "UPDATE deployments
                 SET state = 'sealed', document = ?2, sealed_at = ?3, diagnostics = ?4
                 WHERE id = ?1 AND state = 'uploading'",
                (
                    id.as_bytes(),
                    sealing.document.as_bytes(),
                    sealing.sealed_at.unix_ms(),
                    to_json(&sealing.diagnostics)?,
                ),
            )
            .map_err(DbError::sql("seal a deployment"))?;
        self.hosts_of_changed(id, changed)
    }

    /// Ends an uploading deployment in another way. False when it is not uploading.
    pub(crate) fn end_deployment(
        &self,
        id: DeploymentId,
        state: DeploymentState,
        diagnostics: &[Diagnostic],
    ) -> Result<bool, DbError> {
        let changed = self
            .connection
            .execute(
                "UPDATE deployments SET state = ?2, diagnostics = ?3
                 WHERE id = ?1 AND state = 'uploading'",
                (id.as_bytes(), state.as_str(), to_json(&diagnostics)?),
            )
            .map_err(DbError::sql("end a deployment"))?;
        self.hosts_of_changed(id, changed)
    }

    /// Leaves a tombstone of a deployment.
    pub(crate) fn delete_deployment(&self, id: DeploymentId) -> Result<(), DbError> {
        self.delete_deployment_variables(id)?;
        let changed = self
            .connection
            .execute(
                "UPDATE deployments SET state = 'deleted', document = NULL WHERE id = ?1",
                [id.as_bytes()],
            )
            .map_err(DbError::sql("delete a deployment"))?;
        self.hosts_of_changed(id, changed).map(drop)
    }

    /// Says that the hosts of a deployment's project changed, if a statement changed rows of it. Whether it did.
    pub(super) fn hosts_of_changed(
        &self,
        id: DeploymentId,
        row_count: usize,
    ) -> Result<bool, DbError> {
        if row_count == 0 {
            return Ok(false);
        }
        let sql = "SELECT project_id FROM deployments WHERE id = ?1";
        let project_id = self
            .connection
            .query_row(sql, [id.as_bytes()], |row| {
                column::id(row, 0, ProjectId::from_bytes)
            })
            .map_err(DbError::sql("look whose hosts changed"))?;
        self.project_hosts_changed(project_id)?;
        Ok(true)
    }

    /// Ends uploads that began before `before`, and says that their hosts changed. How many there were.
    pub(crate) fn time_out_uploads(&self, before: Timestamp) -> Result<u64, DbError> {
        self.connection
            .execute(
                "DELETE FROM announced_manifests WHERE deployment_id IN
                 (SELECT id FROM deployments WHERE state = 'uploading' AND created_at < ?1)",
                [before.unix_ms()],
            )
            .map_err(DbError::sql("drop old manifests"))?;
        let sql = "UPDATE deployments SET state = 'timed_out'
             WHERE state = 'uploading' AND created_at < ?1 RETURNING project_id";
        let projects: Vec<ProjectId> = self
            .connection
            .prepare(sql)
            .and_then(|mut statement| {
                let rows = statement.query_map([before.unix_ms()], |row| {
                    column::id(row, 0, ProjectId::from_bytes)
                })?;
                rows.collect()
            })
            .map_err(DbError::sql("time out old uploads"))?;
        for project_id in &projects {
            self.project_hosts_changed(*project_id)?;
        }
        Ok(projects.len() as u64)
    }

    /// Says that a deployment's variants have been looked after.
    pub(crate) fn variants_made(&self, id: DeploymentId, now: Timestamp) -> Result<(), DbError> {
        self.connection
            .execute(
                "UPDATE deployments SET variants_at = ?2 WHERE id = ?1",
                (id.as_bytes(), now.unix_ms()),
            )
            .map(drop)
            .map_err(DbError::sql("remember that variants were made"))
    }

    /// Has the variants of everything an alias points at looked after again: the side index may
    /// have been lost.
    pub(crate) fn look_after_variants_again(&self) -> Result<(), DbError> {
        self.connection
            .execute(
                "UPDATE deployments SET variants_at = NULL
                 WHERE state = 'sealed' AND id IN (SELECT deployment_id FROM aliases)",
                (),
            )
            .map(drop)
            .map_err(DbError::sql("ask for variants again"))
    }
}

fn to_json<T: serde::Serialize + ?Sized>(value: &T) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|_| DbError::Damaged { what: "value" })
}
