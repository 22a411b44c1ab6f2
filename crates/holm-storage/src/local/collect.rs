//! Giving back space on a local disk: forget, unlink; copy out of sparse packs, unlink those.
//!
//! Between the moment that a file gets its name and the moment that the index knows it, it looks as if
//! nobody wanted it. `Store::naming` is held for reading through that time, and for writing while files are
//! unlinked.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use holm_types::BlobDigest;

use crate::blob::{BlobError, BlobFuture};
use crate::collect::{BlobCollector, CollectStep, StoreUsage};
use crate::index::{Moved, Place};

use super::durable::sync_all;
use super::handles::FileKey;
use super::layout::pack_number;
use super::scan::files_of;
use super::writer::begin_pack;
use super::{Store, blocking, io_error};
use crate::pack::{PackEntry, PackFault, read_index};

/// A pack as it lies on the disk.
#[derive(Clone, Copy, Debug)]
struct PackFile {
    number: u32,
    file_bytes: u64,
    /// Of blobs that are wanted or not yet collected.
    used_bytes: u64,
    used_count: u64,
}

impl Store {
    fn sweep_some(&self) -> Result<CollectStep, BlobError> {
        let dead = self.index.dead(self.limits.collect_step_max);
        let mut step = CollectStep {
            is_done: dead.is_empty(),
            ..CollectStep::default()
        };
        // Held over both: a blob that is stored again in between must not be unlinked.
        let _naming = self.naming.write().unwrap_or_else(PoisonError::into_inner);
        for (digest, place) in self.index.forget_dead(&dead) {
            step.removed_count += 1;
            step.removed_bytes += place.size_bytes();
            if let Place::Large { size_bytes, .. } = place {
                self.handles.forget(FileKey::Large(digest));
                step.freed_bytes += remove(&self.layout.large_blob(&digest, size_bytes))?;
            }
        }
        Ok(step)
    }

    fn compact_some(&self) -> Result<CollectStep, BlobError> {
        let mut step = CollectStep {
            freed_bytes: self.unlink_unused_packs()?,
            ..CollectStep::default()
        };
        let sources = self.sources()?;
        let mut copied = Copied::default();
        for pack in sources {
            if copied.bytes >= self.limits.compact_step_bytes_max {
                break;
            }
            self.copy_wanted(pack.number, &mut copied)?;
        }
        step.moved_count = copied.blobs.len() as u64;
        step.moved_bytes = copied.bytes;
        self.keep_copies(copied)?;
        step.freed_bytes += self.unlink_unused_packs()?;
        step.is_done = step.moved_count == 0;
        Ok(step)
    }

    /// Every pack on the disk, in the order of their numbers.
    fn packs(&self) -> Result<Vec<PackFile>, BlobError> {
        let used = self.index.pack_use();
        let mut packs = Vec::new();
        for path in files_of(&self.layout.packs())? {
            let Some(number) = pack_number(&path) else {
                continue;
            };
            let metadata = fs::metadata(&path).map_err(io_error("read the size of", &path))?;
            let used = used.get(&number).copied().unwrap_or_default();
            packs.push(PackFile {
                number,
                file_bytes: metadata.len(),
                used_bytes: used.bytes,
                used_count: used.count,
            });
        }
        packs.sort_unstable_by_key(|pack| pack.number);
        Ok(packs)
    }

    fn unlink_unused_packs(&self) -> Result<u64, BlobError> {
        let _naming = self.naming.write().unwrap_or_else(PoisonError::into_inner);
        let mut freed_bytes = 0;
        for pack in self.packs()? {
            if pack.used_count == 0 {
                freed_bytes += remove(&self.layout.pack(pack.number))?;
                self.handles.forget(FileKey::Pack(pack.number));
            }
        }
        Ok(freed_bytes)
    }

    /// Packs worth being written anew: sparse ones, and small ones when there are many.
    fn sources(&self) -> Result<Vec<PackFile>, BlobError> {
        let limits = &self.limits;
        let packs = self.packs()?;
        let is_small = |pack: &PackFile| pack.file_bytes < limits.pack_small_bytes;
        let small_count = packs.iter().filter(|pack| is_small(pack)).count();
        let merges = small_count > limits.small_packs_max;
        let is_sparse = |pack: &PackFile| {
            let dead_bytes = pack.file_bytes.saturating_sub(pack.used_bytes);
            dead_bytes * 100 > pack.file_bytes * limits.pack_dead_percent_max
        };
        let is_source = |pack: &PackFile| {
            // What is not the blobs themselves is no waste in a pack of a few of them.
            let is_worth_it = pack.file_bytes > pack.used_bytes + 64 * (pack.used_count + 2);
            (is_worth_it && is_sparse(pack)) || (merges && is_small(pack))
        };
        Ok(packs.into_iter().filter(is_source).collect())
    }

    /// Copies blobs of a pack that are wanted. One that is damaged stays where it is.
    fn copy_wanted(&self, number: u32, copied: &mut Copied) -> Result<(), BlobError> {
        for entry in self.entries(number)? {
            let place = Place::Packed {
                pack: number,
                offset: entry.offset,
                size_bytes: entry.size_bytes,
            };
            let is_wanted = self
                .index
                .get(&entry.digest)
                .is_some_and(|found| found.place == place && !found.is_damaged);
            if !is_wanted {
                continue;
            }
            if copied.bytes >= self.limits.compact_step_bytes_max {
                break;
            }
            self.copy_one(&entry.digest, place, copied)?;
        }
        Ok(())
    }

    fn entries(&self, number: u32) -> Result<Vec<PackEntry>, BlobError> {
        let path = self.layout.pack(number);
        let index = File::open(&path)
            .map_err(PackFault::Io)
            .and_then(|file| read_index(&file));
        index.map_err(|fault| {
            let error = match fault {
                PackFault::Io(error) => error,
                PackFault::Torn(reason) => io::Error::new(io::ErrorKind::InvalidData, reason),
                PackFault::Newer(_) => io::ErrorKind::Unsupported.into(),
            };
            io_error("read the index of", &path)(error)
        })
    }

    fn copy_one(
        &self,
        digest: &BlobDigest,
        from: Place,
        copied: &mut Copied,
    ) -> Result<(), BlobError> {
        let bytes = match self.read_verified(*digest) {
            Ok(bytes) => bytes,
            Err(BlobError::Damaged { .. } | BlobError::NotFound { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let (temporary, pack) = match &mut copied.pack {
            Some(pack) => pack,
            none => none.insert(begin_pack(self)?),
        };
        pack.append(*digest, &bytes)
            .map_err(io_error("write", temporary.path()))?;
        copied.bytes += bytes.len() as u64;
        copied.blobs.push((*digest, from));
        Ok(())
    }

    /// Sync, name, sync the folder, point there.
    fn keep_copies(&self, copied: Copied) -> Result<(), BlobError> {
        let Some((temporary, pack)) = copied.pack else {
            return Ok(());
        };
        let (_, entries) = pack.end().map_err(io_error("write", temporary.path()))?;
        let paths = [temporary.path().to_owned()];
        sync_all(&self.root, &paths, &self.limits)?;
        let _naming = self.naming.read().unwrap_or_else(PoisonError::into_inner);
        let number = self.new_pack_number()?;
        temporary.name(&self.layout.pack(number))?;
        sync_all(&self.root, &[self.layout.packs()], &self.limits)?;
        let moved = copied.blobs.into_iter().zip(entries);
        let moved: Vec<Moved> = moved
            .map(|((digest, from), entry)| Moved {
                digest,
                from,
                to: Place::Packed {
                    pack: number,
                    offset: entry.offset,
                    size_bytes: entry.size_bytes,
                },
            })
            .collect();
        self.index.move_to(&moved);
        Ok(())
    }

    fn usage(&self) -> Result<StoreUsage, BlobError> {
        let packs = self.packs()?;
        let (blob_count, blob_bytes) = self.index.totals();
        let sum = |of: fn(&PackFile) -> u64| packs.iter().map(of).sum::<u64>();
        let pack_bytes = sum(|pack| pack.file_bytes);
        Ok(StoreUsage {
            blob_count,
            blob_bytes,
            pack_count: packs.len() as u64,
            pack_bytes,
            pack_dead_bytes: pack_bytes.saturating_sub(sum(|pack| pack.used_bytes)),
            large_count: blob_count - sum(|pack| pack.used_count).min(blob_count),
            free_bytes: free_bytes(&self.root),
        })
    }
}

/// What a step has copied so far.
#[derive(Debug, Default)]
struct Copied {
    pack: Option<(super::temporary::TemporaryFile, crate::pack::PackWriter)>,
    blobs: Vec<(BlobDigest, Place)>,
    bytes: u64,
}

/// Unlinks a file; how large it was. One that is not there is gone already.
fn remove(path: &Path) -> Result<u64, BlobError> {
    let file_bytes = fs::metadata(path).map_or(0, |metadata| metadata.len());
    match fs::remove_file(path) {
        Ok(()) => Ok(file_bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(io_error("remove", path)(error)),
    }
}

fn free_bytes(root: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(root).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// The store as its collector sees it.
#[derive(Debug)]
pub(super) struct LocalCollector(pub(super) Arc<Store>);

impl LocalCollector {
    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, BlobError> + Send + 'static,
    ) -> BlobFuture<'_, T> {
        let store = Arc::clone(&self.0);
        Box::pin(blocking::run(&self.0.root, move || work(&store)))
    }
}

impl BlobCollector for LocalCollector {
    fn begin(&self) -> bool {
        self.0.lock.is_some() && self.0.index.begin_collection(&self.0.limits)
    }

    fn end(&self) {
        self.0.index.end_collection();
    }

    fn keep(&self, digests: &[BlobDigest]) -> bool {
        self.0.index.keep(digests)
    }

    fn keeps(&self, digest: &BlobDigest) -> bool {
        self.0.index.keeps(digest)
    }

    fn sweep(&self) -> BlobFuture<'_, CollectStep> {
        self.run(Store::sweep_some)
    }

    fn compact(&self) -> BlobFuture<'_, CollectStep> {
        self.run(Store::compact_some)
    }

    fn unwanted(&self) -> BlobFuture<'_, (u64, u64)> {
        self.run(|store| Ok(store.index.unwanted()))
    }

    fn usage(&self) -> BlobFuture<'_, StoreUsage> {
        self.run(Store::usage)
    }
}
