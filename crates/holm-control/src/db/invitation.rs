//! Rows of invitations. Their secrets are here only as hashes; one that was used is gone.

use holm_api::MemberRole;
use holm_types::{InvitationId, Timestamp, UserId};
use rusqlite::{OptionalExtension as _, Row};

use super::{Change, DbError, View, column};

/// An invitation that nobody has used yet.
#[derive(Clone, Debug)]
pub(crate) struct InvitationRow {
    pub(crate) id: InvitationId,
    /// In lower case.
    pub(crate) email: String,
    pub(crate) role: MemberRole,
    /// `None`: made with the server's own token.
    pub(crate) invited_by: Option<UserId>,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

const INVITATION: &str =
    "SELECT id, email, role, invited_by, created_at, expires_at FROM invitations";

fn invitation(row: &Row<'_>) -> rusqlite::Result<InvitationRow> {
    Ok(InvitationRow {
        id: column::id(row, 0, InvitationId::from_bytes)?,
        email: row.get(1)?,
        role: column::word(row, 2)?,
        invited_by: column::optional_id(row, 3, UserId::from_bytes)?,
        created_at: column::time(row, 4)?,
        expires_at: column::time(row, 5)?,
    })
}

impl View<'_> {
    /// The invitation whose secret has this hash, expired or not.
    pub(crate) fn invitation_by_hash(
        &self,
        hash: &[u8; 32],
    ) -> Result<Option<InvitationRow>, DbError> {
        let sql = format!("{INVITATION} WHERE secret_hash = ?1");
        self.connection
            .query_row(&sql, [hash], invitation)
            .optional()
            .map_err(DbError::sql("look up an invitation"))
    }

    /// Invitations that still work, newest first, older than `before`.
    pub(crate) fn invitations(
        &self,
        now: Timestamp,
        before: Option<InvitationId>,
        rows_max: u32,
    ) -> Result<Vec<InvitationRow>, DbError> {
        let before = before.map_or([0xFF; 16], |id| *id.as_bytes());
        let sql =
            format!("{INVITATION} WHERE id < ?1 AND expires_at > ?2 ORDER BY id DESC LIMIT ?3");
        self.connection
            .prepare(&sql)
            .and_then(|mut statement| {
                statement
                    .query_map((before, now.unix_ms(), rows_max), invitation)?
                    .collect()
            })
            .map_err(DbError::sql("list the invitations"))
    }

    /// How many invitations there are.
    pub(crate) fn invitation_count(&self) -> Result<u64, DbError> {
        self.connection
            .query_row("SELECT count(*) FROM invitations", (), |row| {
                column::count(row, 0)
            })
            .map_err(DbError::sql("count the invitations"))
    }
}

impl Change<'_> {
    /// Keeps a new invitation; earlier ones for the same e-mail stop working.
    pub(crate) fn insert_invitation(
        &self,
        row: &InvitationRow,
        hash: &[u8; 32],
    ) -> Result<(), DbError> {
        self.connection
            .execute("DELETE FROM invitations WHERE email = ?1", [&row.email])
            .map_err(DbError::sql("replace an invitation"))?;
        self.connection
            .execute(
                "INSERT INTO invitations
                 (id, secret_hash, email, role, invited_by, created_at, expires_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                (
                    row.id.as_bytes(),
                    hash,
                    &row.email,
                    row.role.as_str(),
                    row.invited_by.as_ref().map(UserId::as_bytes),
                    row.created_at.unix_ms(),
                    row.expires_at.unix_ms(),
                ),
            )
            .map(drop)
            .map_err(DbError::sql("keep an invitation"))
    }

    /// Takes an invitation away, used or withdrawn. False when there is none.
    pub(crate) fn delete_invitation(&self, id: InvitationId) -> Result<bool, DbError> {
        self.connection
            .execute("DELETE FROM invitations WHERE id = ?1", [id.as_bytes()])
            .map(|count| count > 0)
            .map_err(DbError::sql("take an invitation away"))
    }

    /// Withdraws what this member has sent out.
    pub(crate) fn delete_invitations_by(&self, inviter: UserId) -> Result<(), DbError> {
        self.connection
            .execute(
                "DELETE FROM invitations WHERE invited_by = ?1",
                [inviter.as_bytes()],
            )
            .map(drop)
            .map_err(DbError::sql("withdraw a member's invitations"))
    }
}
