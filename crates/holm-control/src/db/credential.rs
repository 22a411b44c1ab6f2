//! Rows of tokens and sessions. Secrets are here only as hashes.

use std::time::Duration;

use holm_types::{SessionId, Timestamp, TokenId, UserId};
use rusqlite::{OptionalExtension as _, Row};

use super::{Change, DbError, View, column};
use crate::authz::Scopes;

/// An API token.
#[derive(Clone, Debug)]
pub(crate) struct TokenRow {
    pub(crate) id: TokenId,
    /// `None`: made by the server for itself before it had an owner.
    pub(crate) user_id: Option<UserId>,
    pub(crate) name: String,
    pub(crate) created_at: Timestamp,
    /// [`NEVER`] for one that lasts until it is revoked.
    pub(crate) expires_at: Timestamp,
    pub(crate) scopes: Scopes,
    /// To the minute. `None` for never.
    pub(crate) last_used_at: Option<Timestamp>,
}

/// The time that never comes.
pub(crate) const NEVER: Timestamp = Timestamp::from_unix_ms(i64::MAX);

/// A signed-in browser.
#[derive(Clone, Debug)]
pub(crate) struct SessionRow {
    pub(crate) id: SessionId,
    pub(crate) user_id: UserId,
    /// The token that was shown to sign in; the session ends with it. `None`: a password was.
    pub(crate) token_id: Option<TokenId>,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

const TOKEN: &str =
    "SELECT id, user_id, name, created_at, expires_at, scopes, last_used_at FROM tokens";

fn token(row: &Row<'_>) -> rusqlite::Result<TokenRow> {
    Ok(TokenRow {
        id: column::id(row, 0, TokenId::from_bytes)?,
        user_id: column::optional_id(row, 1, UserId::from_bytes)?,
        name: row.get(2)?,
        created_at: column::time(row, 3)?,
        expires_at: column::time(row, 4)?,
        scopes: column::json(row, 5)?,
        last_used_at: column::optional_time(row, 6)?,
    })
}

impl View<'_> {
    /// The token whose secret has this hash, expired or not.
    pub(crate) fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<TokenRow>, DbError> {
        self.connection
            .query_row(&format!("{TOKEN} WHERE secret_hash = ?1"), [hash], token)
            .optional()
            .map_err(DbError::sql("look up a token"))
    }

    /// A token by its id, expired or not.
    pub(crate) fn token(&self, id: TokenId) -> Result<Option<TokenRow>, DbError> {
        self.connection
            .query_row(&format!("{TOKEN} WHERE id = ?1"), [id.as_bytes()], token)
            .optional()
            .map_err(DbError::sql("look up a token by its id"))
    }

    /// Tokens that still work, newest first, older than `before`; of one user, or of all.
    pub(crate) fn tokens(
        &self,
        now: Timestamp,
        user_id: Option<UserId>,
        before: Option<TokenId>,
        rows_max: u32,
    ) -> Result<Vec<TokenRow>, DbError> {
        let before = before.map_or([0xFF; 16], |id| *id.as_bytes());
        let sql = format!(
            "{TOKEN} WHERE id < ?1 AND expires_at > ?2 AND (?4 IS NULL OR user_id = ?4)
             ORDER BY id DESC LIMIT ?3"
        );
        let user_id = user_id.as_ref().map(UserId::as_bytes);
        self.connection
            .prepare(&sql)
            .and_then(|mut statement| {
                statement
                    .query_map((before, now.unix_ms(), rows_max, user_id), token)?
                    .collect()
            })
            .map_err(DbError::sql("list the tokens"))
    }

    /// How many tokens a user has; `None` counts those of nobody.
    pub(crate) fn token_count(&self, user_id: Option<UserId>) -> Result<u64, DbError> {
        let sql = "SELECT count(*) FROM tokens WHERE user_id IS ?1";
        let user_id = user_id.as_ref().map(UserId::as_bytes);
        self.connection
            .query_row(sql, [user_id], |row| column::count(row, 0))
            .map_err(DbError::sql("count a user's tokens"))
    }

    /// The session whose secret has this hash, expired or not.
    pub(crate) fn session_by_hash(&self, hash: &[u8; 32]) -> Result<Option<SessionRow>, DbError> {
        let sql = "SELECT id, user_id, token_id, created_at, expires_at FROM sessions
                   WHERE secret_hash = ?1";
        self.connection
            .query_row(sql, [hash], |row| {
                Ok(SessionRow {
                    id: column::id(row, 0, SessionId::from_bytes)?,
                    user_id: column::id(row, 1, UserId::from_bytes)?,
                    token_id: column::optional_id(row, 2, TokenId::from_bytes)?,
                    created_at: column::time(row, 3)?,
                    expires_at: column::time(row, 4)?,
                })
            })
            .optional()
            .map_err(DbError::sql("look up a session"))
    }
}

impl Change<'_> {
    /// Keeps a new token.
    pub(crate) fn insert_token(&self, token: &TokenRow, hash: &[u8; 32]) -> Result<(), DbError> {
        self.connection
            .execute(
                "INSERT INTO tokens
                 (id, secret_hash, user_id, name, created_at, expires_at, scopes)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                (
                    token.id.as_bytes(),
                    hash,
                    token.user_id.as_ref().map(UserId::as_bytes),
                    &token.name,
                    token.created_at.unix_ms(),
                    token.expires_at.unix_ms(),
                    token.scopes.to_json(),
                ),
            )
            .map(drop)
            .map_err(DbError::sql("keep a token"))
    }

    /// Remembers that a token was shown, unless that was remembered within `interval`.
    pub(crate) fn note_token_use(
        &self,
        id: TokenId,
        now: Timestamp,
        interval: Duration,
    ) -> Result<(), DbError> {
        self.connection
            .execute(
                "UPDATE tokens SET last_used_at = ?2
                 WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at <= ?3)",
                (id.as_bytes(), now.unix_ms(), now.minus(interval).unix_ms()),
            )
            .map(drop)
            .map_err(DbError::sql("remember a token's use"))
    }

    /// Revokes a token and ends the sessions that it signed in. False when there is none.
    pub(crate) fn delete_token(&self, id: TokenId) -> Result<bool, DbError> {
        self.connection
            .execute("DELETE FROM tokens WHERE id = ?1", [id.as_bytes()])
            .map(|count| count > 0)
            .map_err(DbError::sql("revoke a token"))
    }

    /// Keeps a new session.
    pub(crate) fn insert_session(
        &self,
        session: &SessionRow,
        hash: &[u8; 32],
    ) -> Result<(), DbError> {
        self.connection
            .execute(
                "INSERT INTO sessions
                 (id, secret_hash, user_id, token_id, created_at, expires_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (
                    session.id.as_bytes(),
                    hash,
                    session.user_id.as_bytes(),
                    session.token_id.as_ref().map(TokenId::as_bytes),
                    session.created_at.unix_ms(),
                    session.expires_at.unix_ms(),
                ),
            )
            .map(drop)
            .map_err(DbError::sql("keep a session"))
    }

    /// Ends a user's sessions, but for one.
    pub(crate) fn delete_sessions_of(
        &self,
        user_id: UserId,
        except: Option<SessionId>,
    ) -> Result<(), DbError> {
        let except = except.as_ref().map(SessionId::as_bytes);
        self.connection
            .execute(
                "DELETE FROM sessions WHERE user_id = ?1 AND id IS NOT ?2",
                (user_id.as_bytes(), except),
            )
            .map(drop)
            .map_err(DbError::sql("end a user's sessions"))
    }

    /// Ends a user's oldest sessions, so that at most this many are left.
    pub(crate) fn keep_newest_sessions(
        &self,
        user_id: UserId,
        sessions_max: u64,
    ) -> Result<(), DbError> {
        self.connection
            .execute(
                "DELETE FROM sessions WHERE user_id = ?1 AND id <= (SELECT id FROM sessions
                 WHERE user_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
                (user_id.as_bytes(), column::from_count(sessions_max)),
            )
            .map(drop)
            .map_err(DbError::sql("end a user's oldest sessions"))
    }

    /// Ends a session. Fine when it has ended before.
    pub(crate) fn delete_session(&self, id: SessionId) -> Result<(), DbError> {
        self.connection
            .execute("DELETE FROM sessions WHERE id = ?1", [id.as_bytes()])
            .map(drop)
            .map_err(DbError::sql("end a session"))
    }

    /// Removes tokens, sessions and invitations that ended before `now`. How many there were.
    pub(crate) fn delete_expired_credentials(&self, now: Timestamp) -> Result<u64, DbError> {
        let mut removed = 0;
        for sql in [
            "DELETE FROM tokens WHERE expires_at <= ?1",
            "DELETE FROM sessions WHERE expires_at <= ?1",
            "DELETE FROM invitations WHERE expires_at <= ?1",
        ] {
            removed += self
                .connection
                .execute(sql, [now.unix_ms()])
                .map_err(DbError::sql("remove what has expired"))?;
        }
        Ok(removed as u64)
    }
}
