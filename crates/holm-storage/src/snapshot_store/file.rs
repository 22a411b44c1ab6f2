//! One snapshot or change as a file: `snapshot-<version>.bin` or `change-<version>.bin`, a header with a
//! checksum, then the bytes unread.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use bytes::{Buf, Bytes};
use holm_types::{BlobDigest, BlobHasher};

use super::{SnapshotStoreError, failed};

const MAGIC: [u8; 8] = *b"HOLMSNAP";
/// A change has the version that it applies to in front of its bytes.
const CHANGE_MAGIC: [u8; 8] = *b"HOLMCHNG";
/// Format 1 had no changes behind it. A program that knows only that one would take a whole version for all
/// there is, so it must not be able to read one that may have changes behind it.
const WHOLE_FORMAT: u64 = 2;
const CHANGE_FORMAT: u64 = 1;
/// Magic, format, snapshot version, length: 8 bytes each, then the checksum.
const CHECKED_LEN: usize = 32;
const HEADER_LEN: usize = CHECKED_LEN + 32;

/// Why a file is not a snapshot that can be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The file is not whole.
    Torn(&'static str),
    /// A whole file of a later program.
    Newer,
}

/// What a file holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// The version that a change applies to. `None` for a whole snapshot.
    since: Option<u64>,
    version: u64,
}

impl Part {
    pub(super) const fn whole(version: u64) -> Self {
        Self {
            since: None,
            version,
        }
    }

    pub(super) const fn change(since: u64, version: u64) -> Self {
        Self {
            since: Some(since),
            version,
        }
    }

    const fn format(self) -> u64 {
        match self.since {
            None => WHOLE_FORMAT,
            Some(_) => CHANGE_FORMAT,
        }
    }

    fn path(self, folder: &Path) -> PathBuf {
        let kind = if self.since.is_some() {
            "change"
        } else {
            "snapshot"
        };
        folder.join(format!("{kind}-{:020}.bin", self.version))
    }
}

/// The version in the name of a whole snapshot's file. `None` when it is another file.
pub(super) fn version_of(path: &Path) -> Option<u64> {
    numbered(path, "snapshot-")
}

/// The version in the name of a change's file. `None` when it is another file.
pub(super) fn changed_version_of(path: &Path) -> Option<u64> {
    numbered(path, "change-")
}

fn numbered(path: &Path, kind: &str) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix(kind)?.strip_suffix(".bin")?.parse().ok()
}

/// Writes the file so that a crash leaves it whole or absent.
pub(super) fn write(folder: &Path, part: Part, bytes: &[u8]) -> Result<(), SnapshotStoreError> {
    let path = part.path(folder);
    let temporary = path.with_extension("tmp");
    // A snapshot may hold keys: it is for the server's own user alone. One that a crash left behind may have
    // been made with other permissions.
    drop(fs::remove_file(&temporary));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(failed("create", &temporary))?;
    let since = part.since.map(u64::to_le_bytes);
    let since = since.as_ref().map_or(&[][..], |since| since.as_slice());
    let write = || {
        file.write_all(&header(part, [since, bytes]))?;
        file.write_all(since)?;
        file.write_all(bytes)?;
        file.sync_data()
    };
    let written = { write }();
    if let Err(error) = written {
        // What a full disk has taken of it would only be in the way.
        drop(fs::remove_file(&temporary));
        return Err(failed("write", &temporary)(error));
    }
    fs::rename(&temporary, &path).map_err(failed("rename to", &path))?;
    let sync_folder = || File::open(folder)?.sync_all();
    sync_folder().map_err(failed("sync", folder))
}

fn header(part: Part, pieces: [&[u8]; 2]) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    let (checked, checksum) = header.split_at_mut(CHECKED_LEN);
    let magic = part.since.map_or(MAGIC, |_| CHANGE_MAGIC);
    let len: usize = pieces.iter().map(|piece| piece.len()).sum();
    let numbers = [
        u64::from_le_bytes(magic),
        part.format(),
        part.version,
        len as u64,
    ];
    for (place, number) in checked.chunks_exact_mut(8).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    checksum.copy_from_slice(checksum_of(checked, pieces).as_bytes());
    header
}

fn checksum_of(checked: &[u8], pieces: [&[u8]; 2]) -> BlobDigest {
    let mut hasher = BlobHasher::new();
    hasher.update(checked);
    for piece in pieces {
        hasher.update(piece);
    }
    hasher.finish()
}

/// What a whole file holds.
#[derive(Debug)]
pub(super) struct Found {
    /// The version that a change applies to; for a whole snapshot its own.
    pub(super) since: u64,
    /// What was published.
    pub(super) bytes: Bytes,
    /// Whether a program that knows no changes refuses to read it.
    pub(super) tells_of_changes: bool,
}

/// What a file holds whose name says `version`.
pub(super) fn decode(version: u64, mut file: Bytes) -> Result<Found, Fault> {
    if file.len() < HEADER_LEN {
        return Err(Fault::Torn("it is too short"));
    }
    let mut header = file.split_to(HEADER_LEN);
    let checksum = header.split_off(CHECKED_LEN);
    if checksum_of(&header, [&file, &[]]).as_bytes().as_slice() != checksum.as_ref() {
        return Err(Fault::Torn("its checksum is wrong"));
    }
    let numbers: [u64; 4] = std::array::from_fn(|_| header.get_u64_le());
    let [magic, format, found, len] = numbers;
    let is_change = magic == u64::from_le_bytes(CHANGE_MAGIC);
    if !is_change && magic != u64::from_le_bytes(MAGIC) {
        return Err(Fault::Torn("it is no snapshot"));
    }
    let newest = if is_change {
        CHANGE_FORMAT
    } else {
        WHOLE_FORMAT
    };
    if format > newest {
        return Err(Fault::Newer);
    }
    if found != version || len != file.len() as u64 || (is_change && file.len() < 8) {
        return Err(Fault::Torn("its header does not fit its name"));
    }
    let since = if is_change {
        file.get_u64_le()
    } else {
        version
    };
    Ok(Found {
        since,
        bytes: file,
        tells_of_changes: format >= WHOLE_FORMAT,
    })
}
