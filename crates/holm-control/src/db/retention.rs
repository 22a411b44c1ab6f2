//! Which deployments are kept: the newest of each project, what is pinned, what an alias points at.

use holm_types::{DeploymentId, Timestamp};

use super::{Change, DbError, View, column};

impl View<'_> {
    /// Sealed deployments beyond the newest of their projects, `kept_by_default` for a project that
    /// says nothing, that nothing else keeps. At most `rows_max`.
    pub(crate) fn deployments_to_expire(
        &self,
        kept_by_default: u64,
        rows_max: u32,
    ) -> Result<Vec<DeploymentId>, DbError> {
        self.connection
            .prepare(
                // First the few projects that have more than they keep, which is a count over an index;
                // then, of each, what is not among the newest.
                "SELECT d.id FROM (
                     SELECT s.project_id, coalesce(p.deployments_kept, ?1) AS kept FROM (
                         SELECT project_id, count(*) AS sealed FROM deployments
                         WHERE state = 'sealed' GROUP BY project_id
                     ) s JOIN projects p ON p.id = s.project_id
                     WHERE p.deleted_at IS NULL AND s.sealed > coalesce(p.deployments_kept, ?1)
                 ) c JOIN deployments d ON d.project_id = c.project_id
                 WHERE d.state = 'sealed' AND d.pinned_at IS NULL
                 AND NOT EXISTS (SELECT 1 FROM aliases a WHERE a.deployment_id = d.id)
                 AND (SELECT count(*) FROM deployments n
                      WHERE n.project_id = d.project_id AND n.state = 'sealed'
                      AND (n.sealed_at, n.id) > (d.sealed_at, d.id)) >= c.kept
                 LIMIT ?2",
            )
            .and_then(|mut statement| {
                let kept = column::from_count(kept_by_default);
                let rows = statement.query_map((kept, rows_max), |row| {
                    column::id(row, 0, DeploymentId::from_bytes)
                })?;
                rows.collect()
            })
            .map_err(DbError::sql("look for deployments that expire"))
    }
}

impl Change<'_> {
    /// Expires a deployment if nothing keeps it now, forgets its variables and says that its hosts changed.
    /// False when something keeps it.
    pub(crate) fn expire_deployment(
        &self,
        id: DeploymentId,
        kept_by_default: u64,
    ) -> Result<bool, DbError> {
        let expired = self
            .connection
            .execute(
                "UPDATE deployments SET state = 'expired'
                 WHERE id = ?1 AND state = 'sealed' AND pinned_at IS NULL
                 AND NOT EXISTS (SELECT 1 FROM aliases a WHERE a.deployment_id = deployments.id)
                 AND (SELECT count(*) FROM deployments n
                      WHERE n.project_id = deployments.project_id AND n.state = 'sealed'
                      AND (n.sealed_at, n.id) > (deployments.sealed_at, deployments.id))
                  >= (SELECT coalesce(p.deployments_kept, ?2) FROM projects p
                      WHERE p.id = deployments.project_id)",
                (id.as_bytes(), column::from_count(kept_by_default)),
            )
            .map_err(DbError::sql("expire a deployment"))?;
        if expired > 0 {
            self.delete_deployment_variables(id)?;
        }
        self.hosts_of_changed(id, expired)
    }

    /// Pins a deployment at this time, or with `None` leaves it to retention again.
    pub(crate) fn set_pinned(
        &self,
        id: DeploymentId,
        pinned_at: Option<Timestamp>,
    ) -> Result<(), DbError> {
        self.connection
            .execute(
                "UPDATE deployments SET pinned_at = ?2 WHERE id = ?1",
                (id.as_bytes(), pinned_at.map(Timestamp::unix_ms)),
            )
            .map(drop)
            .map_err(DbError::sql("pin a deployment"))
    }
}
