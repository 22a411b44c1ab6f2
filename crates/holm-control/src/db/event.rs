//! What happened to deployments.

use holm_api::{DeploymentEvent, DeploymentEventKind, EventDetail};
use holm_types::{DeploymentId, Timestamp};
use rusqlite::Row;

use super::{Change, DbError, View, column};

/// Events of one deployment that are kept. The last one of a deployment has a place of its own, so that a
/// client that sends blobs in very many pieces still learns how it ended.
const EVENTS_MAX: u64 = 200;

fn event(row: &Row<'_>) -> rusqlite::Result<DeploymentEvent> {
    Ok(DeploymentEvent {
        id: column::count(row, 0)?,
        event: column::word(row, 1)?,
        at: column::time(row, 2)?,
        detail: column::json(row, 3)?,
    })
}

impl View<'_> {
    /// A deployment's events behind the one with this number, in their order.
    pub(crate) fn events(
        &self,
        id: DeploymentId,
        after: u64,
    ) -> Result<Vec<DeploymentEvent>, DbError> {
        let sql = "SELECT number, kind, happened_at, detail FROM deployment_events
            WHERE deployment_id = ?1 AND number > ?2 ORDER BY number";
        self.connection
            .prepare(sql)
            .and_then(|mut statement| {
                statement
                    .query_map((id.as_bytes(), column::from_count(after)), event)?
                    .collect()
            })
            .map_err(DbError::sql("read a deployment's events"))
    }
}

impl Change<'_> {
    /// Adds an event. Beyond the maximum only what ends the deployment is kept.
    pub(crate) fn add_event(
        &self,
        id: DeploymentId,
        kind: DeploymentEventKind,
        detail: &EventDetail,
        at: Timestamp,
    ) -> Result<(), DbError> {
        let count: u64 = self
            .connection
            .query_row(
                "SELECT coalesce(max(number), 0) FROM deployment_events WHERE deployment_id = ?1",
                [id.as_bytes()],
                |row| column::count(row, 0),
            )
            .map_err(DbError::sql("count a deployment's events"))?;
        let is_kept = kind.is_last() || kind == DeploymentEventKind::Sealed;
        if count >= EVENTS_MAX && !is_kept {
            return Ok(());
        }
        let detail =
            serde_json::to_string(detail).map_err(|_| DbError::Damaged { what: "event" })?;
        self.connection
            .execute(
                "INSERT INTO deployment_events (deployment_id, number, kind, detail, happened_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                (
                    id.as_bytes(),
                    column::from_count(count + 1),
                    kind.as_str(),
                    detail,
                    at.unix_ms(),
                ),
            )
            .map(drop)
            .map_err(DbError::sql("keep a deployment's event"))
    }

    /// Adds the event that their time was over to uploads that began before `before`.
    pub(crate) fn add_time_outs(&self, before: Timestamp, at: Timestamp) -> Result<(), DbError> {
        self.connection
            .execute(
                "INSERT INTO deployment_events (deployment_id, number, kind, detail, happened_at)
                 SELECT d.id, coalesce((SELECT max(number) FROM deployment_events e
                                        WHERE e.deployment_id = d.id), 0) + 1, 'timed_out', '{}', ?2
                 FROM deployments d WHERE d.state = 'uploading' AND d.created_at < ?1",
                (before.unix_ms(), at.unix_ms()),
            )
            .map(drop)
            .map_err(DbError::sql("keep that uploads were not finished in time"))
    }
}
