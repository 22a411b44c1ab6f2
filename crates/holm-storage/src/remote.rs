//! The blob store in an object store such as S3: small blobs of one upload in a pack, larger ones as objects
//! of their own, read through a bounded cache on the local disk.
//!
//! ```text
//! PREFIX/owner                           which server writes here
//! PREFIX/packs/0000002a.pack             many small blobs, see `pack`
//! PREFIX/large/cdef…-70000-0000002b      one blob and the sums of its chunks
//! ```
//!
//! Objects never change, and no name is used twice: numbers only grow, and one server writes (`owner`). So
//! an object can be deleted without a look at who else might have stored the same blob. An object is
//! visible to others only when it is whole, which is what the object store promises; the index knows a blob
//! only after its upload is finished. What an upload that was given up or a crash leaves is found at the
//! next start, where it is an ordinary blob, and is collected when nobody wants it.

mod cache;
mod collect;
mod objects;
mod s3;
mod upload;

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::{Bytes, BytesMut};
use holm_telemetry::event::StorageDamaged;
use holm_types::BlobDigest;
use object_store::ObjectStore;

use crate::blob::{BlobError, BlobFuture, BlobPin, BlobStore, BlobUpload};
use crate::collect::BlobCollector;
use crate::index::{BlobIndex, Place};
use crate::limits::StorageLimits;
use crate::sums::ChunkSums;

use cache::{ReadCache, SegmentKey};
use objects::{Objects, is_absent};

pub use s3::{S3Credentials, S3Settings};

/// Bytes of a large blob that are fetched and cached together; a whole number of chunks.
const SEGMENT_BYTES: u64 = 1024 * 1024;

/// How a store elsewhere is used.
#[derive(Clone, Debug)]
pub struct RemoteSettings {
    /// What all names begin with, without slashes at the ends; may be empty.
    pub prefix: String,
    /// Who writes: the same at every start of one server, different for every other.
    pub owner: String,
    /// Where the read cache is. The folder is made if absent, and may be lost at any time.
    pub cache_folder: PathBuf,
    /// The maxima.
    pub limits: StorageLimits,
}

/// The blob store in an object store. Cheap to clone; the clones are one store.
#[derive(Clone, Debug)]
pub struct RemoteBlobStore {
    store: Arc<Store>,
}

/// What may be done with the objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    ReadOnly,
    Write,
}

#[derive(Debug)]
struct Store {
    access: Access,
    objects: Objects,
    limits: StorageLimits,
    index: BlobIndex,
    cache: ReadCache,
    /// Sizes of the packs that the index may point into.
    packs: Mutex<HashMap<u32, u64>>,
    /// The sums of large blobs that were read last.
    sums: Mutex<SumsTable>,
    next_number: AtomicU32,
    /// Held for reading while packs and blobs become known, for writing while it is looked which packs
    /// nobody needs.
    naming: RwLock<()>,
}

/// A bounded table: when it is full, it begins anew.
#[derive(Debug, Default)]
struct SumsTable {
    sums: HashMap<u32, Arc<ChunkSums>>,
}

impl RemoteBlobStore {
    /// Opens a store in S3 or what speaks like it: becomes its owner or checks that this server is,
    /// lists it, reads the index of every pack.
    ///
    /// # Errors
    /// [`BlobError::Io`] when the store cannot be reached, refuses, or belongs to another server.
    pub async fn open_s3(settings: &S3Settings, how: RemoteSettings) -> Result<Self, BlobError> {
        Self::open_over(s3::connect(settings)?, how, Access::Write).await
    }

    /// As [`RemoteBlobStore::open_s3`], beside a running server: changes nothing, sees what was finished
    /// before.
    pub async fn open_s3_read_only(
        settings: &S3Settings,
        how: RemoteSettings,
    ) -> Result<Self, BlobError> {
        Self::open_over(s3::connect(settings)?, how, Access::ReadOnly).await
    }

    /// As [`RemoteBlobStore::open_s3`], in memory: for tests.
    pub async fn open_in_memory(how: RemoteSettings) -> Result<Self, BlobError> {
        let objects = Arc::new(object_store::memory::InMemory::new());
        Self::open_over(objects, how, Access::Write).await
    }

    async fn open_over(
        objects: Arc<dyn ObjectStore>,
        how: RemoteSettings,
        access: Access,
    ) -> Result<Self, BlobError> {
        let objects = Objects::new(objects, &how);
        if access == Access::Write {
            objects.claim(&how.owner).await?;
        }
        let stock = objects.take_stock().await?;
        let cache = ReadCache::open(&how.cache_folder, how.limits.remote_cache_bytes_max)?;
        if access == Access::Write {
            for superseded in &stock.superseded {
                objects.delete(superseded).await?;
            }
        }
        let store = Store {
            access,
            objects,
            limits: how.limits,
            index: stock.index,
            cache,
            packs: Mutex::new(stock.packs),
            sums: Mutex::default(),
            next_number: AtomicU32::new(stock.next_number),
            naming: RwLock::new(()),
        };
        Ok(Self {
            store: Arc::new(store),
        })
    }

    /// How many blobs and how many bytes are stored.
    pub fn totals(&self) -> (u64, u64) {
        self.store.index.totals()
    }
}

impl Store {
    /// A number that no object has.
    fn new_number(&self) -> Result<u32, BlobError> {
        let next = |number: u32| number.checked_add(1);
        let taken = self
            .next_number
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        taken.map_err(|_| objects::refused("name an object of", "the store"))
    }

    fn find(&self, digest: BlobDigest) -> Result<Place, BlobError> {
        match self.index.get(&digest) {
            None => Err(BlobError::NotFound { digest }),
            Some(found) if found.is_damaged => Err(BlobError::Damaged { digest }),
            Some(found) => Ok(found.place),
        }
    }

    /// Reads a blob from its place; once more when it was moved between looking and reading.
    async fn read(&self, digest: BlobDigest, range: Range<u64>) -> Result<Bytes, BlobError> {
        let mut place = self.find(digest)?;
        loop {
            if range.start > range.end || range.end > place.size_bytes() {
                return Err(objects::refused(
                    "read a range outside of blob",
                    &digest.to_string(),
                ));
            }
            let read = match place {
                Place::Packed { .. } => self.read_packed(digest, place, &range).await,
                Place::Large { number, size_bytes } => {
                    self.read_large(digest, number, size_bytes, &range).await
                }
            };
            let error = match read {
                Ok(bytes) => return Ok(bytes),
                Err(error) => error,
            };
            let place_now = self.find(digest)?;
            if place_now == place {
                return Err(self.read_error(digest, error));
            }
            place = place_now;
        }
    }

    async fn read_verified(&self, digest: BlobDigest) -> Result<Bytes, BlobError> {
        let size_bytes = self.find(digest)?.size_bytes();
        let bytes = self.read(digest, 0..size_bytes).await?;
        if BlobDigest::of(&bytes) == digest {
            return Ok(bytes);
        }
        Err(self.read_error(digest, BlobError::Damaged { digest }))
    }

    /// What is not there or not right counts as missing from now on.
    fn read_error(&self, digest: BlobDigest, error: BlobError) -> BlobError {
        let is_lost = matches!(error, BlobError::Damaged { .. }) || is_absent(&error);
        if !is_lost {
            return error;
        }
        if self.index.mark_damaged(digest) {
            StorageDamaged {
                path: self.objects.describe(),
                reason: format!(
                    "the bytes of blob {digest} are gone or not those of its digest; it counts as missing"
                ),
            }
            .emit();
        }
        BlobError::Damaged { digest }
    }

    /// A blob in a pack, whole and checked.
    async fn read_packed(
        &self,
        digest: BlobDigest,
        place: Place,
        range: &Range<u64>,
    ) -> Result<Bytes, BlobError> {
        let Place::Packed {
            pack,
            offset,
            size_bytes,
        } = place
        else {
            return Err(BlobError::NotFound { digest });
        };
        let key = SegmentKey::whole(digest);
        if let Some(bytes) = self.cache.get(key).await {
            if BlobDigest::of(&bytes) == digest {
                return Ok(slice(&bytes, range));
            }
            self.cache.forget(key);
        }
        let start = u64::from(offset);
        let object = objects::pack_name(pack);
        let bytes = self
            .objects
            .get(&object, start..start + u64::from(size_bytes))
            .await?;
        if BlobDigest::of(&bytes) != digest {
            return Err(BlobError::Damaged { digest });
        }
        self.cache.put(key, bytes.clone()).await;
        Ok(slice(&bytes, range))
    }

    /// A part of a large blob, from the segments around it.
    async fn read_large(
        &self,
        digest: BlobDigest,
        number: u32,
        size_bytes: u64,
        range: &Range<u64>,
    ) -> Result<Bytes, BlobError> {
        let sums = self.sums(digest, number, size_bytes).await?;
        let mut whole = BytesMut::new();
        let mut at = range.start;
        while at < range.end {
            let segment = at / SEGMENT_BYTES;
            let start = segment * SEGMENT_BYTES;
            let end = size_bytes.min(start + SEGMENT_BYTES);
            let bytes = self
                .segment(digest, number, size_bytes, &sums, start..end)
                .await?;
            let part = slice(&bytes, &(at - start..range.end.min(end) - start));
            at = end;
            if whole.is_empty() && at >= range.end {
                return Ok(part);
            }
            whole.extend_from_slice(&part);
        }
        Ok(whole.freeze())
    }

    async fn segment(
        &self,
        digest: BlobDigest,
        number: u32,
        size_bytes: u64,
        sums: &ChunkSums,
        range: Range<u64>,
    ) -> Result<Bytes, BlobError> {
        let key = SegmentKey::part(digest, range.start / SEGMENT_BYTES);
        if let Some(bytes) = self.cache.get(key).await {
            if bytes.len() as u64 == range.end - range.start && sums.are_right(range.start, &bytes)
            {
                return Ok(bytes);
            }
            self.cache.forget(key);
        }
        let object = objects::large_name(&digest, size_bytes, number);
        let bytes = self.objects.get(&object, range.clone()).await?;
        if !sums.are_right(range.start, &bytes) {
            return Err(BlobError::Damaged { digest });
        }
        self.cache.put(key, bytes.clone()).await;
        Ok(bytes)
    }

    async fn sums(
        &self,
        digest: BlobDigest,
        number: u32,
        size_bytes: u64,
    ) -> Result<Arc<ChunkSums>, BlobError> {
        let known = self.lock_sums().sums.get(&number).map(Arc::clone);
        if let Some(sums) = known {
            return Ok(sums);
        }
        let object = objects::large_name(&digest, size_bytes, number);
        let range = size_bytes..size_bytes + crate::sums::trailer_len(size_bytes);
        let trailer = self.objects.get(&object, range).await?;
        let sums = ChunkSums::decode(&trailer, size_bytes);
        let sums = Arc::new(sums.ok_or(BlobError::Damaged { digest })?);
        let mut table = self.lock_sums();
        if table.sums.len() >= self.limits.open_handles_max {
            table.sums.clear();
        }
        table.sums.insert(number, Arc::clone(&sums));
        Ok(sums)
    }

    fn lock_sums(&self) -> std::sync::MutexGuard<'_, SumsTable> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_packs(&self) -> std::sync::MutexGuard<'_, HashMap<u32, u64>> {
        self.packs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn slice(bytes: &Bytes, range: &Range<u64>) -> Bytes {
    let index = |at: u64| usize::try_from(at).map_or(bytes.len(), |at| at.min(bytes.len()));
    bytes.slice(index(range.start)..index(range.end))
}

/// An error of the store elsewhere, told with what was being done to which object.
fn remote_error(
    doing: &'static str,
    object: &str,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> BlobError {
    BlobError::Io {
        doing,
        path: PathBuf::from(object),
        source: io::Error::other(error),
    }
}

impl AsRef<BlobIndex> for Store {
    fn as_ref(&self) -> &BlobIndex {
        &self.index
    }
}

impl BlobStore for RemoteBlobStore {
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
        Box::pin(self.store.read(digest, range))
    }

    fn read_verified(&self, digest: BlobDigest) -> BlobFuture<'_, Bytes> {
        Box::pin(self.store.read_verified(digest))
    }

    fn pin(&self, digest: &BlobDigest) -> Result<BlobPin, BlobError> {
        BlobIndex::pin_in(&self.store, *digest)
    }

    fn collector(&self) -> Option<Arc<dyn BlobCollector>> {
        Some(Arc::new(collect::RemoteCollector(Arc::clone(&self.store))))
    }

    fn upload(&self) -> Box<dyn BlobUpload> {
        Box::new(upload::RemoteUpload::new(Arc::clone(&self.store)))
    }
}
