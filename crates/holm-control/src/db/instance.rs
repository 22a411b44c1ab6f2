//! Rows about the server itself: its owner, the valid owner link, the snapshot's version.

use holm_types::{Timestamp, UserId};
use rusqlite::OptionalExtension as _;

use super::{Change, DbError, View, column};

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

    /// Says that hosts have changed: the version that the snapshot must reach for it to be seen.
    pub(crate) fn hosts_changed(&self) -> Result<u64, DbError> {
        self.raise_snapshot_version(self.snapshot_version()? + 1)
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
}
