//! Following a deployment's events (HTML Standard, section 9.2).

use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;

use holm_api::{API_PREFIX, DeploymentEvent, EVENTS_MEDIA_TYPE};
use holm_types::{DeploymentId, ProjectName};
use ureq::http::{Request, header};

use super::{Client, ClientError};

/// Bytes of one line of a stream; a longer one ends it.
const LINE_BYTES_MAX: u64 = 64 * 1024;

impl Client {
    /// Hands over the events behind number `after`, as they come, until `take` has had enough or the
    /// stream ends. One that breaks off can be asked for again behind the last event.
    pub(crate) fn deployment_events(
        &self,
        project: &ProjectName,
        deployment: &DeploymentId,
        after: u64,
        take: &mut dyn FnMut(DeploymentEvent) -> ControlFlow<()>,
    ) -> Result<(), ClientError> {
        let path = format!("/projects/{project}/deployments/{deployment}/events");
        let mut request = Request::builder()
            .uri(format!("{}{API_PREFIX}{path}", self.access.api))
            .header(header::ACCEPT, EVENTS_MEDIA_TYPE)
            .header("last-event-id", after);
        if let Some(token) = &self.access.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.secret()));
        }
        let fail = |error: ureq::Error| ClientError::of_transport(&self.access.api, error);
        let request = request.body(()).map_err(|error| fail(error.into()))?;
        let mut response = self.agent.run(request).map_err(fail)?;
        if response.status().as_u16() != 200 {
            return self.read_answer(response).map(drop);
        }
        let mut lines = BufReader::new(response.body_mut().as_reader());
        loop {
            let mut line = String::new();
            let read = lines.by_ref().take(LINE_BYTES_MAX).read_line(&mut line);
            let count = read.map_err(|error| fail(error.into()))?;
            if count == 0 {
                return Ok(());
            }
            let Some(data) = line.strip_prefix("data:") else {
                continue;
            };
            let event = serde_json::from_str(data).map_err(|source| ClientError::Unreadable {
                api: self.access.api.clone(),
                source,
            })?;
            if take(event).is_break() {
                return Ok(());
            }
        }
    }
}
