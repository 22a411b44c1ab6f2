//! Why a request failed, and what that means to the person.

use std::io;

use holm_api::Problem;
use ureq::Timeout;

use super::Again;
use crate::api_url::ApiUrl;
use crate::error::CliError;
use crate::exit::Exit;

/// Why a request has no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// No connection: the server cannot have seen the request.
    #[error("no connection to {api}")]
    Unconnected {
        api: ApiUrl,
        #[source]
        source: Box<ureq::Error>,
    },
    /// The connection ended before the answer: the server may have seen the request.
    #[error("the connection to {api} was lost")]
    Lost {
        api: ApiUrl,
        #[source]
        source: Box<ureq::Error>,
    },
    /// Too slow.
    #[error("{api} did not answer in time")]
    Slow {
        api: ApiUrl,
        #[source]
        source: Box<ureq::Error>,
    },
    /// The body could not be made; the reader's own error.
    #[error(transparent)]
    Stopped(Stopped),
    /// What arrived could not be kept, or is not what was sent.
    #[error("what arrived could not be kept")]
    Unkept(#[source] io::Error),
    /// The server's own error.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// An error that is not the API's.
    #[error("{api} answered with status {status}, but not as a Holm API does")]
    NotHolm { api: ApiUrl, status: u16 },
    /// A success that is not the API's.
    #[error("{api} gave an answer that this version of holm does not understand")]
    Unreadable {
        api: ApiUrl,
        #[source]
        source: serde_json::Error,
    },
}

/// A body that ended early because what it was made from has changed. Travels through the HTTP client
/// as the inner error of an [`io::Error`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` changed while it was sent")]
pub(crate) struct Stopped {
    /// The file.
    pub path: String,
}

impl ClientError {
    pub(super) fn of_transport(api: &ApiUrl, error: ureq::Error) -> Self {
        let stopped = match &error {
            ureq::Error::Io(inner) => inner
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<Stopped>()),
            _ => None,
        };
        if let Some(stopped) = stopped {
            return Self::Stopped(stopped.clone());
        }
        let api = api.clone();
        let is_unconnected = match &error {
            ureq::Error::Io(inner) => matches!(
                inner.kind(),
                io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::HostUnreachable
                    | io::ErrorKind::NetworkUnreachable
            ),
            ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => true,
            ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => true,
            _ => false,
        };
        let is_slow = matches!(error, ureq::Error::Timeout(_));
        let source = Box::new(error);
        if is_unconnected {
            Self::Unconnected { api, source }
        } else if is_slow {
            Self::Slow { api, source }
        } else {
            Self::Lost { api, source }
        }
    }

    /// Whether sending the request again may help and can do no harm. A server that was never reached
    /// is more likely not there than restarting, so the first failure is told at once.
    pub(super) fn may_pass(&self, again: Again, was_reached: bool) -> bool {
        match self {
            Self::Unconnected { .. } => was_reached,
            Self::Lost { .. } => was_reached && again == Again::Harmless,
            Self::Problem(problem) => problem.status == 503,
            Self::NotHolm { status, .. } => *status == 503 && was_reached,
            Self::Slow { .. } | Self::Stopped(_) | Self::Unkept(_) | Self::Unreadable { .. } => {
                false
            }
        }
    }

    /// The API's code. `None` when the error is not the API's.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) => Some(&problem.code),
            _ => None,
        }
    }

    /// What the person is told; `doing` continues "could not ...".
    pub(crate) fn explain(&self, doing: impl Into<String>) -> CliError {
        match self {
            Self::Problem(problem) => CliError::of_problem(doing, problem),
            Self::Unconnected { api, .. } => CliError::because(Exit::Failure, doing, self).next(
                if api.is_loopback() {
                    "Start the server with `holm serve`, or name another one with --api or HOLM_API."
                } else {
                    "Check the address (--api, HOLM_API) and that the server runs."
                },
            ),
            Self::Lost { .. } => CliError::because(Exit::Failure, doing, self)
                .next("Run the command again; what was uploaded is not sent twice."),
            Self::Slow { .. } => CliError::because(Exit::Timeout, doing, self)
                .next("Run the command again; what was uploaded is not sent twice."),
            Self::Stopped(_) => CliError::because(Exit::Failure, doing, self)
                .next("Wait until the build has finished and run the command again."),
            Self::Unkept(_) => CliError::because(Exit::Failure, doing, self)
                .next("Check that there is room for it, and run the command again."),
            Self::NotHolm { .. } => CliError::because(Exit::Failure, doing, self)
                .next("Check that --api or HOLM_API is the address of the API, not that of a site."),
            Self::Unreadable { .. } => CliError::because(Exit::Failure, doing, self)
                .next("Compare `holm --version` with the server's version in `holm status`."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io_error(kind: io::ErrorKind) -> ClientError {
        let api = "http://127.0.0.1:8089".parse().unwrap();
        ClientError::of_transport(&api, ureq::Error::Io(kind.into()))
    }

    fn problem(status: u16) -> ClientError {
        ClientError::Problem(Box::new(Problem {
            status,
            ..Problem::default()
        }))
    }

    #[test]
    fn only_what_may_pass_and_does_no_harm_is_sent_again() {
        let refused = io_error(io::ErrorKind::ConnectionRefused);
        assert!(!refused.may_pass(Again::Harmless, false), "nobody is there");
        assert!(refused.may_pass(Again::IfUnseen, true), "restarting");
        let lost = io_error(io::ErrorKind::ConnectionReset);
        assert!(lost.may_pass(Again::Harmless, true));
        assert!(
            !lost.may_pass(Again::IfUnseen, true),
            "it may have been done"
        );
        assert!(
            problem(503).may_pass(Again::IfUnseen, true),
            "it was not done"
        );
        for status in [400, 401, 404, 409, 422, 429, 500] {
            assert!(!problem(status).may_pass(Again::Harmless, true), "{status}");
        }
    }

    #[test]
    fn a_changed_file_is_recognized_through_the_http_client() {
        let api = "http://127.0.0.1:8089".parse().unwrap();
        let stopped = Stopped {
            path: "/a.js".into(),
        };
        let error = ureq::Error::Io(io::Error::other(stopped.clone()));
        let error = ClientError::of_transport(&api, error);
        assert!(matches!(error, ClientError::Stopped(found) if found == stopped));
    }
}
