//! How the server's words end: exit codes as the command line documents them, errors with their chain.

use std::error::Error;
use std::process::ExitCode;

use crate::console;
use crate::restore::RestoreError;
use crate::signals::StopSignal;

/// Something failed.
pub(crate) const FAILURE: u8 = 1;
/// The words or flags are wrong.
pub(crate) const USAGE: u8 = 2;
/// What was named is not there.
pub(crate) const NOT_FOUND: u8 = 4;
/// Something else holds what is needed (port, data folder).
pub(crate) const CONFLICT: u8 = 5;

/// Why a word of the server's ended without success.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    /// The flags, the environment or the file are wrong.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// clap could not read the flags.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// The data folder cannot be used.
    #[error(transparent)]
    DataFolder(#[from] crate::data_folder::DataFolderError),
    /// The running server could not be taken over from.
    #[error(transparent)]
    TakeOver(#[from] crate::handover::TakeOverError),
    /// There is no certificate for the TLS listener.
    #[error(transparent)]
    Certificate(#[from] crate::certificate::CertificateFileError),
    /// A listener cannot be opened.
    #[error("listen on {address} for {what}")]
    Listen {
        /// Which address.
        address: std::net::SocketAddr,
        /// `sites` or `the API and console`.
        what: &'static str,
        /// The flag that changes it.
        flag: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A part cannot be opened.
    #[error("{doing}")]
    Open {
        /// A present-tense verb phrase.
        doing: &'static str,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The control listener may not be reached from elsewhere yet.
    #[error("refuse to open the API on {address}: {why}")]
    ControlExposed {
        /// Which address.
        address: std::net::SocketAddr,
        /// What is missing.
        why: &'static str,
    },
    /// `up` could not deploy the folder; the deploy has said why.
    #[error("the folder was not deployed, so the server stops")]
    Deploy(ExitCode),
    /// The folder to deploy is not there.
    #[error("deploy `{}`: there is no such folder", folder.display())]
    NoFolder {
        /// As it was named.
        folder: std::path::PathBuf,
    },
    /// A back-up was not restored; nothing of it is left.
    #[error(transparent)]
    Restore(crate::restore::RestoreError),
    /// A signal ended it before its work was done.
    #[error("stopped by a signal while {doing}")]
    Signalled {
        /// Which.
        signal: StopSignal,
        /// What was going on, as an -ing phrase.
        doing: &'static str,
    },
}

impl ServerError {
    fn code(&self) -> ExitCode {
        if let Self::Deploy(code) = self {
            return *code;
        }
        ExitCode::from(match self {
            Self::NoFolder { .. } => NOT_FOUND,
            Self::Restore(RestoreError::NotEmpty { .. }) => CONFLICT,
            Self::Signalled { signal, .. } => signal.exit_code(),
            Self::Config(_) | Self::ControlExposed { .. } => USAGE,
            Self::Usage(_) => USAGE,
            Self::DataFolder(error) if error.is_in_use() => CONFLICT,
            Self::TakeOver(_) => CONFLICT,
            Self::Listen { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
                CONFLICT
            }
            _ => FAILURE,
        })
    }

    /// Whether the edge can go on without what failed: the control plane could not be opened. A refusal
    /// to expose it is a wrong setting instead.
    pub(crate) fn keeps_the_edge(&self) -> bool {
        matches!(self, Self::Open { .. })
    }

    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Config(crate::config::ConfigError::UnknownLimit { .. }) => Some(
                "names are those of docs/reference/limits.md, for example \"control.files_max\" = 50000; those that begin with `edge.` and `control.` can be set, and those of `site.` that count rules".to_owned(),
            ),
            Self::NoFolder { .. } => Some(
                "name a folder that exists; if a build makes it, run the build first".to_owned(),
            ),
            Self::DataFolder(error) => Some(error.hint()),
            Self::Restore(RestoreError::NotEmpty { .. }) => {
                Some("name an empty folder or one that is not there yet with --data".to_owned())
            }
            Self::Restore(_) => Some(
                "nothing was restored and the folder is as it was; take another back-up".to_owned(),
            ),
            Self::TakeOver(error) => Some(error.hint()),
            Self::Listen { flag, source, .. } => Some(match source.kind() {
                std::io::ErrorKind::AddrInUse => {
                    format!("stop what listens there, or choose another address with {flag} (port 0 takes any free one)")
                }
                std::io::ErrorKind::PermissionDenied => {
                    format!("ports below 1024 need the right to bind them; choose a higher one with {flag}")
                }
                _ => format!("choose another address with {flag}"),
            }),
            Self::ControlExposed { .. } => Some(
                "claim the server on loopback first, then put a TLS proxy in front and name it with --control-url https://...".to_owned(),
            ),
            Self::Open { .. } => Some("`holm doctor` checks the data folder and says what is wrong with it".to_owned()),
            _ => None,
        }
    }
}

/// A part that cannot be opened.
pub(crate) fn open(doing: &'static str, source: impl Error + Send + Sync + 'static) -> ServerError {
    ServerError::Open {
        doing,
        source: Box::new(source),
    }
}

/// The exit code of a result; an error is printed with its chain and hint.
pub(crate) fn of(result: Result<(), ServerError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(ServerError::Usage(error)) => usage(&error),
        Err(error) => {
            console::error(&error, error.hint().as_deref());
            error.code()
        }
    }
}

/// Prints what clap says; help and version are no failures.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    if error.print().is_err() {
        return ExitCode::from(FAILURE);
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE))
}
