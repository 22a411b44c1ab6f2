//! Secrets at rest: the server's key in a file of its own, and sealing with it.
//!
//! XChaCha20-Poly1305: its 24-byte nonces may be random for as many values as anyone will ever set.
//! What a value belongs to is bound to it as associated data, so a ciphertext that is moved to another
//! project or another name in the database does not open there.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use holm_types::{Entropy, ProjectId};

/// The key's file, beside the database.
pub const SECRET_KEY_FILE: &str = "secrets.key";

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// How a sealed value begins, so that another way of sealing can follow one day.
const FORMAT: u8 = 1;

/// What a key proves itself with, and what that belongs to.
const KEY_CHECK: (&[u8], &[u8]) = (b"this is the key", b"secret_key_check");

/// Why there is no key to seal secrets with. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum SecretKeyError {
    /// It cannot be read or made.
    #[error("open the key file {}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others than its owner may read or write it, or it is no plain file.
    #[error(
        "the key file {} has mode {mode:03o}: others may read the key. Make a plain file of it with mode 600, and set every secret anew if somebody may have read it",
        path.display()
    )]
    Exposed {
        /// Which.
        path: PathBuf,
        /// Its rights.
        mode: u32,
    },
    /// It does not have the length of a key.
    #[error("the key file {} has {found} bytes, a key has {KEY_BYTES}: restore it from a back-up", path.display())]
    Length {
        /// Which.
        path: PathBuf,
        /// How many bytes it has.
        found: u64,
    },
    /// Secrets are there, but the key they are sealed with is not.
    #[error("the key file {} is gone, but secrets are sealed with it: restore it from a back-up", path.display())]
    Lost {
        /// Which.
        path: PathBuf,
    },
    /// The file is another server's, or the database is.
    #[error("the key file {} is not the one that this database's secrets are sealed with: restore the right one", path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
    },
}

/// The sealed value is damaged, was sealed with another key, or belongs somewhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("open a sealed value")]
pub(crate) struct UnsealError;

/// The server's key, ready for use. It is never printed.
#[derive(Clone)]
pub(crate) struct SecretKey(XChaCha20Poly1305);

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

impl SecretKey {
    /// Reads the key. `None` when there is no file.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, SecretKeyError> {
        let io = |source| SecretKeyError::Io {
            path: path.to_owned(),
            source,
        };
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        let metadata = file.metadata().map_err(io)?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 || !metadata.is_file() {
            return Err(SecretKeyError::Exposed {
                path: path.to_owned(),
                mode,
            });
        }
        if metadata.size() != KEY_BYTES as u64 {
            return Err(SecretKeyError::Length {
                path: path.to_owned(),
                found: metadata.size(),
            });
        }
        let mut bytes = [0; KEY_BYTES];
        file.read_exact(&mut bytes).map_err(io)?;
        Ok(Some(Self::from_bytes(bytes)))
    }

    /// Makes a key and its file, durably and readable by its owner only. A half-written file is never
    /// seen under the key's name.
    pub(crate) fn make(path: &Path, entropy: &dyn Entropy) -> Result<Self, SecretKeyError> {
        let mut bytes = [0; KEY_BYTES];
        entropy.fill(&mut bytes);
        write_new(path, &bytes).map_err(|source| SecretKeyError::Io {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self::from_bytes(bytes))
    }

    fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(XChaCha20Poly1305::new(&Key::from(bytes)))
    }

    /// What a database remembers, to know this key again.
    pub(crate) fn sealed_check(&self, entropy: &dyn Entropy) -> Vec<u8> {
        let (text, owner) = KEY_CHECK;
        self.seal(text, owner, entropy)
    }

    /// Whether this is the key that made the check.
    pub(crate) fn is_of(&self, sealed_check: &[u8]) -> bool {
        let (text, owner) = KEY_CHECK;
        self.open(sealed_check, owner)
            .is_ok_and(|opened| opened == text)
    }

    /// Seals a value: the format, the nonce, then ciphertext and tag.
    pub(crate) fn seal(&self, value: &[u8], belongs_to: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        entropy.fill(&mut nonce);
        let payload = Payload {
            msg: value,
            aad: belongs_to,
        };
        let ciphertext = self
            .0
            .encrypt(&XNonce::from(nonce), payload)
            .expect("a value is far shorter than the 256 GiB that the cipher takes");
        let mut sealed = Vec::with_capacity(1 + NONCE_BYTES + ciphertext.len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        sealed
    }

    /// Opens what [`SecretKey::seal`] made for the same owner of the value.
    pub(crate) fn open(&self, sealed: &[u8], belongs_to: &[u8]) -> Result<Vec<u8>, UnsealError> {
        let rest = sealed.strip_prefix(&[FORMAT]).ok_or(UnsealError)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(UnsealError)?;
        let payload = Payload {
            msg: ciphertext,
            aad: belongs_to,
        };
        self.0
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| UnsealError)
    }
}

/// What a variable's value is bound to: its project and its name.
pub(crate) fn variable_owner(project_id: ProjectId, name: &str) -> Vec<u8> {
    let mut owner = b"variable".to_vec();
    // The id has a fixed length, so that no two owners read the same.
    owner.extend_from_slice(project_id.as_bytes());
    owner.extend_from_slice(name.as_bytes());
    owner
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let temporary = path.with_extension("new");
    // Left over from a start that was cut short; its key was never used.
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[derive(Debug)]
    struct Counting(std::sync::atomic::AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            let byte = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            buffer.fill(byte);
        }
    }

    fn entropy() -> Counting {
        Counting(std::sync::atomic::AtomicU8::new(1))
    }

    #[test]
    fn a_value_opens_only_with_its_key_at_its_place_and_whole() {
        let random = entropy();
        let key = SecretKey::from_bytes([7; KEY_BYTES]);
        let project = ProjectId::from_bytes([1; 16]);
        let owner = variable_owner(project, "KEY");
        let sealed = key.seal(b"hunter2", &owner, &random);
        assert_eq!(key.open(&sealed, &owner), Ok(b"hunter2".to_vec()));
        assert!(!sealed.windows(7).any(|window| window == b"hunter2"));
        assert_ne!(key.seal(b"hunter2", &owner, &random), sealed);
        for other in [
            variable_owner(project, "KEY2"),
            variable_owner(ProjectId::from_bytes([2; 16]), "KEY"),
        ] {
            assert_eq!(key.open(&sealed, &other), Err(UnsealError));
        }
        let stranger = SecretKey::from_bytes([8; KEY_BYTES]);
        assert_eq!(stranger.open(&sealed, &owner), Err(UnsealError));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open(&changed, &owner), Err(UnsealError), "byte {at}");
            assert_eq!(
                key.open(&sealed[..at], &owner),
                Err(UnsealError),
                "cut at {at}"
            );
        }
    }

    #[test]
    fn the_file_is_made_for_its_owner_alone_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(SECRET_KEY_FILE);
        assert!(SecretKey::read(&path).unwrap().is_none());
        std::fs::write(path.with_extension("new"), "left over").unwrap();
        let made = SecretKey::make(&path, &entropy()).unwrap();
        let metadata = std::fs::metadata(&path).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        assert_eq!(metadata.len(), 32);
        let sealed = made.seal(b"x", b"y", &entropy());
        let read = SecretKey::read(&path).unwrap().unwrap();
        assert_eq!(read.open(&sealed, b"y"), Ok(b"x".to_vec()));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_others_may_read_or_of_another_length_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(SECRET_KEY_FILE);
        SecretKey::make(&path, &entropy()).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o601] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let error = SecretKey::read(&path).unwrap_err();
            assert!(matches!(error, SecretKeyError::Exposed { mode: found, .. } if found == mode));
        }
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o400)).unwrap();
        assert!(SecretKey::read(&path).unwrap().is_some());
        for length in [0, 31, 33] {
            std::fs::remove_file(&path).unwrap();
            write_new(&path, &vec![1; length]).unwrap();
            let error = SecretKey::read(&path).unwrap_err();
            assert!(
                matches!(error, SecretKeyError::Length { found, .. } if found == length as u64)
            );
        }
    }
}
