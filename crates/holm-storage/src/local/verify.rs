//! Reading and hashing everything that is stored.

use std::io;

use holm_types::{BlobDigest, BlobHasher};

use crate::blob::{BlobError, VerifyReport};
use crate::index::Place;

use super::scan::{files_of, take_stock};
use super::{Access, Store};

/// Blobs are read in pieces of this size.
const PIECE_BYTES: u64 = 1024 * 1024;

/// Reads every blob and compares it with its digest; those that differ count as missing from now on.
pub(super) fn verify(store: &Store) -> Result<VerifyReport, BlobError> {
    let mut report = VerifyReport {
        leftover_count: files_of(&store.layout.temporary())?.len() as u64,
        ..VerifyReport::default()
    };
    for (place, digest) in store.index.all() {
        report.blob_count += 1;
        report.blob_bytes += place.size_bytes();
        if !is_whole(store, digest, place)? {
            store.mark_damaged(digest, place);
            report.damaged.push(digest);
        }
    }
    if store.leave_to_write().is_none() && !report.damaged.is_empty() {
        look_again(store, &mut report)?;
    }
    Ok(report)
}

/// Beside a running server a blob may have been moved or collected since the folder was read: what is
/// somewhere else by now, or nowhere, was not found damaged.
fn look_again(store: &Store, report: &mut VerifyReport) -> Result<(), BlobError> {
    let stock = take_stock(&store.layout, Access::ReadOnly)?;
    report.damaged.retain(|digest| {
        let before = store.index.get(digest).map(|found| found.place);
        let now = stock.index.get(digest).map(|found| found.place);
        now.is_some() && now == before
    });
    Ok(())
}

fn is_whole(store: &Store, digest: BlobDigest, place: Place) -> Result<bool, BlobError> {
    match store.open(digest, place) {
        Ok(_) => {}
        Err(error) if is_gone(&error) || is_wrong(&error) => return Ok(false),
        Err(error) => return Err(store.read_error(digest, place, error)),
    }
    let mut hasher = BlobHasher::new();
    let mut start = 0;
    while start < place.size_bytes() {
        let end = place.size_bytes().min(start + PIECE_BYTES);
        match store.read_place(digest, place, start..end) {
            Ok(bytes) => hasher.update(&bytes),
            Err(error) if is_gone(&error) => return Ok(false),
            Err(error) => return Err(store.read_error(digest, place, error)),
        }
        start = end;
    }
    Ok(hasher.finish() == digest)
}

/// True when the bytes are not there: the file is shorter than it should be, or has been removed.
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound
    )
}

/// True when the bytes are there and are not what was written.
pub(super) fn is_wrong(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
}
