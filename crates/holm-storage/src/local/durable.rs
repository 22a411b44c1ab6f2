//! Making files and folders durable: side by side when they are few, the whole file system when many.
//!
//! The figures behind the threshold are in `StorageLimits::sync_each_max`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::blob::BlobError;
use crate::limits::StorageLimits;

use super::io_error;

/// Syncs files or folders that all lie below `root`. When this returns, a crash loses nothing of them.
pub(super) fn sync_all(
    root: &Path,
    paths: &[PathBuf],
    limits: &StorageLimits,
) -> Result<(), BlobError> {
    if paths.len() > limits.sync_each_max && sync_file_system(root)? {
        return Ok(());
    }
    let threads = limits.sync_threads_max.clamp(1, paths.len().max(1));
    if threads == 1 {
        return paths.iter().try_for_each(|path| sync_one(path));
    }
    sync_side_by_side(paths, threads)
}

fn sync_side_by_side(paths: &[PathBuf], threads: usize) -> Result<(), BlobError> {
    let next = AtomicUsize::new(0);
    let failure = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let (Err(error), Ok(mut failure)) = (sync_one(path), failure.lock()) {
                        failure.get_or_insert(error);
                    }
                }
            });
        }
    });
    failure.into_inner().ok().flatten().map_or(Ok(()), Err)
}

/// Opens by name, since an upload of thousands of files cannot keep them all open. An error of an
/// earlier write-back is reported to this handle too, because nobody has seen it yet (Linux 4.16).
fn sync_one(path: &Path) -> Result<(), BlobError> {
    let file = File::open(path).map_err(io_error("open", path))?;
    file.sync_data().map_err(io_error("sync", path))
}

/// False where the system has no such call.
#[cfg(target_os = "linux")]
fn sync_file_system(root: &Path) -> Result<bool, BlobError> {
    let folder = File::open(root).map_err(io_error("open", root))?;
    rustix::fs::syncfs(&folder)
        .map_err(|error| io_error("sync the file system of", root)(error.into()))?;
    Ok(true)
}

#[cfg(not(target_os = "linux"))]
fn sync_file_system(_: &Path) -> Result<bool, BlobError> {
    Ok(false)
}
