//! Rows of what stands before a project's hosts.

use holm_api::{AccessRulesView, ProtectionCoverage, ProtectionModeName, RefusalName};
use holm_site::guard::{PasswordHash, SigningKey};
use holm_types::{ProjectId, Timestamp};
use rusqlite::{OptionalExtension as _, Row};

use super::{Change, DbError, View, column};

/// A project's protection.
#[derive(Clone, Debug)]
pub(crate) struct ProtectionRow {
    pub(crate) mode: ProtectionModeName,
    pub(crate) covers: ProtectionCoverage,
    pub(crate) refusal: RefusalName,
    pub(crate) signing_key: SigningKey,
    pub(crate) key_made_at: Timestamp,
    /// Just when the mode is `password`.
    pub(crate) password: Option<PasswordHash>,
}

/// What a project has set, for the snapshot.
#[derive(Clone, Debug)]
pub(crate) struct GuardRow {
    pub(crate) project_id: ProjectId,
    pub(crate) protection: Option<ProtectionRow>,
    pub(crate) access_rules: AccessRulesView,
}

const PROTECTION: &str =
    "r.mode, r.covers, r.refusal, r.signing_key, r.key_made_at, r.password_hash";

/// The words of the API are those of the database.
fn word<T: serde::de::DeserializeOwned>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    let text: String = row.get(index)?;
    serde_json::from_value(serde_json::Value::String(text)).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, error.into())
    })
}

fn as_word<T: serde::Serialize>(word: &T) -> String {
    let value = serde_json::to_value(word).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// The columns of [`PROTECTION`], from `first` on.
fn protection(row: &Row<'_>, first: usize) -> rusqlite::Result<ProtectionRow> {
    let password: Option<String> = row.get(first + 5)?;
    Ok(ProtectionRow {
        mode: word(row, first)?,
        covers: word(row, first + 1)?,
        refusal: word(row, first + 2)?,
        signing_key: SigningKey::from_bytes(row.get(first + 3)?),
        key_made_at: column::time(row, first + 4)?,
        password: password.map(PasswordHash::from_text),
    })
}

fn guards() -> String {
    format!(
        "SELECT p.id, a.rules, r.project_id IS NOT NULL, {PROTECTION} FROM projects p
         LEFT JOIN project_protection r ON r.project_id = p.id
         LEFT JOIN project_access_rules a ON a.project_id = p.id
         WHERE p.deleted_at IS NULL AND (r.project_id IS NOT NULL OR a.project_id IS NOT NULL)"
    )
}

fn guard(row: &Row<'_>) -> rusqlite::Result<GuardRow> {
    let has_rules = row.get::<_, Option<String>>(1)?.is_some();
    let has_protection: bool = row.get(2)?;
    Ok(GuardRow {
        project_id: column::id(row, 0, ProjectId::from_bytes)?,
        protection: has_protection.then(|| protection(row, 3)).transpose()?,
        access_rules: if has_rules {
            column::json(row, 1)?
        } else {
            AccessRulesView::default()
        },
    })
}

impl View<'_> {
    /// A project's protection. `None` when it never had one.
    pub(crate) fn protection(
        &self,
        project_id: ProjectId,
    ) -> Result<Option<ProtectionRow>, DbError> {
        let sql = format!("SELECT {PROTECTION} FROM project_protection r WHERE r.project_id = ?1");
        self.connection
            .query_row(&sql, [project_id.as_bytes()], |row| protection(row, 0))
            .optional()
            .map_err(DbError::sql("look up a project's protection"))
    }

    /// A project's access rules; none by default.
    pub(crate) fn access_rules(&self, project_id: ProjectId) -> Result<AccessRulesView, DbError> {
        self.connection
            .query_row(
                "SELECT rules FROM project_access_rules WHERE project_id = ?1",
                [project_id.as_bytes()],
                |row| column::json(row, 0),
            )
            .optional()
            .map(Option::unwrap_or_default)
            .map_err(DbError::sql("look up a project's access rules"))
    }

    /// What every project that is there has set, for the snapshot.
    pub(crate) fn guards(&self) -> Result<Vec<GuardRow>, DbError> {
        self.connection
            .prepare(&guards())
            .and_then(|mut statement| statement.query_map((), guard)?.collect())
            .map_err(DbError::sql("read what stands before the hosts"))
    }

    /// What one project has set, for the snapshot. `None` when it has set nothing or is not there.
    pub(crate) fn guard(&self, project_id: ProjectId) -> Result<Option<GuardRow>, DbError> {
        let sql = format!("{} AND p.id = ?1", guards());
        self.connection
            .query_row(&sql, [project_id.as_bytes()], guard)
            .optional()
            .map_err(DbError::sql("read what stands before a project's hosts"))
    }
}

impl Change<'_> {
    /// Keeps a project's protection in the place of the one before, which raises the snapshot's version.
    pub(crate) fn put_protection(
        &self,
        project_id: ProjectId,
        row: &ProtectionRow,
    ) -> Result<(), DbError> {
        self.connection
            .execute(
                "INSERT INTO project_protection
                 (project_id, mode, covers, refusal, signing_key, key_made_at, password_hash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (project_id) DO UPDATE SET mode = excluded.mode,
                 covers = excluded.covers, refusal = excluded.refusal,
                 signing_key = excluded.signing_key, key_made_at = excluded.key_made_at,
                 password_hash = excluded.password_hash",
                (
                    project_id.as_bytes(),
                    as_word(&row.mode),
                    as_word(&row.covers),
                    as_word(&row.refusal),
                    row.signing_key.as_bytes(),
                    row.key_made_at.unix_ms(),
                    row.password.as_ref().map(PasswordHash::as_str),
                ),
            )
            .map_err(DbError::sql("keep a project's protection"))?;
        self.project_hosts_changed(project_id).map(drop)
    }

    /// Keeps a project's access rules in the place of those before, which raises the snapshot's version.
    pub(crate) fn put_access_rules(
        &self,
        project_id: ProjectId,
        rules: &AccessRulesView,
    ) -> Result<(), DbError> {
        let rules = serde_json::to_string(rules).unwrap_or_default();
        self.connection
            .execute(
                "INSERT INTO project_access_rules (project_id, rules) VALUES (?1, ?2)
                 ON CONFLICT (project_id) DO UPDATE SET rules = excluded.rules",
                (project_id.as_bytes(), rules),
            )
            .map_err(DbError::sql("keep a project's access rules"))?;
        self.project_hosts_changed(project_id).map(drop)
    }
}
