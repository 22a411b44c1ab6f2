//! Rows of users: members, their e-mail, role and password hash.

use holm_api::MemberRole;
use holm_types::{Timestamp, UserId};
use rusqlite::{OptionalExtension as _, Row};

use super::{Change, DbError, View, column};

/// A member.
#[derive(Clone, Debug)]
pub(crate) struct UserRow {
    pub(crate) id: UserId,
    /// In lower case. `None` for an owner who has set none yet.
    pub(crate) email: Option<String>,
    pub(crate) role: MemberRole,
    pub(crate) created_at: Timestamp,
}

const USER: &str = "SELECT id, email, role, created_at FROM users";

fn user(row: &Row<'_>) -> rusqlite::Result<UserRow> {
    Ok(UserRow {
        id: column::id(row, 0, UserId::from_bytes)?,
        email: row.get(1)?,
        role: column::word(row, 2)?,
        created_at: column::time(row, 3)?,
    })
}

impl View<'_> {
    /// The member with this id.
    pub(crate) fn user(&self, id: UserId) -> Result<Option<UserRow>, DbError> {
        self.connection
            .query_row(&format!("{USER} WHERE id = ?1"), [id.as_bytes()], user)
            .optional()
            .map_err(DbError::sql("look up a member"))
    }

    /// The member with this e-mail, in lower case.
    pub(crate) fn user_by_email(&self, email: &str) -> Result<Option<UserRow>, DbError> {
        self.connection
            .query_row(&format!("{USER} WHERE email = ?1"), [email], user)
            .optional()
            .map_err(DbError::sql("look up a member by e-mail"))
    }

    /// What is kept of a member's password. `None` for who has none.
    pub(crate) fn password_hash(&self, id: UserId) -> Result<Option<String>, DbError> {
        let sql = "SELECT password_hash FROM users WHERE id = ?1";
        self.connection
            .query_row(sql, [id.as_bytes()], |row| row.get(0))
            .optional()
            .map(Option::flatten)
            .map_err(DbError::sql("read a password hash"))
    }

    /// Members, newest first, who came before `before`.
    pub(crate) fn users(
        &self,
        before: Option<UserId>,
        rows_max: u32,
    ) -> Result<Vec<UserRow>, DbError> {
        let before = before.map_or([0xFF; 16], |id| *id.as_bytes());
        self.connection
            .prepare(&format!("{USER} WHERE id < ?1 ORDER BY id DESC LIMIT ?2"))
            .and_then(|mut statement| statement.query_map((before, rows_max), user)?.collect())
            .map_err(DbError::sql("list the members"))
    }

    /// How many members there are.
    pub(crate) fn user_count(&self) -> Result<u64, DbError> {
        self.connection
            .query_row("SELECT count(*) FROM users", (), |row| {
                column::count(row, 0)
            })
            .map_err(DbError::sql("count the members"))
    }

    /// The owner who has been one for longest, other than this one.
    pub(crate) fn other_owner(&self, than: UserId) -> Result<Option<UserId>, DbError> {
        let sql = "SELECT id FROM users WHERE role = 'owner' AND id <> ?1 ORDER BY id LIMIT 1";
        self.connection
            .query_row(sql, [than.as_bytes()], |row| {
                column::id(row, 0, UserId::from_bytes)
            })
            .optional()
            .map_err(DbError::sql("look for another owner"))
    }
}

impl Change<'_> {
    /// Keeps a new member. The e-mail must not be a member's.
    pub(crate) fn insert_user(&self, user: &UserRow, password_hash: &str) -> Result<(), DbError> {
        self.connection
            .execute(
                "INSERT INTO users (id, email, role, created_at, password_hash)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                (
                    user.id.as_bytes(),
                    &user.email,
                    user.role.as_str(),
                    user.created_at.unix_ms(),
                    password_hash,
                ),
            )
            .map(drop)
            .map_err(DbError::sql("keep a member"))
    }

    /// Sets a member's e-mail, which must not be another's.
    pub(crate) fn set_email(&self, id: UserId, email: &str) -> Result<(), DbError> {
        self.connection
            .execute(
                "UPDATE users SET email = ?2 WHERE id = ?1",
                (id.as_bytes(), email),
            )
            .map(drop)
            .map_err(DbError::sql("set an e-mail"))
    }

    /// Sets what is kept of a member's password.
    pub(crate) fn set_password_hash(&self, id: UserId, hash: &str) -> Result<(), DbError> {
        self.connection
            .execute(
                "UPDATE users SET password_hash = ?2 WHERE id = ?1",
                (id.as_bytes(), hash),
            )
            .map(drop)
            .map_err(DbError::sql("set a password"))
    }

    /// Sets a member's role.
    pub(crate) fn set_role(&self, id: UserId, role: MemberRole) -> Result<(), DbError> {
        self.connection
            .execute(
                "UPDATE users SET role = ?2 WHERE id = ?1",
                (id.as_bytes(), role.as_str()),
            )
            .map(drop)
            .map_err(DbError::sql("set a role"))
    }

    /// Makes this member the one whom the server's own tokens belong to.
    pub(crate) fn set_owner(&self, id: UserId) -> Result<(), DbError> {
        self.connection
            .execute("UPDATE instance SET owner_id = ?1", [id.as_bytes()])
            .map(drop)
            .map_err(DbError::sql("set the owner"))
    }

    /// Removes a member with their sessions, tokens and invitations.
    pub(crate) fn delete_user(&self, id: UserId) -> Result<(), DbError> {
        for sql in [
            "DELETE FROM sessions WHERE user_id = ?1",
            "DELETE FROM tokens WHERE user_id = ?1",
            "DELETE FROM invitations WHERE invited_by = ?1",
            "DELETE FROM users WHERE id = ?1",
        ] {
            self.connection
                .execute(sql, [id.as_bytes()])
                .map_err(DbError::sql("remove a member"))?;
        }
        Ok(())
    }
}
