//! The HTTP client: one agent with kept connections, time limits, retries, and problem bodies as errors.

mod error;
mod events;
mod guard_operations;
mod listening;
mod operations;
mod project_operations;
mod who;

use std::cell::Cell;
use std::io::Read;
use std::time::Duration;

use holm_api::{API_PREFIX, Problem};
use serde::de::DeserializeOwned;
use ureq::http::{Request, Response, header};
use ureq::tls::TlsConfig;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::{Agent, Body, SendBody};

pub(crate) use error::{ClientError, Stopped};
pub(crate) use operations::{ExplainAsked, Frames, Manifest, PageAsked};

use crate::access::Access;
use crate::api_url::ApiUrl;
use crate::limits::CliLimits;
use listening::ListeningConnector;

/// Talks to one server as one user.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    access: Access,
    limits: CliLimits,
    /// Whether this server has answered before: only then is a lost connection worth another try.
    was_reached: Cell<bool>,
}

/// Bodies of at least this many bytes are sent after the server has said that it wants them: for them a
/// round trip is little.
const ASKED_FIRST_BYTES: u64 = 1024 * 1024;

/// Whether a request may be sent again when its answer did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// Doing it twice is the same as once, or harmless.
    Harmless,
    /// Only when the server cannot have seen it.
    IfUnseen,
}

/// How an answer arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// Within the time for a whole answer.
    Whole,
    /// Piece by piece, each within that time.
    Streamed,
}

/// One request.
pub(crate) struct Call<'a> {
    method: &'static str,
    /// After `/v1`, with its query.
    path: String,
    payload: Payload<'a>,
    again: Again,
    /// Whether the answer may come before the work is done.
    may_go_on: bool,
}

/// A request's body.
pub(crate) enum Payload<'a> {
    /// None.
    Empty,
    /// These bytes.
    Bytes(&'static str, &'a [u8]),
    /// Bytes that are made while they are sent; opened anew for each attempt.
    Stream {
        media_type: &'static str,
        size_bytes: u64,
        open: &'a dyn Fn() -> Box<dyn Read + 'a>,
    },
}

impl<'a> Call<'a> {
    fn get(path: String) -> Self {
        Self {
            method: "GET",
            path,
            payload: Payload::Empty,
            again: Again::Harmless,
            may_go_on: false,
        }
    }

    fn send(method: &'static str, path: String, payload: Payload<'a>, again: Again) -> Self {
        Self {
            method,
            path,
            payload,
            again,
            may_go_on: false,
        }
    }
}

impl Client {
    /// A client for this server and user.
    pub(crate) fn new(access: Access) -> Self {
        let limits = CliLimits::default();
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect could carry the token elsewhere, and the API has none.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("holm-cli/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(limits.connect_time_max))
            .timeout_send_body(Some(limits.send_time_max))
            .timeout_recv_response(Some(limits.answer_time_max))
            .timeout_recv_body(Some(limits.receive_time_max))
            .tls_config(
                TlsConfig::builder()
                    .root_certs(access.trust.root_certs())
                    .build(),
            )
            .output_buffer_size(256 * 1024);
        if access.api.is_loopback() {
            // HTTP_PROXY is about other machines.
            config = config.proxy(None);
        }
        Self {
            agent: Agent::with_parts(
                config.build(),
                ListeningConnector::default(),
                DefaultResolver::default(),
            ),
            access,
            limits,
            was_reached: Cell::new(false),
        }
    }

    /// The server's address.
    pub(crate) fn api(&self) -> &ApiUrl {
        &self.access.api
    }

    /// Whether requests carry a token.
    pub(crate) fn has_token(&self) -> bool {
        self.access.token.is_some()
    }

    /// Sends a request, again if need be, and reads the answer's JSON.
    fn call<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, ClientError> {
        let bytes = self.call_bytes(call)?;
        self.read(&bytes)
    }

    /// Reads an answer's JSON.
    fn read<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(bytes).map_err(|source| ClientError::Unreadable {
            api: self.access.api.clone(),
            source,
        })
    }

    /// Sends a request, again if need be, and answers with the bytes of a successful answer.
    fn call_bytes(&self, call: &Call<'_>) -> Result<Vec<u8>, ClientError> {
        let mut attempt = 1;
        loop {
            let error = match self.attempt(call) {
                Ok(bytes) => return Ok(bytes),
                Err(error) => error,
            };
            let is_last = attempt >= self.limits.request_attempts_max;
            if is_last || !error.may_pass(call.again, self.was_reached.get()) {
                return Err(error);
            }
            std::thread::sleep(self.pause_after(attempt));
            attempt += 1;
        }
    }

    fn pause_after(&self, attempt: u32) -> Duration {
        self.limits
            .retry_pause
            .saturating_mul(1 << (attempt - 1).min(10))
    }

    fn attempt(&self, call: &Call<'_>) -> Result<Vec<u8>, ClientError> {
        self.read_answer(self.transmit(call, Pace::Whole)?)
    }

    /// Sends a request once and hands over the body of a successful answer as it arrives.
    fn receive(
        &self,
        call: &Call<'_>,
        take: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<(), ClientError> {
        let mut response = self.transmit(call, Pace::Streamed)?;
        if !response.status().is_success() {
            return self.read_answer(response).map(drop);
        }
        let mut reader = response.body_mut().as_reader();
        let mut piece = vec![0; 256 * 1024];
        loop {
            let fail = |error: std::io::Error| {
                ClientError::of_transport(&self.access.api, ureq::Error::Io(error))
            };
            let len = reader.read(&mut piece).map_err(fail)?;
            if len == 0 {
                return Ok(());
            }
            take(piece.get(..len).unwrap_or_default()).map_err(ClientError::Unkept)?;
        }
    }

    fn transmit(&self, call: &Call<'_>, pace: Pace) -> Result<Response<Body>, ClientError> {
        let mut request = Request::builder()
            .method(call.method)
            .uri(format!("{}{API_PREFIX}{}", self.access.api, call.path))
            .header(header::ACCEPT, "application/json, application/problem+json");
        if let Some(token) = &self.access.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.secret()));
        }
        if call.may_go_on {
            request = request.header("prefer", "respond-async");
        }
        let fail = |error: ureq::Error| ClientError::of_transport(&self.access.api, error);
        let response = match &call.payload {
            Payload::Empty if call.method == "GET" => self
                .agent
                .run(request.body(()).map_err(|error| fail(error.into()))?),
            Payload::Empty => self
                .agent
                .run(request.body(&[][..]).map_err(|error| fail(error.into()))?),
            Payload::Bytes(media_type, bytes) => {
                let request = request
                    .header(header::CONTENT_TYPE, *media_type)
                    .body(*bytes);
                let request = request.map_err(|error| fail(error.into()))?;
                self.agent.run(self.at_pace(request, pace))
            }
            Payload::Stream {
                media_type,
                size_bytes,
                open,
            } => {
                let mut reader = open();
                if *size_bytes >= ASKED_FIRST_BYTES {
                    // What the head alone makes the server refuse is refused before it is sent.
                    request = request.header(header::EXPECT, "100-continue");
                }
                let request = request
                    .header(header::CONTENT_TYPE, *media_type)
                    .header(header::CONTENT_LENGTH, *size_bytes)
                    .body(SendBody::from_reader(&mut reader));
                self.agent.run(request.map_err(|error| fail(error.into()))?)
            }
        };
        response.map_err(fail)
    }

    /// A streamed answer may take as long as it likes, as long as it goes on arriving.
    fn at_pace<'b>(&self, request: Request<&'b [u8]>, pace: Pace) -> Request<&'b [u8]> {
        if pace == Pace::Whole {
            return request;
        }
        self.agent
            .configure_request(request)
            .timeout_recv_body(None)
            .timeout_per_read(Some(self.limits.receive_time_max))
            .build()
    }

    fn read_answer(&self, mut response: Response<Body>) -> Result<Vec<u8>, ClientError> {
        self.was_reached.set(true);
        let status = response.status().as_u16();
        let media_type = response.headers().get(header::CONTENT_TYPE);
        let media_type = media_type
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
            .to_owned();
        let body = response
            .body_mut()
            .with_config()
            .limit(self.limits.answer_bytes_max);
        let bytes = body
            .read_to_vec()
            .map_err(|error| ClientError::of_transport(&self.access.api, error))?;
        if (200..300).contains(&status) {
            return Ok(bytes);
        }
        if media_type.starts_with("application/problem+json")
            && let Ok(problem) = serde_json::from_slice::<Problem>(&bytes)
        {
            return Err(ClientError::Problem(Box::new(problem)));
        }
        Err(ClientError::NotHolm {
            api: self.access.api.clone(),
            status,
        })
    }
}

#[cfg(test)]
mod tests;
