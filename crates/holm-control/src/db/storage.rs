//! What keeps blobs, and what the last collection of them did.

use holm_api::CollectionView;
use holm_types::{BlobDigest, DeploymentId};
use rusqlite::OptionalExtension as _;

use super::{Change, DbError, View, column};

impl View<'_> {
    /// The documents of the deployments that can be shown: sealed ones of projects that are there.
    pub(crate) fn wanted_documents(&self) -> Result<Vec<BlobDigest>, DbError> {
        self.connection
            .prepare(
                "SELECT DISTINCT d.document FROM deployments d
                 JOIN projects p ON p.id = d.project_id
                 WHERE d.state = 'sealed' AND d.document IS NOT NULL AND p.deleted_at IS NULL
                 ORDER BY d.id DESC",
            )
            .and_then(|mut statement| {
                let rows = statement.query_map((), |row| column::optional_digest(row, 0))?;
                rows.filter_map(Result::transpose).collect()
            })
            .map_err(DbError::sql("read what keeps blobs"))
    }

    /// The unfinished uploads that have announced files.
    pub(crate) fn announcing_deployments(&self) -> Result<Vec<DeploymentId>, DbError> {
        self.connection
            .prepare("SELECT deployment_id FROM announced_manifests")
            .and_then(|mut statement| {
                let rows =
                    statement.query_map((), |row| column::id(row, 0, DeploymentId::from_bytes))?;
                rows.collect()
            })
            .map_err(DbError::sql("read which uploads are unfinished"))
    }

    /// How many deployments keep no blobs any more. When this has changed, there may be something to
    /// collect.
    pub(crate) fn ended_count(&self) -> Result<u64, DbError> {
        self.connection
            .query_row(
                "SELECT count(*) FROM deployments d JOIN projects p ON p.id = d.project_id
                 WHERE p.deleted_at IS NOT NULL
                    OR d.state NOT IN ('queued', 'building', 'uploading', 'sealed')",
                (),
                |row| column::count(row, 0),
            )
            .map_err(DbError::sql("count the deployments that have ended"))
    }

    /// The last collection that ended, and [`View::ended_count`] as it was when it looked. `None` before
    /// the first.
    pub(crate) fn last_collection(&self) -> Result<Option<(CollectionView, u64)>, DbError> {
        self.connection
            .query_row(
                "SELECT started_at, ended_at, live_count, live_bytes, dead_count, dead_bytes,
                    moved_count, freed_bytes, ended_count FROM last_collection",
                (),
                |row| {
                    let collection = CollectionView {
                        started_at: column::time(row, 0)?,
                        ended_at: column::time(row, 1)?,
                        is_dry_run: false,
                        live_count: column::count(row, 2)?,
                        live_bytes: column::count(row, 3)?,
                        dead_count: column::count(row, 4)?,
                        dead_bytes: column::count(row, 5)?,
                        moved_count: column::count(row, 6)?,
                        freed_bytes: column::count(row, 7)?,
                    };
                    Ok((collection, column::count(row, 8)?))
                },
            )
            .optional()
            .map_err(DbError::sql("read what the last collection did"))
    }
}

impl Change<'_> {
    /// Remembers a collection that ended.
    pub(crate) fn note_collection(
        &self,
        done: &CollectionView,
        ended_count: u64,
    ) -> Result<(), DbError> {
        self.connection
            .execute(
                "INSERT OR REPLACE INTO last_collection VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                (
                    done.started_at.unix_ms(),
                    done.ended_at.unix_ms(),
                    column::from_count(done.live_count),
                    column::from_count(done.live_bytes),
                    column::from_count(done.dead_count),
                    column::from_count(done.dead_bytes),
                    column::from_count(done.moved_count),
                    column::from_count(done.freed_bytes),
                    column::from_count(ended_count),
                ),
            )
            .map(drop)
            .map_err(DbError::sql("remember a collection"))
    }
}
