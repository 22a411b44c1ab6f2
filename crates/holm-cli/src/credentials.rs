//! Tokens that `holm login` keeps, per address, in the user's own folder, readable by the user alone.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::api_url::ApiUrl;
use crate::error::CliError;
use crate::exit::Exit;
use crate::limits::CliLimits;
use crate::small_file::{Readers, read_small, replace};

/// A token's secret. Its debug form does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Token(String);

/// The text is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token is `holm_` and letters and digits; this text is something else")]
pub(crate) struct TokenError;

impl Token {
    /// The secret itself, for the `Authorization` header.
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        let body = text.strip_prefix("holm_").ok_or(TokenError)?;
        let is_word = body
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if body.is_empty() || !is_word {
            return Err(TokenError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// The file's content.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    /// The format; 1 now.
    version: u32,
    /// The address of the last login: the default for later commands.
    default_api: Option<String>,
    /// Token by address.
    #[serde(default)]
    servers: BTreeMap<String, Server>,
}

impl Default for Stored {
    fn default() -> Self {
        Self {
            version: 1,
            default_api: None,
            servers: BTreeMap::new(),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Server {
    token: Token,
}

/// Why the credentials could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialsError {
    /// There is no folder to keep them in.
    #[error("neither XDG_CONFIG_HOME nor HOME names a folder")]
    NoFolder,
    /// Read.
    #[error("read `{}`", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Not what this program wrote.
    #[error("understand `{}`", path.display())]
    Damaged {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    /// Write.
    #[error("write `{}`", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl From<CredentialsError> for CliError {
    fn from(error: CredentialsError) -> Self {
        let next = match &error {
            CredentialsError::NoFolder => "Set HOME, or give the token with HOLM_TOKEN.".to_owned(),
            CredentialsError::Damaged { path, .. } => {
                format!("Delete `{}` and run `holm login` again.", path.display())
            }
            CredentialsError::Read { path, .. } | CredentialsError::Write { path, .. } => {
                format!("Check the permissions of `{}`.", path.display())
            }
        };
        CliError::because(Exit::Failure, "use the stored logins", &error).next(next)
    }
}

/// The stored logins.
#[derive(Debug)]
pub(crate) struct Credentials {
    path: Option<PathBuf>,
    stored: Stored,
    /// Whether others may read the file.
    is_open: bool,
}

impl Credentials {
    /// Reads those in the user's configuration folder; none when there is no file.
    pub(crate) fn load(config_folder: Option<&Path>) -> Result<Self, CredentialsError> {
        let Some(path) = config_folder.map(|folder| folder.join("credentials.json")) else {
            return Ok(Self {
                path: None,
                stored: Stored::default(),
                is_open: false,
            });
        };
        let read_error = |source| CredentialsError::Read {
            path: path.clone(),
            source,
        };
        let bytes =
            read_small(&path, CliLimits::default().settings_bytes_max).map_err(read_error)?;
        let Some(bytes) = bytes else {
            return Ok(Self {
                path: Some(path),
                stored: Stored::default(),
                is_open: false,
            });
        };
        let mode = path.metadata().map_err(read_error)?.permissions().mode();
        match serde_json::from_slice(&bytes) {
            Ok(stored) => Ok(Self {
                path: Some(path),
                stored,
                is_open: mode & 0o077 != 0,
            }),
            Err(source) => Err(CredentialsError::Damaged { path, source }),
        }
    }

    /// The token for this address.
    pub(crate) fn token(&self, api: &ApiUrl) -> Option<&Token> {
        self.stored
            .servers
            .get(api.as_str())
            .map(|server| &server.token)
    }

    /// The address of the last login.
    pub(crate) fn default_api(&self) -> Option<&str> {
        self.stored.default_api.as_deref()
    }

    /// The file, when it can be read by others than its owner.
    pub(crate) fn open_file(&self) -> Option<&Path> {
        self.path.as_deref().filter(|_| self.is_open)
    }

    /// Whether a token could be kept: writes what is there once more.
    pub(crate) fn check_writable(&self) -> Result<(), CredentialsError> {
        self.write().map(drop)
    }

    /// Keeps a token for an address and makes the address the default. Answers the file's path.
    pub(crate) fn store(
        &mut self,
        api: &ApiUrl,
        token: Token,
    ) -> Result<PathBuf, CredentialsError> {
        self.stored.default_api = Some(api.to_string());
        self.stored
            .servers
            .insert(api.to_string(), Server { token });
        self.write()
    }

    /// Forgets the token for an address.
    pub(crate) fn forget(&mut self, api: &ApiUrl) -> Result<(), CredentialsError> {
        self.stored.servers.remove(api.as_str());
        if self.stored.default_api.as_deref() == Some(api.as_str()) {
            self.stored.default_api = None;
        }
        self.write().map(drop)
    }

    fn write(&self) -> Result<PathBuf, CredentialsError> {
        let path = self.path.clone().ok_or(CredentialsError::NoFolder)?;
        let text = serde_json::to_vec_pretty(&self.stored).unwrap_or_default();
        match replace(&path, &text, Readers::Owner) {
            Ok(()) => Ok(path),
            Err(source) => Err(CredentialsError::Write { path, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_kept_per_address_and_privately() {
        let folder = tempfile::tempdir().unwrap();
        let first: ApiUrl = "http://127.0.0.1:8089".parse().unwrap();
        let second: ApiUrl = "https://holm.example".parse().unwrap();
        let mut credentials = Credentials::load(Some(folder.path())).unwrap();
        assert_eq!(credentials.token(&first), None);
        let path = credentials
            .store(&first, "holm_one".parse().unwrap())
            .unwrap();
        credentials
            .store(&second, "holm_two".parse().unwrap())
            .unwrap();

        let again = Credentials::load(Some(folder.path())).unwrap();
        assert_eq!(again.token(&first).map(Token::secret), Some("holm_one"));
        assert_eq!(again.token(&second).map(Token::secret), Some("holm_two"));
        assert_eq!(again.default_api(), Some("https://holm.example"));
        assert_eq!(again.open_file(), None);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);

        let mut again = again;
        again.forget(&second).unwrap();
        let again = Credentials::load(Some(folder.path())).unwrap();
        assert_eq!((again.token(&second), again.default_api()), (None, None));
        assert!(again.token(&first).is_some());

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(
            Credentials::load(Some(folder.path()))
                .unwrap()
                .open_file()
                .is_some()
        );
    }

    #[test]
    fn a_damaged_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("credentials.json"), "{").unwrap();
        let error = CliError::from(Credentials::load(Some(folder.path())).unwrap_err());
        assert!(error.why().contains("credentials.json"), "{error}");
        assert!(error.next_step().unwrap().contains("holm login"), "{error}");
    }

    #[test]
    fn a_token_has_its_form_and_is_never_shown() {
        assert!("holm_abcDEF123".parse::<Token>().is_ok());
        for bad in ["", "holm_", "ghp_x", "holm_a b", "holm_a\r\nX: y"] {
            assert_eq!(bad.parse::<Token>(), Err(TokenError), "{bad}");
        }
        let token: Token = "holm_secret".parse().unwrap();
        assert_eq!(format!("{token:?}"), "Token(hidden)");
    }
}
