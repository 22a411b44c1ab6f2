//! The certificate of the TLS listener: the operator's files, or a self-signed one for development that
//! is made at first use. Files that change are taken up without a restart.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use holm_edge::{Certificate, CertificateError};
use holm_telemetry::event::TaskFailed;
use holm_types::Clock;
use rcgen::{CertificateParams, DnType, KeyPair};
use tokio::sync::watch;

use crate::console;
use crate::limits::{CERTIFICATE_BYTES_MAX, CERTIFICATE_LOOK_INTERVAL};

/// How long a development certificate is valid: browsers refuse what is valid for longer than 398 days.
const VALID: time::Duration = time::Duration::days(365);

/// When it is made anew, at a start.
const RENEWED_AFTER: Duration = Duration::from_hours(24 * 335);

/// Where a certificate and its key are, as PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateFileError {
    /// A file cannot be read or written.
    #[error("{doing} {}", path.display())]
    Io {
        /// A present-tense verb phrase.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is far too large to be what it should be.
    #[error("{} has more than {CERTIFICATE_BYTES_MAX} bytes, which no certificate or key has", path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
    /// What is in the files cannot be used.
    #[error("use the certificate {} with its key", path.display())]
    Unusable {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        #[source]
        source: CertificateError,
    },
    /// A certificate for development could not be made.
    #[error("make a certificate for development")]
    Make(#[source] rcgen::Error),
}

/// What the files say now.
#[derive(Clone, PartialEq, Eq)]
struct Contents {
    chain: Vec<u8>,
    key: Vec<u8>,
}

/// Looks after a certificate that is in use.
pub(crate) struct CertificateKeeper {
    files: CertificateFiles,
    certificate: Certificate,
    seen: Contents,
}

impl std::fmt::Debug for CertificateKeeper {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateKeeper")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl CertificateKeeper {
    /// Reads the operator's files; without them, the development certificate in `folder`, made if it is
    /// absent, of other names, or nearly over.
    pub(crate) fn open(
        files: Option<CertificateFiles>,
        folder: &Path,
        base_domain: &str,
        clock: &dyn Clock,
    ) -> Result<Self, CertificateFileError> {
        let files = match files {
            Some(files) => files,
            None => for_development(folder, base_domain, clock)?,
        };
        let seen = read(&files)?;
        let certificate = Certificate::from_pem(&seen.chain, &seen.key)
            .map_err(|source| unusable(&files, source))?;
        Ok(Self {
            files,
            certificate,
            seen,
        })
    }

    /// For the listener.
    pub(crate) fn certificate(&self) -> Certificate {
        self.certificate.clone()
    }

    /// Takes up what changes in the files, until `stop` is true. A certificate that cannot be used is
    /// reported once, and the one before stays in use.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(CERTIFICATE_LOOK_INTERVAL) => {}
            }
            let files = self.files.clone();
            let Ok(read) = tokio::task::spawn_blocking(move || read(&files)).await else {
                continue;
            };
            // Between two renamings the files may be missing or not belong together for a moment.
            if let Ok(contents) = read {
                self.take_up(contents);
            }
        }
    }

    fn take_up(&mut self, contents: Contents) {
        if contents == self.seen {
            return;
        }
        match self.certificate.replace(&contents.chain, &contents.key) {
            Ok(()) => console::say(&format!(
                "the certificate {} has changed and is used from now on",
                self.files.certificate.display()
            )),
            Err(error) => {
                let cause = std::error::Error::source(&error);
                let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
                let file = self.files.certificate.display();
                TaskFailed {
                    task: "certificate_keeper".to_owned(),
                    reason: format!("{file} has changed and cannot be used: {error}{cause}"),
                }
                .emit();
            }
        }
        self.seen = contents;
    }
}

fn unusable(files: &CertificateFiles, source: CertificateError) -> CertificateFileError {
    CertificateFileError::Unusable {
        path: files.certificate.clone(),
        source,
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CertificateFileError {
    let path = path.to_owned();
    move |source| CertificateFileError::Io {
        doing,
        path,
        source,
    }
}

fn read(files: &CertificateFiles) -> Result<Contents, CertificateFileError> {
    Ok(Contents {
        chain: read_one("read the certificate", &files.certificate)?,
        key: read_one("read the private key", &files.key)?,
    })
}

fn read_one(doing: &'static str, path: &Path) -> Result<Vec<u8>, CertificateFileError> {
    use std::io::Read as _;
    let file = std::fs::File::open(path).map_err(failed(doing, path))?;
    let mut bytes = Vec::new();
    file.take(CERTIFICATE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(failed(doing, path))?;
    if bytes.len() as u64 > CERTIFICATE_BYTES_MAX {
        let path = path.to_owned();
        return Err(CertificateFileError::TooLarge { path });
    }
    Ok(bytes)
}

/// The development certificate's files, made when they have to be.
fn for_development(
    folder: &Path,
    base_domain: &str,
    clock: &dyn Clock,
) -> Result<CertificateFiles, CertificateFileError> {
    let files = CertificateFiles {
        certificate: folder.join("development.crt"),
        key: folder.join("development.key"),
    };
    let names = names(base_domain);
    // Text outside the PEM blocks is nobody's, so the names can stand before them and be compared.
    let heading = format!("Self-signed by Holm for {}\n", names.join(", "));
    if is_usable(&files, &heading, clock) {
        return Ok(files);
    }
    let (chain, key) = make(names, clock).map_err(CertificateFileError::Make)?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed("make the folder", folder))?;
    write(&files.key, &[key.as_bytes()])?;
    write(&files.certificate, &[heading.as_bytes(), chain.as_bytes()])?;
    Ok(files)
}

fn names(base_domain: &str) -> Vec<String> {
    let mut names = vec![base_domain.to_owned(), format!("*.{base_domain}")];
    for name in ["localhost", "*.localhost", "127.0.0.1", "::1"] {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

fn is_usable(files: &CertificateFiles, heading: &str, clock: &dyn Clock) -> bool {
    let Ok(contents) = read(files) else {
        return false;
    };
    let age = std::fs::metadata(&files.certificate)
        .and_then(|metadata| metadata.modified())
        .map(|made| now(clock).duration_since(made).unwrap_or_default());
    contents.chain.starts_with(heading.as_bytes())
        && age.is_ok_and(|age| age < RENEWED_AFTER)
        && Certificate::from_pem(&contents.chain, &contents.key).is_ok()
}

fn now(clock: &dyn Clock) -> SystemTime {
    let ms = u64::try_from(clock.now().unix_ms()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
}

/// Chain and key as PEM.
fn make(names: Vec<String>, clock: &dyn Clock) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "Holm development certificate");
    // A clock that is a little behind shall not find it invalid.
    params.not_before = time::OffsetDateTime::from(now(clock)) - time::Duration::DAY;
    params.not_after = params.not_before + VALID;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

/// Under a temporary name first, so that nobody ever reads half a file; readable by the owner only.
fn write(path: &Path, parts: &[&[u8]]) -> Result<(), CertificateFileError> {
    let temporary = path.with_added_extension("new");
    let writing = || {
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        for part in parts {
            file.write_all(part)?;
        }
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    };
    writing().map_err(failed("write", path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::parts::SystemClock;

    fn open(folder: &Path, base_domain: &str) -> CertificateKeeper {
        CertificateKeeper::open(None, folder, base_domain, &SystemClock::new()).unwrap()
    }

    #[test]
    fn one_is_made_at_first_use_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let first = open(folder.path(), "localhost");
        let key = folder.path().join("development.key");
        let mode = std::fs::metadata(&key).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "the key is its owner's");
        let second = open(folder.path(), "localhost");
        assert!(first.seen == second.seen, "it is kept");
        let other = open(folder.path(), "sites.test");
        assert!(first.seen != other.seen, "other names need another one");
        std::fs::write(&key, "no key").unwrap();
        assert!(open(folder.path(), "sites.test").seen != other.seen);
    }

    #[test]
    fn files_that_are_missing_or_wrong_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let files = CertificateFiles {
            certificate: folder.path().join("site.crt"),
            key: folder.path().join("site.key"),
        };
        let refused = || {
            let clock = SystemClock::new();
            CertificateKeeper::open(Some(files.clone()), folder.path(), "x", &clock)
                .unwrap_err()
                .to_string()
        };
        assert!(refused().contains("read the certificate"));
        std::fs::write(&files.certificate, "x").unwrap();
        assert!(refused().contains("read the private key"));
        std::fs::write(&files.key, "x").unwrap();
        assert!(refused().contains("use the certificate"));
        std::fs::write(&files.key, vec![b'x'; 200_000]).unwrap();
        assert!(refused().contains("more than"));
    }

    #[test]
    fn a_change_that_cannot_be_used_leaves_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = open(folder.path(), "localhost");
        let mut broken = keeper.seen.clone();
        broken.key = open(&folder.path().join("other"), "localhost").seen.key;
        assert!(
            keeper
                .certificate
                .replace(&broken.chain, &broken.key)
                .is_err()
        );
        keeper.take_up(broken.clone());
        assert!(keeper.seen == broken, "it is reported once");
        let good = open(&folder.path().join("other"), "localhost").seen;
        keeper.take_up(good.clone());
        assert!(keeper.seen == good);
    }
}
