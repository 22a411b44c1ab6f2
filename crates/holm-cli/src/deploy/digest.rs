//! From found files to digested files: known ones from the cache, the others read by several threads.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use holm_types::{BlobDigest, BlobHasher};
use rustix::fs::OFlags;

use super::digest_cache::DigestCache;
use super::scan::{FoundFile, ScanError, Stamp};
use crate::limits::CliLimits;

/// A file with its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DigestedFile {
    pub found: FoundFile,
    pub digest: BlobDigest,
}

/// The bytes read at a time.
const READ_BYTES: usize = 256 * 1024;

/// Digests all files, in their order. A file that changed since it was found gets the stamp and the
/// digest that it has now.
pub(crate) fn digest_all(
    files: Vec<FoundFile>,
    cache: &DigestCache,
) -> Result<Vec<DigestedFile>, ScanError> {
    let known: Vec<Option<BlobDigest>> = files.iter().map(|file| cache.get(file)).collect();
    let unknown: Vec<&FoundFile> = files
        .iter()
        .zip(&known)
        .filter(|(_, digest)| digest.is_none())
        .map(|(file, _)| file)
        .collect();
    let mut read = read_all(&unknown)?.into_iter();
    let digested = files
        .into_iter()
        .zip(known)
        .map(|(found, digest)| match digest {
            Some(digest) => Some(DigestedFile { found, digest }),
            None => read.next().map(|(stamp, digest)| DigestedFile {
                found: FoundFile { stamp, ..found },
                digest,
            }),
        });
    // One was read for each that was unknown, so none is lost here.
    Ok(digested.flatten().collect())
}

/// Reads files by several threads; the answers are in the order of the files.
fn read_all(files: &[&FoundFile]) -> Result<Vec<(Stamp, BlobDigest)>, ScanError> {
    let threads = thread_count(files.len());
    let next = AtomicUsize::new(0);
    let is_over = AtomicBool::new(false);
    let done = Mutex::new(Vec::with_capacity(files.len()));
    let failure = Mutex::new(None);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut buffer = vec![0; READ_BYTES];
                let mut mine = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = files.get(index) else { break };
                    match digest_steady(file, &mut buffer) {
                        Ok(answer) => mine.push((index, answer)),
                        Err(error) => {
                            is_over.store(true, Ordering::Relaxed);
                            *lock(&failure) = Some(error);
                        }
                    }
                }
                lock(&done).append(&mut mine);
            });
        }
    });
    if let Some(error) = lock(&failure).take() {
        return Err(error);
    }
    let mut done = std::mem::take(&mut *lock(&done));
    done.sort_unstable_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, answer)| answer).collect())
}

/// A thread that panicked leaves a value that is whole: pushes and stores are the only changes.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A thread costs more than reading a few small files.
fn thread_count(files: usize) -> usize {
    let available = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    available
        .min(CliLimits::default().hash_threads_max)
        .min(files.div_ceil(16))
        .max(1)
}

/// Reads a file until it was the same before and after.
fn digest_steady(file: &FoundFile, buffer: &mut [u8]) -> Result<(Stamp, BlobDigest), ScanError> {
    for _ in 0..CliLimits::default().read_attempts_max {
        if let Some(answer) = digest_once(file, buffer).map_err(|error| read_error(file, error))? {
            return Ok(answer);
        }
    }
    Err(ScanError::Changing {
        path: file.path.clone(),
    })
}

/// `None` when the file changed while it was read.
fn digest_once(file: &FoundFile, buffer: &mut [u8]) -> io::Result<Option<(Stamp, BlobDigest)>> {
    let (mut open, before) = open_regular(&file.source)?;
    let mut hasher = BlobHasher::new();
    let mut size_bytes = 0;
    loop {
        let count = open.read(buffer)?;
        if count == 0 {
            break;
        }
        size_bytes += count as u64;
        hasher.update(buffer.get(..count).unwrap_or_default());
    }
    let after = Stamp::of(&open.metadata()?);
    Ok((before == after && after.size_bytes == size_bytes).then(|| (after, hasher.finish())))
}

/// Opens a regular file and nothing else: a link or a pipe that took its place since it was found is an
/// error, and does not block.
pub(crate) fn open_regular(path: &Path) -> io::Result<(File, Stamp)> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "another kind of thing took its place",
        ));
    }
    Ok((file, Stamp::of(&metadata)))
}

fn read_error(file: &FoundFile, error: io::Error) -> ScanError {
    let path = file.path.clone();
    if error.kind() == io::ErrorKind::NotFound {
        ScanError::Vanished { path }
    } else {
        ScanError::Read {
            path,
            source: error,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::deploy::scan::scan;

    #[test]
    fn every_file_gets_the_digest_of_its_bytes_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for index in 0..100 {
            fs::write(
                folder.path().join(format!("{index:03}.txt")),
                format!("text {index}"),
            )
            .unwrap();
        }
        fs::write(folder.path().join("large.bin"), vec![7; READ_BYTES * 2 + 1]).unwrap();
        let files = scan(&folder.path().canonicalize().unwrap()).unwrap();
        let digested = digest_all(files, &DigestCache::default()).unwrap();
        assert_eq!(digested.len(), 101);
        for file in digested {
            let bytes = fs::read(&file.found.source).unwrap();
            assert_eq!(file.digest, BlobDigest::of(&bytes), "{}", file.found.path);
        }
    }

    #[test]
    fn a_file_that_vanished_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(&path, "x").unwrap();
        let files = scan(&folder.path().canonicalize().unwrap()).unwrap();
        fs::remove_file(&path).unwrap();
        let error = digest_all(files, &DigestCache::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`/a.txt` vanished while the folder was read"
        );
        assert!(error.is_passing());
    }

    #[test]
    fn a_link_that_took_a_files_place_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        fs::write(&secret, "x").unwrap();
        let root = folder.path().join("site");
        fs::create_dir(&root).unwrap();
        fs::write(root.join("a.txt"), "x").unwrap();
        let files = scan(&root.canonicalize().unwrap()).unwrap();
        fs::remove_file(root.join("a.txt")).unwrap();
        std::os::unix::fs::symlink(&secret, root.join("a.txt")).unwrap();
        assert!(digest_all(files, &DigestCache::default()).is_err());
    }
}
