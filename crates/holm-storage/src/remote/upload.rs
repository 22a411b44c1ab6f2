//! An upload to a store elsewhere: small blobs are gathered to packs in memory, large ones are sent in
//! parts while they arrive. Nothing waits on the local disk.

use std::collections::{HashSet, VecDeque};
use std::mem;
use std::sync::{Arc, PoisonError};

use bytes::{Bytes, BytesMut};
use holm_types::{BlobDigest, BlobHasher};
use object_store::MultipartUpload;

use crate::blob::{BlobError, BlobFuture, BlobUpload, UploadReceipt};
use crate::index::Place;
use crate::pack::{PackEntry, PackWriter};
use crate::sums::SumsWriter;

use super::objects::{large_name, pack_name};
use super::{Access, Store, remote_error};

/// Parts of a large blob; S3 wants at least 5 MiB.
const PART_BYTES: usize = 8 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct RemoteUpload {
    store: Arc<Store>,
    pack: Option<PackWriter<Vec<u8>>>,
    /// Packs that are stored, with their sizes and blobs.
    packs: Vec<(u32, u64, Vec<PackEntry>)>,
    /// Large blobs that are stored.
    large: Vec<(BlobDigest, Place)>,
    begun: Option<Begun>,
    /// Blobs of this upload, so that one that comes twice is stored once.
    seen: HashSet<BlobDigest>,
    known_count: u64,
    /// Mismatches the caller has not heard of.
    unreported: VecDeque<BlobError>,
    /// Set while a step runs and left set when it failed or was dropped half-way.
    is_broken: bool,
    is_finished: bool,
}

/// A blob that arrives in pieces.
#[derive(Debug)]
struct Begun {
    digest: BlobDigest,
    announced_bytes: u64,
    arrived_bytes: u64,
    hold: Hold,
}

#[derive(Debug)]
enum Hold {
    /// The store has it already.
    Skip,
    /// Small: kept until it is whole.
    Whole(BytesMut),
    /// Large: sent in parts.
    Parts(Box<Parts>),
}

#[derive(Debug)]
struct Parts {
    number: u32,
    name: String,
    hasher: BlobHasher,
    sums: SumsWriter,
    waiting: BytesMut,
    /// `None` before the first part is full.
    upload: Option<Box<dyn MultipartUpload>>,
}

impl RemoteUpload {
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            pack: None,
            packs: Vec::new(),
            large: Vec::new(),
            begun: None,
            seen: HashSet::new(),
            known_count: 0,
            unreported: VecDeque::new(),
            is_broken: false,
            is_finished: false,
        }
    }

    fn error(&self, what: &'static str) -> BlobError {
        remote_error(
            "go on with an upload to",
            &self.store.objects.describe(),
            what,
        )
    }

    fn still_works(&self) -> Result<(), BlobError> {
        if self.is_broken {
            return Err(self.error("an earlier step of it failed or was dropped"));
        }
        Ok(())
    }

    /// Marks the upload as broken until the step is done.
    fn begin_step(&mut self) -> Result<(), BlobError> {
        if self.store.access == Access::ReadOnly {
            return Err(self.error("it was opened for reading only"));
        }
        if mem::replace(&mut self.is_broken, true) {
            return Err(self.error("an earlier step of it failed or was dropped"));
        }
        Ok(())
    }

    fn end_step<T>(&mut self, done: Result<T, BlobError>) -> Result<T, BlobError> {
        self.is_broken = matches!(done, Err(BlobError::Io { .. }));
        done
    }

    async fn put_whole(&mut self, digest: BlobDigest, bytes: Bytes) -> Result<(), BlobError> {
        let size_bytes = bytes.len() as u64;
        if size_bytes >= self.store.limits.packed_bytes_max {
            self.begin_blob(digest, size_bytes).await?;
            self.append_piece(bytes).await?;
            let ended = self.end_blob().await;
            return self.note_mismatch(ended);
        }
        if self.store.index.is_whole(&digest) || self.seen.contains(&digest) {
            self.known_count += 1;
            return Ok(());
        }
        let found = BlobDigest::of(&bytes);
        if found != digest {
            let expected = digest;
            return self.note_mismatch(Err(BlobError::Mismatch { expected, found }));
        }
        self.seen.insert(digest);
        self.write_packed(digest, &bytes).await
    }

    /// A mismatch of a whole blob is reported by `settle` or `finish`, as every store does it.
    fn note_mismatch(&mut self, done: Result<(), BlobError>) -> Result<(), BlobError> {
        match done {
            Err(error @ BlobError::Mismatch { .. }) => {
                self.unreported.push_back(error);
                Ok(())
            }
            other => other,
        }
    }

    /// One mismatch that was not reported before.
    fn report(&mut self) -> Result<(), BlobError> {
        self.unreported.pop_front().map_or(Ok(()), Err)
    }

    async fn write_packed(&mut self, digest: BlobDigest, bytes: &[u8]) -> Result<(), BlobError> {
        let limits = self.store.limits;
        let is_full = self.pack.as_ref().is_some_and(|pack| {
            !pack.has_room(
                bytes.len() as u64,
                limits.remote_pack_bytes_max,
                limits.pack_entries_max,
            )
        });
        if is_full {
            self.send_pack().await?;
        }
        let failed = |error: std::io::Error| remote_error("write", "a pack", error);
        let pack = match &mut self.pack {
            Some(pack) => pack,
            none => none.insert(PackWriter::begin(Vec::new()).map_err(failed)?),
        };
        pack.append(digest, bytes).map_err(failed)
    }

    async fn send_pack(&mut self) -> Result<(), BlobError> {
        let Some(pack) = self.pack.take() else {
            return Ok(());
        };
        let (bytes, entries) = pack
            .end()
            .map_err(|error| remote_error("write", "a pack", error))?;
        let number = self.store.new_number()?;
        let size_bytes = bytes.len() as u64;
        self.store
            .objects
            .put(&pack_name(number), bytes.into())
            .await?;
        self.packs.push((number, size_bytes, entries));
        Ok(())
    }

    async fn begin_blob(&mut self, digest: BlobDigest, size: u64) -> Result<(), BlobError> {
        self.give_up_begun().await?;
        let hold = if self.store.index.is_whole(&digest) || self.seen.contains(&digest) {
            Hold::Skip
        } else if size < self.store.limits.packed_bytes_max {
            Hold::Whole(BytesMut::new())
        } else {
            let number = self.store.new_number()?;
            Hold::Parts(Box::new(Parts {
                number,
                name: large_name(&digest, size, number),
                hasher: BlobHasher::new(),
                sums: SumsWriter::default(),
                waiting: BytesMut::new(),
                upload: None,
            }))
        };
        self.begun = Some(Begun {
            digest,
            announced_bytes: size,
            arrived_bytes: 0,
            hold,
        });
        Ok(())
    }

    async fn give_up_begun(&mut self) -> Result<(), BlobError> {
        if let Some(Begun {
            hold: Hold::Parts(mut parts),
            ..
        }) = self.begun.take()
            && let Some(upload) = &mut parts.upload
        {
            let aborted = upload.abort().await;
            aborted.map_err(|error| remote_error("give up", &parts.name, error))?;
        }
        Ok(())
    }

    async fn append_piece(&mut self, piece: Bytes) -> Result<(), BlobError> {
        let store = Arc::clone(&self.store);
        let Some(begun) = &mut self.begun else {
            return Err(self.error("no blob was begun"));
        };
        begun.arrived_bytes = begun.arrived_bytes.saturating_add(piece.len() as u64);
        if begun.arrived_bytes > begun.announced_bytes {
            let error = begun.size_mismatch();
            self.give_up_begun().await?;
            return Err(error);
        }
        match &mut begun.hold {
            Hold::Skip => Ok(()),
            Hold::Whole(whole) => {
                whole.extend_from_slice(&piece);
                Ok(())
            }
            Hold::Parts(parts) => parts.append(&store, &piece).await,
        }
    }

    async fn end_blob(&mut self) -> Result<(), BlobError> {
        let Some(begun) = self.begun.take() else {
            return Err(self.error("no blob was begun"));
        };
        if begun.arrived_bytes != begun.announced_bytes {
            let error = begun.size_mismatch();
            self.begun = Some(begun);
            self.give_up_begun().await?;
            return Err(error);
        }
        let (digest, size_bytes) = (begun.digest, begun.announced_bytes);
        match begun.hold {
            Hold::Skip => {
                self.known_count += 1;
                Ok(())
            }
            // Boxed, because a large whole blob goes the other way round.
            Hold::Whole(whole) => Box::pin(self.put_whole(digest, whole.freeze())).await,
            Hold::Parts(parts) => {
                let number = parts.number;
                parts.end(&self.store, digest).await?;
                self.seen.insert(digest);
                self.large
                    .push((digest, Place::Large { number, size_bytes }));
                Ok(())
            }
        }
    }

    /// Everything is stored; now the index learns of it, all at once.
    async fn finish_all(&mut self) -> Result<UploadReceipt, BlobError> {
        if self.begun.is_some() {
            return Err(self.error("a blob was begun and not ended"));
        }
        self.report()?;
        self.send_pack().await?;
        let mut blobs = mem::take(&mut self.large);
        let (stored_count, stored_bytes) = {
            let naming = self.store.naming.read();
            let _naming = naming.unwrap_or_else(PoisonError::into_inner);
            for (number, size_bytes, entries) in mem::take(&mut self.packs) {
                self.store.lock_packs().insert(number, size_bytes);
                blobs.extend(entries.into_iter().map(|entry| {
                    let place = Place::Packed {
                        pack: number,
                        offset: entry.offset,
                        size_bytes: entry.size_bytes,
                    };
                    (entry.digest, place)
                }));
            }
            self.store.index.add(&blobs)
        };
        self.is_finished = true;
        delete_unused(&self.store, &blobs).await;
        Ok(UploadReceipt {
            stored_count,
            stored_bytes,
            known_count: self.known_count + blobs.len() as u64 - stored_count,
        })
    }
}

/// Deletes large blobs that another upload has brought in the meantime.
async fn delete_unused(store: &Store, blobs: &[(BlobDigest, Place)]) {
    for (digest, place) in blobs {
        if let Place::Large { number, size_bytes } = place
            && store.index.get(digest).map(|found| found.place) != Some(*place)
        {
            let name = large_name(digest, *size_bytes, *number);
            // What stays is found at the next start.
            drop(store.objects.delete(&name).await);
        }
    }
}

impl Begun {
    fn size_mismatch(&self) -> BlobError {
        BlobError::SizeMismatch {
            digest: self.digest,
            announced_bytes: self.announced_bytes,
            arrived_bytes: self.arrived_bytes,
        }
    }
}

impl Parts {
    async fn append(&mut self, store: &Store, piece: &[u8]) -> Result<(), BlobError> {
        self.hasher.update(piece);
        self.sums.update(piece);
        self.waiting.extend_from_slice(piece);
        while self.waiting.len() >= PART_BYTES {
            let part = self.waiting.split_to(PART_BYTES).freeze();
            self.send(store, part).await?;
        }
        Ok(())
    }

    async fn send(&mut self, store: &Store, part: Bytes) -> Result<(), BlobError> {
        let upload = match &mut self.upload {
            Some(upload) => upload,
            none => none.insert(store.objects.begin_large(&self.name).await?),
        };
        store.objects.put_part(&self.name, upload, part).await
    }

    /// Checks the blob and makes the object whole.
    async fn end(mut self: Box<Self>, store: &Store, digest: BlobDigest) -> Result<(), BlobError> {
        let found = self.hasher.finish();
        if found != digest {
            if let Some(upload) = &mut self.upload {
                let aborted = upload.abort().await;
                aborted.map_err(|error| remote_error("give up", &self.name, error))?;
            }
            return Err(BlobError::Mismatch {
                expected: digest,
                found,
            });
        }
        let trailer = mem::take(&mut self.sums).finish();
        self.waiting.extend_from_slice(&trailer);
        let last = mem::take(&mut self.waiting).freeze();
        if self.upload.is_none() {
            return store.objects.put(&self.name, last).await;
        }
        self.send(store, last).await?;
        match &mut self.upload {
            Some(upload) => store.objects.complete(&self.name, upload).await,
            None => Ok(()),
        }
    }
}

impl Drop for RemoteUpload {
    /// Objects of an upload that was given up are of no use.
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if self.is_finished {
            return;
        }
        let packs = self.packs.iter().map(|(number, ..)| pack_name(*number));
        let large = self.large.iter().filter_map(|(digest, place)| match place {
            Place::Large { number, size_bytes } => Some(large_name(digest, *size_bytes, *number)),
            Place::Packed { .. } => None,
        });
        let names: Vec<String> = packs.chain(large).collect();
        let parts = match self.begun.take() {
            Some(Begun {
                hold: Hold::Parts(parts),
                ..
            }) => parts.upload,
            _ => None,
        };
        if names.is_empty() && parts.is_none() {
            return;
        }
        let store = Arc::clone(&self.store);
        runtime.spawn(async move {
            // What cannot be deleted now is found at the next start.
            if let Some(mut upload) = parts {
                drop(upload.abort().await);
            }
            for name in names {
                drop(store.objects.delete(&name).await);
            }
        });
    }
}

/// Runs a step of an upload, unless an earlier one failed or was dropped.
macro_rules! step {
    ($self:ident, $step:expr) => {
        Box::pin(async move {
            $self.begin_step()?;
            let done = $step.await;
            $self.end_step(done)
        })
    };
}

impl BlobUpload for RemoteUpload {
    fn put(&mut self, digest: BlobDigest, bytes: Bytes) -> BlobFuture<'_, ()> {
        step!(self, self.put_whole(digest, bytes))
    }

    fn begin(&mut self, digest: BlobDigest, size_bytes: u64) -> BlobFuture<'_, ()> {
        step!(self, self.begin_blob(digest, size_bytes))
    }

    fn append(&mut self, bytes: Bytes) -> BlobFuture<'_, ()> {
        if self.begun.is_none() {
            return Box::pin(std::future::ready(Err(self.error("no blob was begun"))));
        }
        step!(self, self.append_piece(bytes))
    }

    fn end(&mut self) -> BlobFuture<'_, ()> {
        if self.begun.is_none() {
            return Box::pin(std::future::ready(Err(self.error("no blob was begun"))));
        }
        step!(self, self.end_blob())
    }

    fn settle(&mut self) -> BlobFuture<'_, ()> {
        let done = self.still_works().and_then(|()| self.report());
        Box::pin(std::future::ready(done))
    }

    fn finish(mut self: Box<Self>) -> BlobFuture<'static, UploadReceipt> {
        Box::pin(async move {
            self.begin_step()?;
            let done = self.finish_all().await;
            self.end_step(done)
        })
    }
}
