//! The blob store on a local disk: small blobs of one upload in a pack with an index, larger ones as
//! files of their own.
//!
//! ```text
//! lock                    held by the one process that writes
//! packs/0000002a.pack     many small blobs, see `crate::pack`
//! large/ab/cdef…-70000    one blob and the sums of its chunks; digest and size are its name
//! temporary/7             of an upload under way; removed at the next start
//! damaged/…               set aside, never read again
//! ```
//!
//! Invariants: a file under `packs` or `large` was synced before it got its name and never changes; the
//! index in memory has a blob only after the folder of its file was synced too. Nothing but the index in
//! memory says in which pack a blob is, so collecting (see `collect`) copies the blobs of a sparse pack
//! that are still wanted into a new one, lets the index point there, and unlinks the old one: a reader that
//! has it open reads on, one that comes too late looks again. A large file is unlinked after the index has
//! forgotten it.
//!
//! Every byte that is read is checked: whole blobs and all in packs against their digest, parts of large
//! ones against the sums of their chunks (see `sums`). A blob that was found damaged counts as
//! missing, so that the next upload which has it stores it again; the later copy wins, also at the next
//! start.

mod blocking;
mod collect;
mod durable;
mod handles;
mod layout;
mod scan;
mod temporary;
mod upload;
mod verify;
mod writer;

use std::fs::{self, File, TryLockError};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use bytes::Bytes;
use holm_telemetry::event::StorageDamaged;
use holm_types::BlobDigest;

use crate::blob::{BlobError, BlobFuture, BlobPin, BlobStore, BlobUpload, VerifyReport};
use crate::collect::BlobCollector;
use crate::index::{BlobIndex, Place};
use crate::limits::StorageLimits;

use handles::{FileKey, HandleCache, OpenFile};
use layout::Layout;
use temporary::TemporaryFile;
use upload::LocalUpload;

/// The store on a local disk: small blobs of one upload in a pack with an index, larger ones as files.
/// Cheap to clone; the clones are one store.
#[derive(Clone, Debug)]
pub struct LocalBlobStore {
    store: Arc<Store>,
}

/// What may be done with the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    ReadOnly,
    Write,
}

#[derive(Debug)]
struct Store {
    root: PathBuf,
    layout: Layout,
    limits: StorageLimits,
    index: BlobIndex,
    handles: HandleCache,
    next_temporary: AtomicU64,
    next_pack: AtomicU32,
    /// Held for reading from the naming of a file until the index knows it; for writing while files that
    /// the index does not know are unlinked.
    naming: RwLock<()>,
    /// Locked while this store may write. `None` for reading only.
    lock: Option<File>,
    /// True once another process may write instead. Every writing step holds it for reading.
    is_released: RwLock<bool>,
}

/// An error of the disk, told with what was being done.
fn io_error<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> BlobError + 'a {
    move |source| BlobError::Io {
        doing,
        path: path.to_owned(),
        source,
    }
}

impl LocalBlobStore {
    /// Opens the folder (made if absent), reads the pack indexes, removes left-over temporary files.
    ///
    /// # Errors
    /// [`BlobError::Io`] when the disk refuses, when another process writes to the folder, or when a
    /// later version of this program did. Damaged files are no error: they are set aside with an event.
    pub fn open(folder: &Path) -> Result<Self, BlobError> {
        Self::open_with(folder, StorageLimits::default())
    }

    /// As [`LocalBlobStore::open`], with limits of one's own.
    pub fn open_with(folder: &Path, limits: StorageLimits) -> Result<Self, BlobError> {
        let layout = Layout::new(folder);
        for needed in [layout.packs(), layout.large(), layout.temporary()] {
            fs::create_dir_all(&needed).map_err(io_error("create", &needed))?;
        }
        let lock = lock(&layout.lock(), limits.lock_wait_max)?;
        for leftover in scan::files_of(&layout.temporary())? {
            fs::remove_file(&leftover).map_err(io_error("remove", &leftover))?;
        }
        // The folders may be new; what is renamed into them must not vanish with them.
        let absolute = fs::canonicalize(folder).map_err(io_error("find", folder))?;
        let folders: Vec<_> = absolute.ancestors().take(2).map(Path::to_owned).collect();
        durable::sync_all(folder, &folders, &limits)?;
        Self::over(folder, layout, limits, Some(lock))
    }

    /// Opens the folder for reading only, beside a running server: removes nothing, sees what was
    /// finished before. A folder that is not there is an empty store.
    pub fn open_read_only(folder: &Path) -> Result<Self, BlobError> {
        Self::over(folder, Layout::new(folder), StorageLimits::default(), None)
    }

    fn over(
        folder: &Path,
        layout: Layout,
        limits: StorageLimits,
        lock: Option<File>,
    ) -> Result<Self, BlobError> {
        let access = if lock.is_some() {
            Access::Write
        } else {
            Access::ReadOnly
        };
        let stock = scan::take_stock(&layout, access)?;
        let store = Store {
            root: folder.to_owned(),
            layout,
            limits,
            index: stock.index,
            handles: HandleCache::new(limits.open_handles_max),
            next_temporary: AtomicU64::new(0),
            next_pack: AtomicU32::new(stock.next_pack),
            naming: RwLock::new(()),
            lock,
            is_released: RwLock::new(false),
        };
        Ok(Self {
            store: Arc::new(store),
        })
    }

    /// How many blobs and how many bytes are stored.
    pub fn totals(&self) -> (u64, u64) {
        self.store.index.totals()
    }

    /// Reads and hashes everything, on this thread. Blobs that differ count as missing from now on.
    ///
    /// # Errors
    /// [`BlobError::Io`] when the disk refuses to read at all.
    pub fn verify(&self) -> Result<VerifyReport, BlobError> {
        verify::verify(&self.store)
    }

    /// As [`BlobStore::read`], on this thread: for programs without a runtime.
    pub fn read_sync(&self, digest: BlobDigest, range: Range<u64>) -> Result<Bytes, BlobError> {
        self.store.read(digest, range)
    }

    /// As [`BlobStore::read_verified`], on this thread: for programs without a runtime.
    pub fn read_verified_sync(&self, digest: BlobDigest) -> Result<Bytes, BlobError> {
        self.store.read_verified(digest)
    }
}

/// Waits for the lock: a process that was just told to end may still hold it.
fn lock(path: &Path, wait_max: Duration) -> Result<File, BlobError> {
    const STEP: Duration = Duration::from_millis(10);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path);
    let file = file.map_err(io_error("open", path))?;
    let mut waited = Duration::ZERO;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(io_error("lock", path)(error)),
            Err(TryLockError::WouldBlock) if waited >= wait_max => {
                let error = io::Error::new(
                    io::ErrorKind::ResourceBusy,
                    "another process writes to this store",
                );
                return Err(io_error("lock", path)(error));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(STEP),
        }
        waited += STEP;
    }
}

impl Store {
    /// Leave to write for as long as it is held. `None` when this store may only read.
    fn leave_to_write(&self) -> Option<RwLockReadGuard<'_, bool>> {
        let is_released = self
            .is_released
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        (self.lock.is_some() && !*is_released).then_some(is_released)
    }

    /// Waits for steps that write now, then lets go of the lock.
    fn release(&self) -> Result<(), BlobError> {
        let mut is_released = self
            .is_released
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *is_released = true;
        let unlocked = self.lock.as_ref().map_or(Ok(()), File::unlock);
        unlocked.map_err(io_error("unlock", &self.layout.lock()))
    }

    fn temporary_file(&self) -> Result<(TemporaryFile, File), BlobError> {
        let number = self.next_temporary.fetch_add(1, Ordering::Relaxed);
        TemporaryFile::create(self.layout.temporary().join(number.to_string()))
    }

    /// A number that no pack has, higher than all: naming a file replaces one that has the name already.
    fn new_pack_number(&self) -> Result<u32, BlobError> {
        let next = |number: u32| number.checked_add(1);
        let taken = self
            .next_pack
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        let path = self.layout.pack(taken.unwrap_or(u32::MAX));
        if taken.is_err() || path.exists() {
            return Err(io_error("name", &path)(io::ErrorKind::AlreadyExists.into()));
        }
        Ok(taken.unwrap_or(u32::MAX))
    }

    fn find(&self, digest: BlobDigest) -> Result<Place, BlobError> {
        match self.index.get(&digest) {
            None => Err(BlobError::NotFound { digest }),
            Some(found) if found.is_damaged => Err(BlobError::Damaged { digest }),
            Some(found) => Ok(found.place),
        }
    }

    fn read(&self, digest: BlobDigest, range: Range<u64>) -> Result<Bytes, BlobError> {
        self.read_where_it_is(digest, |place| {
            if range.start > range.end || range.end > place.size_bytes() {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "the range does not lie within the blob",
                ));
            }
            match place {
                Place::Packed { size_bytes, .. } => {
                    let bytes = self.read_place(digest, place, 0..u64::from(size_bytes))?;
                    check_whole(digest, &bytes)?;
                    Ok(slice(&bytes, &range))
                }
                Place::Large { .. } => self.read_chunks(digest, place, &range),
            }
        })
    }

    fn read_verified(&self, digest: BlobDigest) -> Result<Bytes, BlobError> {
        self.read_where_it_is(digest, |place| {
            let bytes = self.read_place(digest, place, 0..place.size_bytes())?;
            check_whole(digest, &bytes)?;
            Ok(bytes)
        })
    }

    /// Reads a blob from its place; once more when it was moved between looking and reading.
    fn read_where_it_is(
        &self,
        digest: BlobDigest,
        read: impl Fn(Place) -> io::Result<Bytes>,
    ) -> Result<Bytes, BlobError> {
        let mut place = self.find(digest)?;
        loop {
            let error = match read(place) {
                Ok(bytes) => return Ok(bytes),
                Err(error) => error,
            };
            let place_now = self.find(digest)?;
            if place_now == place || !verify::is_gone(&error) {
                return Err(self.read_error(digest, place, error));
            }
            place = place_now;
        }
    }

    /// Reads the chunks around a range of a large blob and checks them.
    fn read_chunks(
        &self,
        digest: BlobDigest,
        place: Place,
        range: &Range<u64>,
    ) -> io::Result<Bytes> {
        let open = self.open(digest, place)?;
        let sums = open.sums.as_ref().ok_or(io::ErrorKind::InvalidData)?;
        let around = sums.around(range);
        let len = usize::try_from(around.end - around.start).map_err(io::Error::other)?;
        let mut bytes = vec![0; len];
        open.file.read_exact_at(&mut bytes, around.start)?;
        if !sums.are_right(around.start, &bytes) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let wanted = range.start - around.start..range.end - around.start;
        Ok(slice(&bytes.into(), &wanted))
    }

    fn open(&self, digest: BlobDigest, place: Place) -> io::Result<Arc<OpenFile>> {
        let path = || self.path_of(digest, place);
        match place {
            Place::Packed { pack, .. } => self
                .handles
                .open(FileKey::Pack(pack), || OpenFile::pack(&path())),
            Place::Large { size_bytes, .. } => self.handles.open(FileKey::Large(digest), || {
                OpenFile::large(&path(), size_bytes)
            }),
        }
    }

    fn path_of(&self, digest: BlobDigest, place: Place) -> PathBuf {
        match place {
            Place::Packed { pack, .. } => self.layout.pack(pack),
            Place::Large { size_bytes, .. } => self.layout.large_blob(&digest, size_bytes),
        }
    }

    /// Reads a range that lies within the blob, as the disk has it.
    fn read_place(&self, digest: BlobDigest, place: Place, range: Range<u64>) -> io::Result<Bytes> {
        let base = match place {
            Place::Packed { offset, .. } => u64::from(offset),
            Place::Large { .. } => 0,
        };
        let len = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
        let open = self.open(digest, place)?;
        let mut bytes = vec![0; len];
        open.file.read_exact_at(&mut bytes, base + range.start)?;
        Ok(bytes.into())
    }

    fn read_error(&self, digest: BlobDigest, place: Place, error: io::Error) -> BlobError {
        if verify::is_gone(&error) || verify::is_wrong(&error) {
            self.mark_damaged(digest, place);
            return BlobError::Damaged { digest };
        }
        io_error("read", &self.path_of(digest, place))(error)
    }

    fn mark_damaged(&self, digest: BlobDigest, place: Place) {
        if self.index.mark_damaged(digest) {
            let path = self.path_of(digest, place).display().to_string();
            let reason = format!(
                "the bytes of blob {digest} are not those of its digest; it counts as missing"
            );
            StorageDamaged { path, reason }.emit();
        }
    }
}

/// The bytes of a whole blob, or `InvalidData`.
fn check_whole(digest: BlobDigest, bytes: &[u8]) -> io::Result<()> {
    if BlobDigest::of(bytes) == digest {
        Ok(())
    } else {
        Err(io::ErrorKind::InvalidData.into())
    }
}

fn slice(bytes: &Bytes, range: &Range<u64>) -> Bytes {
    let index = |at: u64| usize::try_from(at).map_or(bytes.len(), |at| at.min(bytes.len()));
    bytes.slice(index(range.start)..index(range.end))
}

impl AsRef<BlobIndex> for Store {
    fn as_ref(&self) -> &BlobIndex {
        &self.index
    }
}

impl BlobStore for LocalBlobStore {
    fn missing(&self, digests: &[BlobDigest]) -> Vec<BlobDigest> {
        self.store.index.missing(digests)
    }

    fn size_bytes(&self, digest: &BlobDigest) -> Option<u64> {
        self.store
            .index
            .get(digest)
            .map(|found| found.place.size_bytes())
    }

    fn read(&self, digest: BlobDigest, range: Range<u64>) -> BlobFuture<'_, Bytes> {
        let store = Arc::clone(&self.store);
        Box::pin(blocking::run(&self.store.root, move || {
            store.read(digest, range)
        }))
    }

    fn read_verified(&self, digest: BlobDigest) -> BlobFuture<'_, Bytes> {
        let store = Arc::clone(&self.store);
        Box::pin(blocking::run(&self.store.root, move || {
            store.read_verified(digest)
        }))
    }

    fn pin(&self, digest: &BlobDigest) -> Result<BlobPin, BlobError> {
        BlobIndex::pin_in(&self.store, *digest)
    }

    fn collector(&self) -> Option<Arc<dyn BlobCollector>> {
        Some(Arc::new(collect::LocalCollector(Arc::clone(&self.store))))
    }

    fn release(&self) -> Result<(), BlobError> {
        self.store.release()
    }

    fn upload(&self) -> Box<dyn BlobUpload> {
        Box::new(LocalUpload::new(Arc::clone(&self.store)))
    }
}
