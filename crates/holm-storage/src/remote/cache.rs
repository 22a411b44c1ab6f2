//! What was read from elsewhere, kept on the local disk up to a number of bytes.
//!
//! Nothing in it is believed: whoever reads checks the bytes and fetches them again when they are wrong. So
//! files are not synced, and an error of the disk only means that the cache is of no use just now.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use holm_types::BlobDigest;

use crate::blob::BlobError;

/// A blob, or a segment of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SegmentKey {
    digest: BlobDigest,
    segment: u64,
}

impl SegmentKey {
    pub(super) fn whole(digest: BlobDigest) -> Self {
        Self { digest, segment: 0 }
    }

    pub(super) fn part(digest: BlobDigest, segment: u64) -> Self {
        Self { digest, segment }
    }

    fn file_name(self) -> String {
        format!("{}-{}", self.digest, self.segment)
    }

    fn parse(name: &str) -> Option<Self> {
        let (digest, segment) = name.split_once('-')?;
        Some(Self {
            digest: digest.parse().ok()?,
            segment: segment.parse().ok()?,
        })
    }
}

#[derive(Clone, Debug)]
pub(super) struct ReadCache {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    bytes_max: u64,
    table: Mutex<Table>,
    next_temporary: AtomicU64,
}

#[derive(Debug, Default)]
struct Table {
    files: HashMap<SegmentKey, Held>,
    /// The key that was used at each time.
    by_use: BTreeMap<u64, SegmentKey>,
    uses: u64,
    total_bytes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    size_bytes: u64,
    used_at: u64,
}

impl Table {
    fn touch(&mut self, key: SegmentKey) -> bool {
        let Some(held) = self.files.get_mut(&key) else {
            return false;
        };
        self.uses += 1;
        self.by_use.remove(&held.used_at);
        held.used_at = self.uses;
        self.by_use.insert(self.uses, key);
        true
    }

    fn add(&mut self, key: SegmentKey, size_bytes: u64) {
        self.remove(key);
        self.uses += 1;
        let used_at = self.uses;
        self.files.insert(
            key,
            Held {
                size_bytes,
                used_at,
            },
        );
        self.by_use.insert(used_at, key);
        self.total_bytes += size_bytes;
    }

    fn remove(&mut self, key: SegmentKey) {
        if let Some(held) = self.files.remove(&key) {
            self.by_use.remove(&held.used_at);
            self.total_bytes -= held.size_bytes;
        }
    }

    /// Those that were not used for the longest time, until the rest fits.
    fn put_out(&mut self, bytes_max: u64) -> Vec<SegmentKey> {
        let mut out = Vec::new();
        while self.total_bytes > bytes_max
            && let Some((_, key)) = self.by_use.first_key_value()
        {
            let key = *key;
            self.remove(key);
            out.push(key);
        }
        out
    }
}

impl ReadCache {
    /// Opens the folder (made if absent) with what an earlier start left in it.
    pub(super) fn open(folder: &Path, bytes_max: u64) -> Result<Self, BlobError> {
        let failed = |doing| {
            move |source: io::Error| BlobError::Io {
                doing,
                path: folder.to_owned(),
                source,
            }
        };
        fs::create_dir_all(folder).map_err(failed("create"))?;
        let mut table = Table::default();
        for entry in fs::read_dir(folder).map_err(failed("list"))? {
            let entry = entry.map_err(failed("list"))?;
            let key = entry.file_name().to_str().and_then(SegmentKey::parse);
            match (key, entry.metadata()) {
                (Some(key), Ok(metadata)) => table.add(key, metadata.len()),
                // Left over from a write that did not end.
                _ => drop(fs::remove_file(entry.path())),
            }
        }
        let cache = Self {
            inner: Arc::new(Inner {
                folder: folder.to_owned(),
                bytes_max,
                table: Mutex::new(table),
                next_temporary: AtomicU64::new(0),
            }),
        };
        cache.inner.shrink();
        Ok(cache)
    }

    /// What is kept, not checked. `None` when nothing is.
    pub(super) async fn get(&self, key: SegmentKey) -> Option<Bytes> {
        if !self.inner.lock().touch(key) {
            return None;
        }
        let path = self.inner.folder.join(key.file_name());
        let read = tokio::task::spawn_blocking(move || fs::read(path)).await;
        let bytes = read.ok().and_then(Result::ok);
        if bytes.is_none() {
            self.inner.lock().remove(key);
        }
        bytes.map(Bytes::from)
    }

    /// Keeps bytes that were checked.
    pub(super) async fn put(&self, key: SegmentKey, bytes: Bytes) {
        let inner = Arc::clone(&self.inner);
        // What cannot be written is fetched again.
        drop(tokio::task::spawn_blocking(move || inner.write(key, &bytes)).await);
    }

    /// Forgets bytes that turned out to be wrong.
    pub(super) fn forget(&self, key: SegmentKey) {
        self.inner.lock().remove(key);
        drop(fs::remove_file(self.inner.folder.join(key.file_name())));
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, key: SegmentKey, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() as u64 > self.bytes_max {
            return Ok(());
        }
        let number = self.next_temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = self.folder.join(format!("{number}.tmp"));
        let written = fs::write(&temporary, bytes)
            .and_then(|()| fs::rename(&temporary, self.folder.join(key.file_name())));
        if written.is_err() {
            drop(fs::remove_file(&temporary));
            return written;
        }
        self.lock().add(key, bytes.len() as u64);
        self.shrink();
        Ok(())
    }

    fn shrink(&self) {
        for key in self.lock().put_out(self.bytes_max) {
            drop(fs::remove_file(self.folder.join(key.file_name())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn holds_at_most_the_maximum_and_puts_out_the_oldest() {
        let folder = tempfile::tempdir().unwrap();
        let key = |number: u8| SegmentKey::whole(BlobDigest::of(&[number]));
        let cache = ReadCache::open(folder.path(), 300).unwrap();
        for number in 0..3 {
            cache.put(key(number), vec![number; 100].into()).await;
        }
        assert!(cache.get(key(0)).await.is_some());
        cache.put(key(3), vec![3; 100].into()).await;
        assert!(cache.get(key(1)).await.is_none(), "the oldest");
        for number in [0, 2, 3] {
            assert_eq!(cache.get(key(number)).await.unwrap(), vec![number; 100]);
        }
        cache.put(key(9), vec![9; 301].into()).await;
        assert!(cache.get(key(9)).await.is_none(), "larger than all of it");
        fs::write(folder.path().join("7.tmp"), "left over").unwrap();
        let cache = ReadCache::open(folder.path(), 200).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        assert_eq!(cache.inner.lock().total_bytes, 200);
    }
}
