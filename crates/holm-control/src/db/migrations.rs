//! The numbered steps from an empty file to the newest schema, each run once, in order.

use rusqlite::{Connection, OptionalExtension as _};

use super::DbError;

/// Step N is `MIGRATIONS[N - 1]`; steps are only ever added.
const MIGRATIONS: &[&str] = &[
    include_str!("0001-first.sql"),
    include_str!("0002-session-token.sql"),
    include_str!("0003-who.sql"),
    include_str!("0004-projects.sql"),
    include_str!("0005-storage.sql"),
    include_str!("0006-guard.sql"),
    include_str!("0007-events.sql"),
    include_str!("0008-snapshot-changes.sql"),
];

/// The schema that this program reads and writes.
pub(crate) const SCHEMA_VERSION: i64 = 8;

const _: () = assert!(MIGRATIONS.len() == 8 && SCHEMA_VERSION == 8);

/// Runs the steps that this file has not had. A file from a newer program is refused.
pub(super) fn migrate(connection: &mut Connection, now_ms: i64) -> Result<(), DbError> {
    migrate_to(connection, now_ms, SCHEMA_VERSION)
}

/// As [`migrate`], no further than a step; tests make the file of an older program with it.
pub(super) fn migrate_to(
    connection: &mut Connection,
    now_ms: i64,
    newest: i64,
) -> Result<(), DbError> {
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(DbError::sql("begin the migrations"))?;
    transaction
        .execute_batch(
            "CREATE TABLE IF NOT EXISTS migrations (
                version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT",
        )
        .map_err(DbError::sql("make the table of migrations"))?;
    let found = schema_version(&transaction)?;
    if found > SCHEMA_VERSION {
        return Err(DbError::TooNew {
            found,
            newest: SCHEMA_VERSION,
        });
    }
    for (version, step) in (1_i64..).zip(MIGRATIONS) {
        if version <= found || version > newest {
            continue;
        }
        transaction
            .execute_batch(step)
            .map_err(DbError::sql("run a migration"))?;
        transaction
            .execute("INSERT INTO migrations VALUES (?1, ?2)", (version, now_ms))
            .map_err(DbError::sql("remember a migration"))?;
    }
    transaction
        .commit()
        .map_err(DbError::sql("commit the migrations"))
}

/// The newest step that this file has had; 0 for none.
pub(super) fn schema_version(connection: &Connection) -> Result<i64, DbError> {
    connection
        .query_row("SELECT max(version) FROM migrations", (), |row| {
            row.get::<_, Option<i64>>(0)
        })
        .optional()
        .map(|version| version.flatten().unwrap_or(0))
        .map_err(DbError::sql("read the schema's version"))
}
