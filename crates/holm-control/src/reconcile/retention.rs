//! Expires deployments beyond the newest of their projects (decision D10.15). Nothing that is pinned or
//! that an alias points at expires. Their blobs are left to whoever collects them.

use holm_types::DeploymentId;

use super::Report;
use crate::core::Core;
use crate::error::ApiError;

/// Expires what nothing keeps.
#[derive(Debug)]
pub(crate) struct RetentionKeeper<'c> {
    core: &'c Core,
}

impl<'c> RetentionKeeper<'c> {
    pub(crate) fn new(core: &'c Core) -> Self {
        Self { core }
    }

    /// Until nothing is left to expire, a bounded batch at a time.
    pub(crate) async fn run_once(&self) -> Result<Report, ApiError> {
        let mut report = Report::default();
        loop {
            let expired = self.expire_batch().await?;
            report.changed_count += expired;
            if expired == 0 {
                break;
            }
            self.core.hosts_changed.notify_one();
        }
        Ok(report)
    }

    async fn expire_batch(&self) -> Result<u64, ApiError> {
        let limits = &self.core.config.limits;
        let kept = limits.deployments_kept_max;
        let rows_max = u32::try_from(limits.sweep_rows_max).unwrap_or(u32::MAX);
        let ids: Vec<DeploymentId> = self
            .core
            .db
            .read(move |view| view.deployments_to_expire(kept, rows_max))
            .await?;
        if ids.is_empty() {
            return Ok(0);
        }
        self.core
            .db
            .write(move |change| {
                let mut expired = 0;
                for id in &ids {
                    // Looked at again: it may have been pinned or promoted since.
                    expired += u64::from(change.expire_deployment(*id, kept)?);
                }
                Ok::<_, ApiError>(expired)
            })
            .await
    }
}
