//! Rows of answers that an idempotency key gives again.

use holm_types::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use super::{Change, DbError, View, column};

/// What was answered to the first request with a key.
#[derive(Clone, Debug)]
pub(crate) struct AnswerRow {
    /// Of who asked and with which key.
    pub(crate) key_hash: [u8; 32],
    /// Of what was asked.
    pub(crate) fingerprint: [u8; 32],
    pub(crate) status: u16,
    /// Names and values of the fields that are given again.
    pub(crate) head: Vec<(String, String)>,
    /// `None` where it held a secret or was too long.
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) created_at: Timestamp,
}

impl View<'_> {
    /// The answer of a key, if it is not from before `after`.
    pub(crate) fn answer(
        &self,
        key_hash: &[u8; 32],
        after: Timestamp,
    ) -> Result<Option<AnswerRow>, DbError> {
        let sql = "SELECT key_hash, fingerprint, status, head, body, created_at
                   FROM answers WHERE key_hash = ?1 AND created_at > ?2";
        self.connection
            .query_row(sql, params![key_hash, after.unix_ms()], |row| {
                Ok(AnswerRow {
                    key_hash: row.get(0)?,
                    fingerprint: row.get(1)?,
                    status: row.get(2)?,
                    head: column::json(row, 3)?,
                    body: row.get(4)?,
                    created_at: column::time(row, 5)?,
                })
            })
            .optional()
            .map_err(DbError::sql("look up an answer"))
    }
}

impl Change<'_> {
    /// Keeps an answer, in the place of an expired one.
    pub(crate) fn insert_answer(&self, row: &AnswerRow) -> Result<(), DbError> {
        // A list of pairs of texts always has a JSON form.
        let head = serde_json::to_string(&row.head).unwrap_or_default();
        let size_bytes = row.body.as_ref().map_or(0, Vec::len) as u64;
        self.connection
            .execute(
                "INSERT OR REPLACE INTO answers
                 (key_hash, fingerprint, status, head, body, size_bytes, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    row.key_hash,
                    row.fingerprint,
                    row.status,
                    head,
                    row.body,
                    column::from_count(size_bytes),
                    row.created_at.unix_ms(),
                ],
            )
            .map(drop)
            .map_err(DbError::sql("keep an answer"))
    }

    /// How many answers there are, and how many bytes.
    pub(crate) fn answers_size(&self) -> Result<(u64, u64), DbError> {
        let sql = "SELECT count(*), coalesce(sum(size_bytes), 0) FROM answers";
        self.connection
            .query_row(sql, (), |row| {
                Ok((column::count(row, 0)?, column::count(row, 1)?))
            })
            .map_err(DbError::sql("count the answers"))
    }

    /// Removes answers from before `before`, then the oldest until they are few and small enough.
    /// How many there were.
    pub(crate) fn trim_answers(
        &self,
        before: Timestamp,
        rows_max: u64,
        bytes_max: u64,
    ) -> Result<u64, DbError> {
        let old = self
            .connection
            .execute(
                "DELETE FROM answers WHERE created_at < ?1",
                [before.unix_ms()],
            )
            .map_err(DbError::sql("remove old answers"))?;
        let over = self
            .connection
            .execute(
                "DELETE FROM answers WHERE key_hash IN (
                     SELECT key_hash FROM (
                         SELECT key_hash,
                                row_number() OVER newest AS place,
                                sum(size_bytes) OVER newest AS bytes
                         FROM answers
                         WINDOW newest AS (ORDER BY created_at DESC, key_hash)
                     ) WHERE place > ?1 OR bytes > ?2)",
                [column::from_count(rows_max), column::from_count(bytes_max)],
            )
            .map_err(DbError::sql("remove answers over the limit"))?;
        Ok((old + over) as u64)
    }
}
