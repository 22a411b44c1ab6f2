//! Rows about the server itself: its owner, the valid owner link, the snapshot's version and what changed since
//! one, whether the index of encoded forms was synced.

use holm_types::{ProjectId, Timestamp, UserId};
use rusqlite::OptionalExtension as _;

use super::{Change, DbError, View, column};

/// What changed in the hosts since a version of the snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostChanges {
    /// Maybe everything.
    Everything,
    /// What these projects have; in order, each once.
    Of(Vec<ProjectId>),
}

impl View<'_> {
    /// Who owns the server. `None` before it is claimed.
    pub(crate) fn owner(&self) -> Result<Option<UserId>, DbError> {
        self.connection
            .query_row("SELECT owner_id FROM instance", (), |row| {
                column::optional_id(row, 0, UserId::from_bytes)
            })
            .map_err(DbError::sql("read the owner"))
    }

    /// Whether this is the hash of the valid owner link's code.
    pub(crate) fn is_owner_code(&self, code_hash: &[u8; 32]) -> Result<bool, DbError> {
        self.connection
            .query_row(
                "SELECT 1 FROM instance WHERE owner_id IS NULL AND owner_code_hash = ?1",
                [code_hash],
                |_| Ok(()),
            )
            .optional()
            .map(|found| found.is_some())
            .map_err(DbError::sql("check the owner link"))
    }

    /// The version that the published snapshot should have.
    pub(crate) fn snapshot_version(&self) -> Result<u64, DbError> {
        self.connection
            .query_row("SELECT snapshot_version FROM instance", (), |row| {
                column::count(row, 0)
            })
            .map_err(DbError::sql("read the snapshot's version"))
    }

    /// What changed in the hosts after this version, as long as it is no more than `projects_max` projects.
    pub(crate) fn host_changes(
        &self,
        since: u64,
        projects_max: u32,
    ) -> Result<HostChanges, DbError> {
        let whole = self
            .connection
            .query_row("SELECT snapshot_whole FROM instance", (), |row| {
                column::count(row, 0)
            })
            .map_err(DbError::sql("read the snapshot's version"))?;
        if whole > since {
            return Ok(HostChanges::Everything);
        }
        // One more than may be: then they are too many.
        let sql = "SELECT project_id FROM host_changes WHERE version > ?1 LIMIT ?2 + 1";
        let mut projects: Vec<ProjectId> = self
            .connection
            .prepare(sql)
            .and_then(|mut statement| {
                let asked = (column::from_count(since), projects_max);
                let rows =
                    statement.query_map(asked, |row| column::id(row, 0, ProjectId::from_bytes))?;
                rows.collect()
            })
            .map_err(DbError::sql("read whose hosts changed"))?;
        if projects.len() > projects_max as usize {
            return Ok(HostChanges::Everything);
        }
        projects.sort_unstable();
        Ok(HostChanges::Of(projects))
    }

    /// How many entries the index of encoded forms had when it was synced. `None` when nobody knows what became
    /// of it: the server did not stop in order.
    pub(crate) fn variants_synced(&self) -> Result<Option<u64>, DbError> {
        let count: Option<i64> = self
            .connection
            .query_row("SELECT variants_synced FROM instance", (), |row| row.get(0))
            .map_err(DbError::sql("read how many variants were synced"))?;
        Ok(count.and_then(|count| u64::try_from(count).ok()))
    }
}

impl Change<'_> {
    /// Makes this the only valid owner link.
    pub(crate) fn set_owner_code(&self, hash: &[u8; 32]) -> Result<(), DbError> {
        self.connection
            .execute("UPDATE instance SET owner_code_hash = ?1", [hash])
            .map(drop)
            .map_err(DbError::sql("keep the owner link"))
    }

    /// Makes the user the owner; the code is used up.
    pub(crate) fn claim(&self, user_id: UserId, now: Timestamp) -> Result<(), DbError> {
        self.connection
            .execute(
                "INSERT INTO users (id, role, created_at) VALUES (?1, 'owner', ?2)",
                (user_id.as_bytes(), now.unix_ms()),
            )
            .map_err(DbError::sql("make the owner"))?;
        self.connection
            .execute(
                "UPDATE instance SET owner_id = ?1, owner_code_hash = NULL",
                [user_id.as_bytes()],
            )
            .map(drop)
            .map_err(DbError::sql("claim the server"))
    }

    /// Says that any hosts may have changed: the version that the snapshot must reach for it to be seen. All of
    /// it is read and written then; where only one project is concerned, [`Change::project_hosts_changed`] is
    /// for it.
    pub(crate) fn hosts_changed(&self) -> Result<u64, DbError> {
        let version = self.raise_snapshot_version(self.snapshot_version()? + 1)?;
        self.connection
            .execute(
                "UPDATE instance SET snapshot_whole = ?1",
                [column::from_count(version)],
            )
            .map_err(DbError::sql("raise the snapshot's version"))?;
        Ok(version)
    }

    /// Says that what a project's hosts answer with has changed, or which hosts it has: the version that the
    /// snapshot must reach for it to be seen.
    pub(crate) fn project_hosts_changed(&self, id: ProjectId) -> Result<u64, DbError> {
        let version = self.raise_snapshot_version(self.snapshot_version()? + 1)?;
        self.connection
            .execute(
                "INSERT INTO host_changes (project_id, version) VALUES (?1, ?2)
                 ON CONFLICT (project_id) DO UPDATE SET version = excluded.version",
                (id.as_bytes(), column::from_count(version)),
            )
            .map_err(DbError::sql("remember whose hosts changed"))?;
        Ok(version)
    }

    /// Forgets what changed up to a version that is published.
    pub(crate) fn forget_host_changes(&self, published: u64) -> Result<(), DbError> {
        self.connection
            .execute(
                "DELETE FROM host_changes WHERE version <= ?1",
                [column::from_count(published)],
            )
            .map(drop)
            .map_err(DbError::sql("forget whose hosts changed"))
    }

    /// Sets the snapshot's version; it never goes back. Returns what it is now.
    pub(crate) fn raise_snapshot_version(&self, at_least: u64) -> Result<u64, DbError> {
        let version = self.snapshot_version()?.max(at_least);
        self.connection
            .execute(
                "UPDATE instance SET snapshot_version = ?1",
                [column::from_count(version)],
            )
            .map_err(DbError::sql("raise the snapshot's version"))?;
        Ok(version)
    }

    /// Says that the index of encoded forms is synced with so many entries; `None` while it may grow.
    pub(crate) fn set_variants_synced(&self, count: Option<u64>) -> Result<(), DbError> {
        self.connection
            .execute(
                "UPDATE instance SET variants_synced = ?1",
                [count.map(column::from_count)],
            )
            .map(drop)
            .map_err(DbError::sql("remember how many variants were synced"))
    }
}
