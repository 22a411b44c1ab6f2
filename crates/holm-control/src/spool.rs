//! Bodies that must be read in another order than they arrive: kept in files without a name, on the
//! server's own disk, few at a time and each of a bounded length. A crash leaves nothing of them.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::BytesMut;
use holm_types::ErrorCode;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::body::{RequestBody, too_large};
use crate::error::ApiError;
use crate::limits::ControlLimits;

/// Bytes that are gathered before they are written.
const WRITE_BYTES: usize = 1024 * 1024;

/// Room on disk for archives.
#[derive(Debug)]
pub(crate) struct Spools {
    folder: PathBuf,
    made_count: AtomicU64,
    places: Arc<Semaphore>,
    places_max: usize,
    bytes_max: u64,
}

/// A body on disk. Its room is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Spool {
    file: File,
    place: OwnedSemaphorePermit,
}

impl Spool {
    /// The file, at its end, and its room, which is to be kept as long as the file.
    pub(crate) fn into_parts(self) -> (File, OwnedSemaphorePermit) {
        (self.file, self.place)
    }
}

impl Spools {
    pub(crate) fn new(folder: &Path, limits: &ControlLimits) -> Self {
        Self {
            folder: folder.to_owned(),
            made_count: AtomicU64::new(0),
            places: Arc::new(Semaphore::new(limits.archives_max)),
            places_max: limits.archives_max,
            bytes_max: limits.archive_bytes_max,
        }
    }

    /// Writes a whole body to disk. One that announces too much is refused unread.
    pub(crate) async fn fill(&self, body: &mut RequestBody) -> Result<Spool, ApiError> {
        let refuse = |observed| too_large(self.bytes_max, observed, "control.archive_bytes_max");
        if let Some(announced) = body
            .announced_bytes()
            .filter(|bytes| *bytes > self.bytes_max)
        {
            return Err(refuse(announced));
        }
        let place = self.place()?;
        let number = self.made_count.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("spool-{number}"));
        let file = tokio::task::spawn_blocking(move || make_nameless(&path))
            .await
            .unwrap_or_else(|ended| Err(io::Error::other(ended)))
            .map_err(|error| unwritten(&error))?;
        let mut file = tokio::fs::File::from_std(file);
        let (mut held, mut seen_bytes) = (BytesMut::new(), 0_u64);
        while let Some(piece) = body.next().await? {
            seen_bytes += piece.len() as u64;
            if seen_bytes > self.bytes_max {
                return Err(refuse(seen_bytes));
            }
            held.extend_from_slice(&piece);
            if held.len() >= WRITE_BYTES {
                write(&mut file, &mut held).await?;
            }
        }
        write(&mut file, &mut held).await?;
        file.flush().await.map_err(|error| unwritten(&error))?;
        Ok(Spool {
            file: file.into_std().await,
            place,
        })
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            let limit = self.places_max as u64;
            ApiError::new(
                ErrorCode::ServerBusy,
                "Too many archives are being unpacked",
            )
            .with_limit(limit, limit + 1, "control.archives_max")
        })
    }
}

/// A file that goes with its last user. Only between the two steps it has a name; what a crash left there
/// is empty, and is taken over.
fn make_nameless(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}

async fn write(file: &mut tokio::fs::File, held: &mut BytesMut) -> Result<(), ApiError> {
    file.write_all(held)
        .await
        .map_err(|error| unwritten(&error))?;
    held.clear();
    Ok(())
}

fn unwritten(error: &io::Error) -> ApiError {
    ApiError::from_cause(
        ErrorCode::StorageUnavailable,
        "The archive could not be kept while it is read",
        error,
    )
}
