//! The digests of a folder's files as of last time, so that unchanged files are not read again.
//!
//! A digest is trusted only when path, size, device, inode and both times are the same, and only when
//! the file had been at rest for two seconds when its folder was scanned: a file that is changed twice
//! within one tick of the file system's clock has one stamp for two contents (Git calls such entries
//! racily clean). The cache can be deleted at any time.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use holm_types::BlobDigest;
use serde::{Deserialize, Serialize};

use super::digest::DigestedFile;
use super::scan::{FoundFile, Stamp};
use crate::limits::CliLimits;
use crate::small_file::{Readers, make_folder, read_small, replace};

/// How long a file must have been at rest.
const REST_NS: i128 = 2_000_000_000;

/// The first bytes of a cache file; the last is the format.
const MAGIC: &[u8; 8] = b"holmdig\x01";

/// The bytes of the checksum that a cache file ends with.
const CHECKSUM_BYTES: usize = 32;

/// One file's digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    stamp: Stamp,
    digest: [u8; 32],
}

/// A folder's digests.
#[derive(Debug, Default)]
pub(crate) struct DigestCache {
    file: Option<PathBuf>,
    known: HashMap<String, Known>,
    /// The file system's time when the scan began. `None`: unknown, so nothing is kept.
    scanned_at_ns: Option<i128>,
}

impl DigestCache {
    /// The cache of this folder; empty when there is none or when it cannot be used. Call it before
    /// the folder is scanned.
    pub(crate) fn load(cache_folder: Option<&Path>, root: &Path) -> Self {
        let Some(folder) = cache_folder.map(|folder| folder.join("digests")) else {
            return Self::default();
        };
        let digest = BlobDigest::of(root.as_os_str().as_encoded_bytes()).to_string();
        let file = folder.join(digest).with_extension("bin");
        let bytes = read_small(&file, CliLimits::default().digest_cache_bytes_max);
        let known = bytes
            .ok()
            .flatten()
            .and_then(|bytes| decode(&bytes))
            .unwrap_or_default();
        Self {
            file: Some(file),
            known,
            scanned_at_ns: file_system_time(&folder).ok(),
        }
    }

    /// Trusts nothing from last time.
    pub(crate) fn forget(&mut self) {
        self.known.clear();
    }

    /// The digest of a file that has not changed since last time.
    pub(crate) fn get(&self, file: &FoundFile) -> Option<BlobDigest> {
        let known = self.known.get(&file.path)?;
        (known.stamp == file.stamp).then(|| BlobDigest::from_bytes(known.digest))
    }

    /// Keeps the digests of these files for next time, and only these. A cache that cannot be written
    /// costs time, not correctness, so the error is for whoever wants to know.
    pub(crate) fn save(&self, files: &[DigestedFile]) -> io::Result<()> {
        let (Some(path), Some(now)) = (&self.file, self.scanned_at_ns) else {
            return Ok(());
        };
        let is_at_rest = |file: &&DigestedFile| {
            let stamp = file.found.stamp;
            stamp.modified_ns.max(stamp.changed_ns) < now - REST_NS
        };
        let kept: Vec<(&str, Known)> = files
            .iter()
            .filter(is_at_rest)
            .map(|file| {
                let known = Known {
                    stamp: file.found.stamp,
                    digest: *file.digest.as_bytes(),
                };
                (file.found.path.as_str(), known)
            })
            .collect();
        let is_same = kept.len() == self.known.len()
            && kept
                .iter()
                .all(|(path, known)| self.known.get(*path) == Some(known));
        if is_same {
            Ok(())
        } else {
            replace(path, &encode(&kept), Readers::Owner)
        }
    }
}

/// The time now by the clock that stamps files: that of a file just written.
fn file_system_time(folder: &Path) -> io::Result<i128> {
    make_folder(folder, Readers::Owner)?;
    let probe = folder.join(format!(".now.{}", std::process::id()));
    fs::write(&probe, b"now")?;
    let metadata = fs::metadata(&probe);
    fs::remove_file(&probe)?;
    Ok(Stamp::of(&metadata?).modified_ns)
}

fn encode(known: &[(&str, Known)]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    // Writing our own records to memory cannot fail; an empty body reads as an empty cache.
    bytes.extend(postcard::to_stdvec(known).unwrap_or_default());
    let checksum = BlobDigest::of(&bytes);
    bytes.extend_from_slice(checksum.as_bytes());
    bytes
}

/// `None` when the bytes are of another format or damaged.
fn decode(bytes: &[u8]) -> Option<HashMap<String, Known>> {
    let (content, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM_BYTES)?)?;
    if BlobDigest::of(content).as_bytes() != checksum {
        return None;
    }
    let records: Vec<(String, Known)> = postcard::from_bytes(content.strip_prefix(MAGIC)?).ok()?;
    Some(records.into_iter().collect())
}

#[cfg(test)]
mod tests;
