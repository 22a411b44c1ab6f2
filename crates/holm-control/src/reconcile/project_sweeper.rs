//! Removes what is left of deleted projects. A kill at any moment leaves fewer rows and the mark, and the
//! next run goes on from there.

use super::Report;
use crate::core::Core;
use crate::error::ApiError;

/// Removes the rows of deleted projects.
#[derive(Debug)]
pub(crate) struct ProjectSweeper<'c> {
    core: &'c Core,
}

impl<'c> ProjectSweeper<'c> {
    pub(crate) fn new(core: &'c Core) -> Self {
        Self { core }
    }

    /// Until no deleted project is left, a bounded batch in each change, so that others get their turn
    /// in between.
    pub(crate) async fn run_once(&self) -> Result<Report, ApiError> {
        let rows_max = self.core.config.limits.sweep_rows_max.max(1);
        let mut report = Report::default();
        loop {
            let removed = self
                .core
                .db
                .write(move |change| match change.deleted_project()? {
                    Some(id) => change.sweep_project(id, rows_max),
                    None => Ok(0),
                })
                .await
                .map_err(ApiError::from)?;
            report.changed_count += removed;
            if removed == 0 {
                return Ok(report);
            }
        }
    }
}
