//! Ends what was left behind: uploads nobody finished, credentials nobody can use any more.

use super::Report;
use crate::core::Core;
use crate::error::ApiError;

/// Times out uploads that were not finished in time.
#[derive(Debug)]
pub(crate) struct UploadSweeper<'c> {
    core: &'c Core,
}

impl<'c> UploadSweeper<'c> {
    pub(crate) fn new(core: &'c Core) -> Self {
        Self { core }
    }

    pub(crate) async fn run_once(&self) -> Result<Report, ApiError> {
        let now = self.core.now();
        let before = now.minus(self.core.config.limits.upload_time_max);
        let changed_count = self
            .core
            .db
            .write(move |change| {
                change.add_time_outs(before, now)?;
                let count = change.time_out_uploads(before)?;
                if count > 0 {
                    change.hosts_changed()?;
                }
                Ok::<_, ApiError>(count)
            })
            .await?;
        if changed_count > 0 {
            self.core.events.ring();
            self.core.hosts_changed.notify_one();
        }
        Ok(Report { changed_count })
    }
}

/// Removes tokens and sessions that have expired.
#[derive(Debug)]
pub(crate) struct CredentialSweeper<'c> {
    core: &'c Core,
}

impl<'c> CredentialSweeper<'c> {
    pub(crate) fn new(core: &'c Core) -> Self {
        Self { core }
    }

    pub(crate) async fn run_once(&self) -> Result<Report, ApiError> {
        let now = self.core.now();
        let changed_count = self
            .core
            .db
            .write(move |change| change.delete_expired_credentials(now))
            .await?;
        Ok(Report { changed_count })
    }
}
