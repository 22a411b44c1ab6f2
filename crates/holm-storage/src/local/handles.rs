//! Open files, a bounded number of them: opening one costs more than reading a small blob.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holm_types::BlobDigest;

use crate::sums::{ChunkSums, trailer_len};

/// Which file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum FileKey {
    Pack(u32),
    Large(BlobDigest),
}

/// An open file. `sums` is what stands behind a large blob; `None` for a pack.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) file: File,
    pub(super) sums: Option<ChunkSums>,
}

impl OpenFile {
    pub(super) fn pack(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        Ok(Self { file, sums: None })
    }

    /// Opens a large blob of this size. `InvalidData` when its sums are not what was written.
    pub(super) fn large(path: &Path, size_bytes: u64) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = usize::try_from(trailer_len(size_bytes)).map_err(io::Error::other)?;
        let mut trailer = vec![0; len];
        file.read_exact_at(&mut trailer, size_bytes)?;
        let sums = ChunkSums::decode(&trailer, size_bytes);
        let sums = Some(sums.ok_or(io::ErrorKind::InvalidData)?);
        Ok(Self { file, sums })
    }
}

/// The files that were read last. One that is put out stays open until its last reader is done.
#[derive(Debug)]
pub(super) struct HandleCache {
    max: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    files: HashMap<FileKey, Held>,
    uses: u64,
}

#[derive(Debug)]
struct Held {
    file: Arc<OpenFile>,
    used_at: u64,
}

impl HandleCache {
    pub(super) fn new(max: usize) -> Self {
        Self {
            max: max.max(1),
            table: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The open file, opened now if it is not.
    pub(super) fn open(
        &self,
        key: FileKey,
        open: impl FnOnce() -> io::Result<OpenFile>,
    ) -> io::Result<Arc<OpenFile>> {
        if let Some(file) = self.lock().touch(key) {
            return Ok(file);
        }
        // Opened outside the lock: two readers may open one file at once, and the later one stays.
        let file = Arc::new(open()?);
        let mut table = self.lock();
        if table.files.len() >= self.max {
            table.put_out_oldest();
        }
        table.uses += 1;
        let held = Held {
            file: Arc::clone(&file),
            used_at: table.uses,
        };
        table.files.insert(key, held);
        Ok(file)
    }

    /// Forgets a file whose name stands for another one now.
    pub(super) fn forget(&self, key: FileKey) {
        self.lock().files.remove(&key);
    }
}

impl Table {
    fn touch(&mut self, key: FileKey) -> Option<Arc<OpenFile>> {
        self.uses += 1;
        let held = self.files.get_mut(&key)?;
        held.used_at = self.uses;
        Some(Arc::clone(&held.file))
    }

    /// A look at every entry: a few hundred, and only when a file had to be opened anyway.
    fn put_out_oldest(&mut self) {
        let oldest = self
            .files
            .iter()
            .min_by_key(|(_, held)| held.used_at)
            .map(|(key, _)| *key);
        if let Some(key) = oldest {
            self.files.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_at_most_the_maximum_and_puts_out_the_oldest() {
        let folder = tempfile::tempdir().unwrap();
        let path = |number: u32| folder.path().join(number.to_string());
        (0..4).for_each(|number| std::fs::write(path(number), [0]).unwrap());
        let cache = HandleCache::new(2);
        let open = |number| cache.open(FileKey::Pack(number), || OpenFile::pack(&path(number)));
        for number in [0, 1, 0, 2, 3, 0] {
            open(number).unwrap();
            assert!(cache.lock().files.len() <= 2);
        }
        let held: std::collections::BTreeSet<_> = (0..4)
            .filter(|number| cache.lock().files.contains_key(&FileKey::Pack(*number)))
            .collect();
        assert_eq!(held, [0, 3].into());
        assert!(open(9).is_err());
    }
}
