//! One snapshot as a file: `snapshot-<version>.bin`, a header with a checksum, then the bytes unread.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use bytes::{Buf, Bytes};
use holm_types::{BlobDigest, BlobHasher};

use super::{PublishedSnapshot, SnapshotStoreError, failed};

const MAGIC: [u8; 8] = *b"HOLMSNAP";
const FORMAT: u64 = 1;
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

/// The version in a file's name. `None` when it is another file.
pub(super) fn version_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix("snapshot-")?
        .strip_suffix(".bin")?
        .parse()
        .ok()
}

/// Writes the file so that a crash leaves it whole or absent.
pub(super) fn write(folder: &Path, snapshot: &PublishedSnapshot) -> Result<(), SnapshotStoreError> {
    let path = folder.join(format!("snapshot-{:020}.bin", snapshot.version));
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
    let write = || {
        file.write_all(&header(snapshot))?;
        file.write_all(&snapshot.bytes)?;
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

fn header(snapshot: &PublishedSnapshot) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    let (checked, checksum) = header.split_at_mut(CHECKED_LEN);
    let numbers = [
        u64::from_le_bytes(MAGIC),
        FORMAT,
        snapshot.version,
        snapshot.bytes.len() as u64,
    ];
    for (place, number) in checked.chunks_exact_mut(8).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    checksum.copy_from_slice(checksum_of(checked, &snapshot.bytes).as_bytes());
    header
}

fn checksum_of(checked: &[u8], bytes: &[u8]) -> BlobDigest {
    let mut hasher = BlobHasher::new();
    hasher.update(checked);
    hasher.update(bytes);
    hasher.finish()
}

/// The bytes of a snapshot whose file name says `version`.
pub(super) fn decode(version: u64, mut file: Bytes) -> Result<Bytes, Fault> {
    if file.len() < HEADER_LEN {
        return Err(Fault::Torn("it is too short"));
    }
    let mut header = file.split_to(HEADER_LEN);
    let checksum = header.split_off(CHECKED_LEN);
    if checksum_of(&header, &file).as_bytes().as_slice() != checksum.as_ref() {
        return Err(Fault::Torn("its checksum is wrong"));
    }
    let numbers: [u64; 4] = std::array::from_fn(|_| header.get_u64_le());
    match numbers {
        [magic, FORMAT, found, len] => {
            let is_right =
                magic == u64::from_le_bytes(MAGIC) && found == version && len == file.len() as u64;
            if is_right {
                Ok(file)
            } else {
                Err(Fault::Torn("its header does not fit its name"))
            }
        }
        [magic, ..] if magic == u64::from_le_bytes(MAGIC) => Err(Fault::Newer),
        _ => Err(Fault::Torn("it is no snapshot")),
    }
}
