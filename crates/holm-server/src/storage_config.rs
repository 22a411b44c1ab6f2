//! Where blobs are kept: `[storage]` of `holm.toml`, and the key of an object store, which stands in a file of
//! its own or in the environment and is shown by nothing.

use std::fmt;
use std::path::{Path, PathBuf};

use holm_storage::{S3Credentials, S3Settings};
use serde::Deserialize;

use crate::config::ConfigError;

/// `[storage]`. Unknown keys are errors.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StorageFile {
    #[serde(default)]
    kind: StorageKind,
    bucket: Option<String>,
    region: Option<String>,
    endpoint: Option<String>,
    prefix: Option<String>,
    credentials_file: Option<PathBuf>,
    cache_bytes_max: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StorageKind {
    #[default]
    Local,
    S3,
}

/// Where blobs are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StorageConfig {
    /// In the data folder.
    #[default]
    Local,
    /// In a bucket.
    S3 {
        /// Which, and the key.
        settings: S3Settings,
        /// What all names begin with.
        prefix: String,
        /// Bytes of the read cache in the data folder. `None`: the default of
        /// `storage.remote_cache_bytes_max`.
        cache_bytes_max: Option<u64>,
    },
}

impl fmt::Display for StorageConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::S3 {
                settings, prefix, ..
            } => {
                let place = settings.endpoint.as_deref().unwrap_or("AWS");
                write!(f, "s3 {}/{prefix} at {place}", settings.bucket)
            }
        }
    }
}

/// The keys of a credentials file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CredentialsFile {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

impl StorageFile {
    /// Reads the key and checks that what belongs together is there. `path` is the file that said it.
    pub(crate) fn read(
        self,
        path: &Path,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<StorageConfig, ConfigError> {
        let wrong = |message: &str| ConfigError::Parse {
            path: path.to_owned(),
            message: format!("[storage]: {message}"),
        };
        if self.kind == StorageKind::Local {
            let has_more =
                self.bucket.is_some() || self.endpoint.is_some() || self.credentials_file.is_some();
            return if has_more {
                Err(wrong(
                    "`bucket`, `endpoint` and `credentials_file` want `kind = \"s3\"`",
                ))
            } else {
                Ok(StorageConfig::Local)
            };
        }
        let bucket = self.bucket.filter(|bucket| !bucket.is_empty());
        let credentials = match &self.credentials_file {
            Some(file) => read_credentials(file)?,
            None => credentials_of(variable).ok_or_else(|| {
                wrong(
                    "there is no key: name a `credentials_file`, or set HOLM_S3_ACCESS_KEY_ID and \
                     HOLM_S3_SECRET_ACCESS_KEY",
                )
            })?,
        };
        let endpoint = self.endpoint;
        if let Some(endpoint) = &endpoint
            && !endpoint.starts_with("http://")
            && !endpoint.starts_with("https://")
        {
            return Err(wrong("`endpoint` begins with https:// or http://"));
        }
        Ok(StorageConfig::S3 {
            settings: S3Settings {
                bucket: bucket.ok_or_else(|| wrong("`kind = \"s3\"` wants a `bucket`"))?,
                region: self.region.unwrap_or_else(|| "us-east-1".to_owned()),
                endpoint,
                credentials,
            },
            prefix: self.prefix.unwrap_or_else(|| "holm".to_owned()),
            cache_bytes_max: self.cache_bytes_max,
        })
    }
}

fn read_credentials(file: &Path) -> Result<S3Credentials, ConfigError> {
    let text = std::fs::read_to_string(file).map_err(|source| ConfigError::Read {
        path: file.to_owned(),
        source,
    })?;
    // toml's own message repeats the line, which may be the secret.
    let read: CredentialsFile = toml::from_str(&text).map_err(|_| ConfigError::Parse {
        path: file.to_owned(),
        message: "it has `access_key_id`, `secret_access_key` and, for a key that was lent, \
                  `session_token`, each as `name = \"value\"`, and nothing else"
            .to_owned(),
    })?;
    Ok(S3Credentials {
        access_key_id: read.access_key_id,
        secret_access_key: read.secret_access_key,
        session_token: read.session_token,
    })
}

/// Our own variables, else those that every S3 program reads.
fn credentials_of(variable: impl Fn(&str) -> Option<String>) -> Option<S3Credentials> {
    ["HOLM_S3", "AWS"].into_iter().find_map(|prefix| {
        Some(S3Credentials {
            access_key_id: variable(&format!("{prefix}_ACCESS_KEY_ID"))?,
            secret_access_key: variable(&format!("{prefix}_SECRET_ACCESS_KEY"))?,
            session_token: variable(&format!("{prefix}_SESSION_TOKEN")),
        })
    })
}

/// A variable of the environment that is set and not empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<StorageConfig, String> {
        let file: StorageFile = toml::from_str(text).map_err(|error| error.to_string())?;
        let known = |name: &str| name.starts_with("AWS_").then(|| format!("{name} hush"));
        let read = file.read(Path::new("holm.toml"), known);
        read.map_err(|error| error.to_string())
    }

    #[test]
    fn a_bucket_with_a_key_of_the_environment() {
        let config = read("kind = \"s3\"\nbucket = \"b\"\nendpoint = \"http://[::1]:9\"").unwrap();
        assert_eq!(config.to_string(), "s3 b/holm at http://[::1]:9");
        assert!(!format!("{config:?}").contains("hush"));
        let StorageConfig::S3 { settings, .. } = config else {
            panic!("it is s3");
        };
        assert_eq!(
            settings.credentials.secret_access_key,
            "AWS_SECRET_ACCESS_KEY hush"
        );
    }

    #[test]
    fn what_is_wrong_is_told_without_the_secret() {
        for (text, want) in [
            ("kind = \"s3\"", "wants a `bucket`"),
            ("bucket = \"b\"", "want `kind"),
            ("kind = \"s4\"", "unknown variant `s4`"),
            ("kind = \"s3\"\nbukcet = \"b\"", "unknown field `bukcet`"),
            (
                "kind = \"s3\"\nbucket = \"b\"\nendpoint = \"b.example\"",
                "begins with https",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(want), "{text}: {error}");
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "secret_access_key = hush").unwrap();
        let text = format!("kind = \"s3\"\nbucket = \"b\"\ncredentials_file = {file:?}");
        let error = read(&text).unwrap_err();
        assert!(
            error.contains("access_key_id") && !error.contains("hush"),
            "{error}"
        );
        std::fs::write(&file, "access_key_id = \"a\"\nsecret_access_key = \"s\"\n").unwrap();
        assert!(matches!(read(&text), Ok(StorageConfig::S3 { .. })));
    }
}
