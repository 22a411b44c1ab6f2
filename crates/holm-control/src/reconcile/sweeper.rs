//! Ends what was left behind: uploads nobody finished, credentials nobody can use any more.

use super::Report;
use crate::core::Core;
use crate::db::DbError;
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
            .write::<_, DbError>(move |change| {
                change.add_time_outs(before, now)?;
                change.time_out_uploads(before)
            })
            .await?;
        if changed_count > 0 {
            self.core.events.ring();
            self.core.hosts_changed.notify_one();
        }
        Ok(Report { changed_count })
    }
}

/// Removes tokens, sessions and invitations that have expired, rows of the audit log beyond what is kept,
/// and answers of old idempotency keys; gives back the memory that passwords were hashed in.
#[derive(Debug)]
pub(crate) struct CredentialSweeper<'c> {
    core: &'c Core,
}

impl<'c> CredentialSweeper<'c> {
    pub(crate) fn new(core: &'c Core) -> Self {
        Self { core }
    }

    pub(crate) async fn run_once(&self) -> Result<Report, ApiError> {
        self.core.passwords.rest();
        let now = self.core.now();
        let limits = self.core.config.limits.clone();
        let changed_count = self
            .core
            .db
            .write(move |change| {
                let expired = change.delete_expired_credentials(now)?;
                let audit = change.trim_audit(
                    now.minus(limits.audit_time_max),
                    limits.audit_refusals_max,
                    limits.audit_rows_max,
                )?;
                let answers = change.trim_answers(
                    now.minus(limits.idempotency_time_max),
                    limits.idempotency_keys_max,
                    limits.idempotency_bytes_max,
                )?;
                Ok::<_, DbError>(expired + audit + answers)
            })
            .await?;
        Ok(Report { changed_count })
    }
}
