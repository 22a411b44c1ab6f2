//! The last call of a deployment, and what it is followed by: the answer, or the events that lead to it.

use std::ops::ControlFlow;
use std::thread;
use std::time::Instant;

use holm_api::{DeploymentEvent, DeploymentEventKind, DeploymentView, Problem};
use holm_types::{DeploymentId, DeploymentState, ErrorCode, ProjectName};
use serde::Serialize;

use crate::client::{Client, ClientError, Frames};
use crate::limits::CliLimits;
use crate::printer::Printer;

/// Something that happens on this side, told in the same form as the server's events.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Step {
    /// What the server lacks is being sent.
    Uploading {
        deployment_id: DeploymentId,
        blob_count: u64,
        blob_bytes: u64,
    },
    /// An archive is being sent.
    UploadingArchive { size_bytes: u64 },
}

/// Commits deployments of a project.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settle<'a> {
    pub client: &'a Client,
    pub project: &'a ProjectName,
    /// Where events are told. `None`: the commit is waited for, and nothing is told.
    pub told: Option<&'a Printer>,
}

impl Settle<'_> {
    /// Tells a step, if anybody is told.
    pub(crate) fn tell(&self, step: &Step) {
        if let Some(printer) = self.told {
            printer.result_json(step);
        }
    }

    /// Sends the rest and returns when the deployment is served, or is known not to be.
    pub(crate) fn commit(
        &self,
        id: &DeploymentId,
        frames: &Frames<'_>,
    ) -> Result<DeploymentView, ClientError> {
        let Some(printer) = self.told else {
            let committed = self.client.deployment_commit(self.project, id, frames);
            return self.answered(id, committed);
        };
        let begun = self
            .client
            .deployment_commit_async(self.project, id, frames);
        self.answered(id, begun)?;
        let last = self.follow(id, printer)?;
        let view = self.client.deployment_view(self.project, &id.to_string())?;
        match problem_of(last, &view) {
            Some(problem) => Err(ClientError::Problem(Box::new(problem))),
            None => Ok(view),
        }
    }

    /// An answer that was lost is asked for.
    fn answered(
        &self,
        id: &DeploymentId,
        committed: Result<DeploymentView, ClientError>,
    ) -> Result<DeploymentView, ClientError> {
        match committed {
            Err(error @ (ClientError::Lost { .. } | ClientError::Slow { .. })) => {
                match self.client.deployment_view(self.project, &id.to_string()) {
                    Ok(view) if view.state == DeploymentState::Sealed => Ok(view),
                    _ => Err(error),
                }
            }
            other => other,
        }
    }

    /// Tells the events up to the one that decides, going on where a stream broke off. `None` when no
    /// stream said so in time; then the deployment itself is asked.
    fn follow(
        &self,
        id: &DeploymentId,
        printer: &Printer,
    ) -> Result<Option<DeploymentEvent>, ClientError> {
        let limits = CliLimits::default();
        let began = Instant::now();
        let (mut after, mut attempt) = (0, 1);
        loop {
            let (before, mut last) = (after, None);
            let outcome = self
                .client
                .deployment_events(self.project, id, after, &mut |event| {
                    printer.result_json(&event);
                    after = event.id;
                    if event.event.is_last() || event.event == DeploymentEventKind::CommitRefused {
                        last = Some(event);
                        return ControlFlow::Break(());
                    }
                    ControlFlow::Continue(())
                });
            if last.is_some() {
                return Ok(last);
            }
            if let Err(error @ ClientError::Problem(_)) = outcome {
                return Err(error);
            }
            attempt = if after > before { 1 } else { attempt + 1 };
            let is_late = began.elapsed() > limits.answer_time_max;
            if is_late || attempt > limits.request_attempts_max {
                return Ok(None);
            }
            thread::sleep(limits.retry_pause);
        }
    }
}

/// What the deciding event says went wrong, as the server would have answered a commit that is waited
/// for. `None` when all is well.
fn problem_of(last: Option<DeploymentEvent>, view: &DeploymentView) -> Option<Problem> {
    let detail = last?.detail;
    let code = detail.code?;
    let known = ErrorCode::ALL.iter().find(|known| known.as_str() == code);
    Some(Problem {
        status: known.map_or(500, |known| known.status()),
        title: known.map_or("", |known| known.advice()).to_owned(),
        detail: detail.message.unwrap_or_default(),
        diagnostics: view.diagnostics.clone(),
        code,
        ..Problem::default()
    })
}
