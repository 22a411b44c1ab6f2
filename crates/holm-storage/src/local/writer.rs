//! The half of an upload that touches the disk. It runs on the blocking pool, one step at a time.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use holm_types::{BlobDigest, BlobHasher};

use crate::blob::{BlobError, UploadReceipt};
use crate::index::Place;
use crate::sums::SumsWriter;

use super::durable::sync_all;
use super::handles::FileKey;
use super::temporary::TemporaryFile;
use super::{Store, io_error};
use crate::pack::{PackEntry, PackWriter};

/// Writes blobs under temporary names; `finish` makes them durable and visible.
#[derive(Debug)]
pub(super) struct UploadWriter {
    store: Arc<Store>,
    /// The pack that is being written.
    pack: Option<(TemporaryFile, PackWriter)>,
    /// Packs that are full: written to their end, not synced.
    full_packs: Vec<(TemporaryFile, Vec<PackEntry>)>,
    /// Large blobs: written and checked, not synced.
    large: Vec<(TemporaryFile, BlobDigest, u64)>,
    /// The large blob that arrives in pieces.
    arriving: Option<Arriving>,
    /// Blobs of this upload, so that one that comes twice is stored once.
    seen: HashSet<BlobDigest>,
    known_count: u64,
    /// Mismatches the caller has not heard of.
    unreported: VecDeque<BlobError>,
    /// Set while a step runs and left set when it failed half-way: files may hold half of something.
    is_broken: bool,
}

#[derive(Debug)]
struct Arriving {
    digest: BlobDigest,
    file: File,
    temporary: TemporaryFile,
    hasher: BlobHasher,
    sums: SumsWriter,
    size_bytes: u64,
}

impl UploadWriter {
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            pack: None,
            full_packs: Vec::new(),
            large: Vec::new(),
            arriving: None,
            seen: HashSet::new(),
            known_count: 0,
            unreported: VecDeque::new(),
            is_broken: false,
        }
    }

    /// Runs one step, unless an earlier one failed.
    pub(super) fn step<T>(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<T, BlobError>,
    ) -> Result<T, BlobError> {
        if self.is_broken {
            let error = io::Error::other("an earlier step of it failed");
            return Err(io_error("go on with an upload to", &self.store.root)(error));
        }
        self.is_broken = true;
        let done = step(self);
        self.is_broken = matches!(done, Err(BlobError::Io { .. }));
        done
    }

    /// Checks and writes whole blobs; mismatches are kept for `report`.
    pub(super) fn write_all(&mut self, blobs: Vec<(BlobDigest, Bytes)>) -> Result<(), BlobError> {
        blobs
            .into_iter()
            .try_for_each(|(digest, bytes)| self.write(digest, &bytes))
    }

    /// One mismatch that was not reported before.
    pub(super) fn report(&mut self) -> Result<(), BlobError> {
        self.unreported.pop_front().map_or(Ok(()), Err)
    }

    fn write(&mut self, digest: BlobDigest, bytes: &[u8]) -> Result<(), BlobError> {
        let found = BlobDigest::of(bytes);
        if found != digest {
            self.unreported.push_back(BlobError::Mismatch {
                expected: digest,
                found,
            });
            return Ok(());
        }
        if !self.seen.insert(digest) {
            self.known_count += 1;
            return Ok(());
        }
        let size_bytes = bytes.len() as u64;
        if size_bytes < self.store.limits.packed_bytes_max {
            return self.write_packed(digest, bytes);
        }
        let (temporary, mut file) = self.store.temporary_file()?;
        let mut sums = SumsWriter::default();
        sums.update(bytes);
        file.write_all(bytes)
            .and_then(|()| file.write_all(&sums.finish()))
            .map_err(io_error("write", temporary.path()))?;
        self.large.push((temporary, digest, size_bytes));
        Ok(())
    }

    fn write_packed(&mut self, digest: BlobDigest, bytes: &[u8]) -> Result<(), BlobError> {
        let limits = &self.store.limits;
        let (bytes_max, entries_max) = (limits.pack_bytes_max, limits.pack_entries_max);
        let is_full = |(_, pack): &mut (TemporaryFile, PackWriter)| {
            !pack.has_room(bytes.len() as u64, bytes_max, entries_max)
        };
        if let Some(full) = self.pack.take_if(is_full) {
            self.end_pack(full)?;
        }
        let (temporary, pack) = match &mut self.pack {
            Some(pack) => pack,
            none => none.insert(begin_pack(&self.store)?),
        };
        pack.append(digest, bytes)
            .map_err(io_error("write", temporary.path()))
    }

    fn end_pack(
        &mut self,
        (temporary, pack): (TemporaryFile, PackWriter),
    ) -> Result<(), BlobError> {
        let (_, entries) = pack.end().map_err(io_error("write", temporary.path()))?;
        self.full_packs.push((temporary, entries));
        Ok(())
    }

    /// The next pieces of the large blob with this digest; the first ones begin it.
    pub(super) fn append(&mut self, digest: BlobDigest, pieces: &[Bytes]) -> Result<(), BlobError> {
        let arriving = match &mut self.arriving {
            Some(arriving) if arriving.digest == digest => arriving,
            other => {
                let (temporary, file) = self.store.temporary_file()?;
                let hasher = BlobHasher::new();
                other.insert(Arriving {
                    digest,
                    file,
                    temporary,
                    hasher,
                    sums: SumsWriter::default(),
                    size_bytes: 0,
                })
            }
        };
        for piece in pieces {
            arriving.hasher.update(piece);
            arriving.sums.update(piece);
            arriving
                .file
                .write_all(piece)
                .map_err(io_error("write", arriving.temporary.path()))?;
            arriving.size_bytes += piece.len() as u64;
        }
        Ok(())
    }

    /// Gives up the large blob that arrives.
    pub(super) fn give_up(&mut self) {
        self.arriving = None;
    }

    /// Ends the large blob that arrives and checks it.
    pub(super) fn end_large(&mut self) -> Result<(), BlobError> {
        let Some(mut arriving) = self.arriving.take() else {
            return Ok(());
        };
        let found = arriving.hasher.finish();
        if found != arriving.digest {
            return Err(BlobError::Mismatch {
                expected: arriving.digest,
                found,
            });
        }
        let trailer = std::mem::take(&mut arriving.sums).finish();
        arriving
            .file
            .write_all(&trailer)
            .map_err(io_error("write", arriving.temporary.path()))?;
        if self.seen.insert(arriving.digest) {
            self.large
                .push((arriving.temporary, arriving.digest, arriving.size_bytes));
        } else {
            self.known_count += 1;
        }
        Ok(())
    }

    /// Sync, name, sync the folders, make visible: in this order a crash at any point leaves either
    /// whole blobs under their names or temporary files.
    pub(super) fn finish(&mut self) -> Result<UploadReceipt, BlobError> {
        if let Some(pack) = self.pack.take() {
            self.end_pack(pack)?;
        }
        let store = Arc::clone(&self.store);
        // Another upload may have brought some of them in the meantime.
        let known_before = self.large.len();
        self.large
            .retain(|(_, digest, _)| !store.index.is_whole(digest));
        self.known_count += (known_before - self.large.len()) as u64;
        let written = self.full_packs.iter().map(|(temporary, _)| temporary);
        let written = written.chain(self.large.iter().map(|(temporary, ..)| temporary));
        let written: Vec<PathBuf> = written
            .map(|temporary| temporary.path().to_owned())
            .collect();
        sync_all(&store.root, &written, &store.limits)?;
        // Until the index knows them, nobody may take the files for unwanted ones.
        let _naming = store.naming.read().unwrap_or_else(PoisonError::into_inner);
        let mut named = Named::default();
        self.name_packs(&mut named)?;
        self.name_large(&mut named)?;
        sync_all(
            &store.root,
            &named.folders.into_iter().collect::<Vec<_>>(),
            &store.limits,
        )?;
        let (stored_count, stored_bytes) = store.index.add(&named.blobs);
        let known_count = self.known_count + named.blobs.len() as u64 - stored_count;
        Ok(UploadReceipt {
            stored_count,
            stored_bytes,
            known_count,
        })
    }

    fn name_packs(&mut self, named: &mut Named) -> Result<(), BlobError> {
        for (temporary, entries) in self.full_packs.drain(..) {
            let number = self.store.new_pack_number()?;
            temporary.name(&self.store.layout.pack(number))?;
            named.folders.insert(self.store.layout.packs());
            named.blobs.extend(entries.into_iter().map(|entry| {
                let (offset, size_bytes) = (entry.offset, entry.size_bytes);
                (
                    entry.digest,
                    Place::Packed {
                        pack: number,
                        offset,
                        size_bytes,
                    },
                )
            }));
        }
        Ok(())
    }

    fn name_large(&mut self, named: &mut Named) -> Result<(), BlobError> {
        for (temporary, digest, size_bytes) in self.large.drain(..) {
            let path = self.store.layout.large_blob(&digest, size_bytes);
            let folder = path.parent().unwrap_or(&self.store.root).to_owned();
            if !named.folders.contains(&folder) {
                fs::create_dir_all(&folder).map_err(io_error("create", &folder))?;
                // Also when it was there: another upload may have made it and not have synced it yet.
                named.folders.insert(self.store.layout.large());
            }
            temporary.name(&path)?;
            // The name may have stood for a damaged file that is still open.
            self.store.handles.forget(FileKey::Large(digest));
            named.folders.insert(folder);
            let place = Place::Large {
                number: 0,
                size_bytes,
            };
            named.blobs.push((digest, place));
        }
        Ok(())
    }
}

/// What has its name, and the folders that have to be synced for it.
#[derive(Debug, Default)]
struct Named {
    folders: BTreeSet<PathBuf>,
    blobs: Vec<(BlobDigest, Place)>,
}

pub(super) fn begin_pack(store: &Store) -> Result<(TemporaryFile, PackWriter), BlobError> {
    let (temporary, file) = store.temporary_file()?;
    let pack = PackWriter::begin(file).map_err(io_error("write", temporary.path()))?;
    Ok((temporary, pack))
}
