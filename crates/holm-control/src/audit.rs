//! The audit log from the request's side: every call of an operation that changes something leaves one
//! row, whichever operation it is and however it ends.
//!
//! The row goes with the change's own transaction (`db::Trail`). A call that ended without a change is
//! written down after it: refusals of somebody known, and of whoever tried a password, an invitation or
//! an owner code. Strangers who are turned away at the gate leave none, nor does a request that came too
//! often: they could fill the log.

use std::net::IpAddr;
use std::sync::Arc;

use holm_api::{AuditOutcome, Method, OPERATIONS, Operation, Policy};
use holm_telemetry::event::TaskFailed;
use holm_types::{ErrorCode, RequestId};

use crate::authz::{Actor, Target};
use crate::core::Core;
use crate::db::{AuditRow, DbError, Trail, audit};
use crate::error::chain;

/// Characters of a target that are kept.
const TARGET_LENGTH_MAX: usize = 300;

/// One call on its way into the log.
#[derive(Clone, Debug)]
pub(crate) struct Recording {
    trail: Arc<Trail>,
    /// Whether strangers are written down too: where the body is the proof.
    is_open: bool,
}

/// Begins to record a call. `None` for an operation that changes nothing.
pub(crate) fn begin(
    core: &Core,
    operation: &'static Operation,
    path: &str,
    peer: IpAddr,
    request_id: RequestId,
) -> Option<Recording> {
    if operation.method == Method::Get {
        return None;
    }
    let row = AuditRow {
        id: core.mint.mint(),
        at: core.now(),
        operation: operation.id.to_owned(),
        target: printable(path),
        project_id: None,
        outcome: AuditOutcome::Done,
        status: operation.success,
        code: None,
        user_id: None,
        email: None,
        token_id: None,
        address: peer.to_canonical().to_string(),
        request_id: request_id.to_string(),
    };
    Some(Recording {
        trail: Trail::new(row),
        is_open: !matches!(operation.policy, Policy::Needs(_)),
    })
}

/// The operation that a page's form is another way to.
pub(crate) fn operation(id: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.id == id)
}

impl Recording {
    /// Runs the call so that its first change takes the row along.
    pub(crate) async fn follow<F: Future>(&self, call: F) -> F::Output {
        self.trail.follow(call).await
    }

    /// Says who it is and what it is about.
    pub(crate) fn name(&self, actor: &Actor, target: &Target) {
        self.trail
            .name(actor.user_id(), actor.token_id(), target.project());
    }

    /// Writes down how it ended, if that is not written yet. What cannot be written the log is told.
    /// `code` is that of the error, if it ended with one.
    pub(crate) async fn end(&self, core: &Core, code: Option<ErrorCode>) {
        let written = if self.trail.is_kept() {
            self.correct(core, code).await
        } else {
            self.add(core, code).await
        };
        if let Err(error) = written {
            TaskFailed {
                task: "audit".to_owned(),
                reason: chain(&error),
            }
            .emit();
        }
    }

    /// The change was made; what failed came after it.
    async fn correct(&self, core: &Core, code: Option<ErrorCode>) -> Result<(), DbError> {
        let Some(code) = code else { return Ok(()) };
        let id = self.trail.row().id;
        let outcome = audit::outcome_of(code);
        core.db
            .write(move |change| {
                change.correct_audit(id, outcome, code.status(), Some(code.as_str()))
            })
            .await
    }

    async fn add(&self, core: &Core, code: Option<ErrorCode>) -> Result<(), DbError> {
        let mut row = self.trail.row();
        let is_known = row.user_id.is_some() || row.token_id.is_some();
        if !(is_known || self.is_open) || code == Some(ErrorCode::RequestRateLimited) {
            return Ok(());
        }
        if let Some(code) = code {
            row.outcome = audit::outcome_of(code);
            row.status = code.status();
            row.code = Some(code.to_string());
        }
        core.db.write(move |change| change.insert_audit(&row)).await
    }
}

/// A path with its control characters escaped, cut to a length that a log line can have.
fn printable(path: &str) -> String {
    let escaped = path.chars().flat_map(|c| {
        let is_plain = !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}');
        let plain = is_plain.then_some(c);
        let escape = (!is_plain).then(|| c.escape_default());
        plain.into_iter().chain(escape.into_iter().flatten())
    });
    escaped.take(TARGET_LENGTH_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn a_target_stays_on_its_line() {
        assert_eq!(printable("/a\r\n\u{1b}[2Jb"), "/a\\r\\n\\u{1b}[2Jb");
        assert_eq!(printable(&"x".repeat(1000)).len(), 300);
    }
}
