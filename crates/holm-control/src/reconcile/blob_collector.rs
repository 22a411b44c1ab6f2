//! Gives back the space of blobs that nobody wants any more, beside deploys and visitors.
//!
//! Wanted are: the documents of sealed deployments of projects that are there, and every file in them; the
//! files that unfinished uploads have announced; the documents of the published snapshot and every file in
//! them; and the encoded forms of any of these.
//!
//! Why nothing wanted is ever removed, in the order of the steps:
//!
//! 1. The snapshot is published and the edge serves it, so no new visitor is shown anything else.
//! 2. The collection begins while nobody holds `Core::references`: every blob that was stored before and
//!    is to be named by a row or a record is named by it now. From here on the store keeps what it
//!    promises (`holm_storage::Collection`): whoever is told from now on that a blob is there will find it.
//! 3. Who wants what is read from one moment of the database after that. A deployment's row with its
//!    manifest is written before the store is asked what is missing, so an upload is either seen here or
//!    asks later than step 2.
//! 4. A document that cannot be read ends the collection: what it wants is not known.
//! 5. Encoded forms of sources that nobody wants are forgotten before their blobs go, so that the index
//!    never names a blob that is gone; one that is wanted again later is made again.
//! 6. Visitors whose requests began before step 1 get time to end; who streams a large blob holds a pin.

use bytes::Bytes;
use holm_api::CollectionView;
use holm_site::codec;
use holm_storage::{CollectStep, Collection};
use holm_telemetry::event::{BlobsCollected, TaskFailed};
use holm_types::{BlobDigest, ErrorCode, Timestamp};
use tokio::sync::watch;

use super::Report;
use crate::core::Core;
use crate::db::View;
use crate::error::ApiError;
use crate::published::published_documents;
use crate::stop::stopped;

/// Collects blobs.
#[derive(Debug)]
pub(crate) struct BlobCollector<'c> {
    core: &'c Core,
}

/// What the database says at one moment.
#[derive(Debug)]
struct Wanted {
    documents: Vec<BlobDigest>,
    ended_count: u64,
}

impl<'c> BlobCollector<'c> {
    pub(crate) fn new(core: &'c Core) -> Self {
        Self { core }
    }

    /// Collects if something has ended since the last time.
    pub(crate) async fn run_once(&self, stop: &watch::Receiver<bool>) -> Result<Report, ApiError> {
        let is_due = self.core.db.read(|view| {
            let last = view.last_collection()?;
            let ended_count = view.ended_count()?;
            Ok::<_, ApiError>(last.map_or(0, |(_, ended_count)| ended_count) != ended_count)
        });
        if !is_due.await? || *stop.borrow() {
            return Ok(Report::default());
        }
        // Somebody who needs that nothing is removed; the next time will do.
        if self.core.collecting.try_write().is_err() {
            return Ok(Report::default());
        }
        let done = self.collect(stop).await?;
        Ok(Report {
            changed_count: done.dead_count + done.moved_count,
        })
    }

    /// Collects, whether or not there is something to be found.
    pub(crate) async fn collect(
        &self,
        stop: &watch::Receiver<bool>,
    ) -> Result<CollectionView, ApiError> {
        let _turn = self.turn()?;
        let started_at = self.core.now();
        let collection = self.begin().await?;
        let wanted = self.mark(&collection).await?;
        self.forget_variants(&collection)?;
        self.settle(stop).await?;
        let done = self.sweep_and_compact(&collection, stop).await?;
        drop(collection);
        let view = self.view(started_at, done).await?;
        let (kept, ended_count) = (view.clone(), wanted.ended_count);
        self.core
            .db
            .write(move |change| change.note_collection(&kept, ended_count))
            .await?;
        BlobsCollected {
            removed_count: view.dead_count,
            removed_bytes: view.dead_bytes,
            freed_bytes: view.freed_bytes,
            duration_ms: u64::try_from(view.ended_at.unix_ms() - started_at.unix_ms()).unwrap_or(0),
        }
        .emit();
        Ok(view)
    }

    /// Looks what would be removed.
    pub(crate) async fn look(&self) -> Result<CollectionView, ApiError> {
        let _turn = self.turn()?;
        let started_at = self.core.now();
        let collection = self.begin().await?;
        self.mark(&collection).await?;
        let (dead_count, dead_bytes) = self.mark_variants_and_count(&collection).await?;
        drop(collection);
        let found = CollectStep {
            removed_count: dead_count,
            removed_bytes: dead_bytes,
            ..CollectStep::default()
        };
        let view = self.view(started_at, found).await?;
        Ok(CollectionView {
            is_dry_run: true,
            live_count: view.live_count.saturating_sub(dead_count),
            live_bytes: view.live_bytes.saturating_sub(dead_bytes),
            ..view
        })
    }

    fn turn(&self) -> Result<tokio::sync::RwLockWriteGuard<'c, ()>, ApiError> {
        self.core.collecting.try_write().map_err(|_| busy())
    }

    /// Steps 1 and 2.
    async fn begin(&self) -> Result<Collection, ApiError> {
        self.core.publisher.publish().await?;
        if let Some(newest) = self.core.snapshots.newest() {
            let wait_max = self.core.config.limits.take_up_wait_max;
            if !self.core.snapshots.taken_up(newest.version, wait_max).await {
                return Err(ApiError::new(
                    ErrorCode::EdgeNotTakenUp,
                    "The edge serves an older snapshot, whose blobs must stay",
                ));
            }
        }
        let collector = self.core.blobs.collector();
        let collector = collector.ok_or_else(|| {
            ApiError::new(ErrorCode::Internal, "The blob store cannot be collected")
        })?;
        let _nobody = self.core.references.write().await;
        Collection::begin(collector).ok_or_else(busy)
    }

    /// Steps 3 and 4.
    async fn mark(&self, collection: &Collection) -> Result<Wanted, ApiError> {
        let mut wanted = self.read_wanted(collection).await?;
        wanted.documents.extend(self.published_documents().await?);
        for document in &wanted.documents {
            keep(collection, &[*document])?;
            let bytes = self.core.blobs.read_verified(*document).await?;
            keep(collection, &files_of(bytes).await?)?;
        }
        Ok(wanted)
    }

    async fn read_wanted(&self, collection: &Collection) -> Result<Wanted, ApiError> {
        let view = self.core.db.read(|view| {
            let announced = announced_blobs(view)?;
            Ok::<_, ApiError>((
                announced,
                Wanted {
                    documents: view.wanted_documents()?,
                    ended_count: view.ended_count()?,
                },
            ))
        });
        let (announced, wanted) = view.await?;
        keep(collection, &announced)?;
        Ok(wanted)
    }

    async fn published_documents(&self) -> Result<Vec<BlobDigest>, ApiError> {
        let Some(published) = self.core.snapshots.newest() else {
            return Ok(Vec::new());
        };
        let unreadable = |error: &(dyn std::error::Error + 'static)| {
            let external = "The published snapshot cannot be read";
            ApiError::from_cause(ErrorCode::Internal, external, error)
        };
        tokio::task::spawn_blocking(move || published_documents(&published))
            .await
            .map_err(|error| unreadable(&error))?
            .map_err(|error| unreadable(&error))
    }

    /// Step 5.
    fn forget_variants(&self, collection: &Collection) -> Result<(), ApiError> {
        let forgotten = self
            .core
            .variants
            .retain(|source, _| collection.keeps(source));
        if let Err(error) = forgotten {
            // Forgotten in memory all the same; what comes back at the next start is checked there.
            TaskFailed {
                task: "blob_collector".to_owned(),
                reason: format!("write down which encoded forms are forgotten: {error}"),
            }
            .emit();
        }
        self.keep_forms(collection)
    }

    fn keep_forms(&self, collection: &Collection) -> Result<(), ApiError> {
        for (source, forms) in self.core.variants.all() {
            if collection.keeps(&source) {
                let forms: Vec<_> = forms.iter().map(|form| form.digest).collect();
                keep(collection, &forms)?;
            }
        }
        Ok(())
    }

    async fn mark_variants_and_count(
        &self,
        collection: &Collection,
    ) -> Result<(u64, u64), ApiError> {
        self.keep_forms(collection)?;
        Ok(collection.unwanted().await?)
    }

    /// Step 6. Fails when the server stops.
    async fn settle(&self, stop: &watch::Receiver<bool>) -> Result<(), ApiError> {
        let mut stop = stop.clone();
        tokio::select! {
            () = stopped(&mut stop) => Err(stopping()),
            () = tokio::time::sleep(self.core.config.limits.collect_settle_time) => Ok(()),
        }
    }

    async fn sweep_and_compact(
        &self,
        collection: &Collection,
        stop: &watch::Receiver<bool>,
    ) -> Result<CollectStep, ApiError> {
        let mut done = CollectStep::default();
        while !done.is_done {
            self.go_on(stop).await?;
            done.add(&collection.sweep().await?);
        }
        done.is_done = false;
        while !done.is_done {
            self.go_on(stop).await?;
            done.add(&collection.compact().await?);
        }
        Ok(done)
    }

    /// Between two steps deploys go first.
    async fn go_on(&self, stop: &watch::Receiver<bool>) -> Result<(), ApiError> {
        if *stop.borrow() {
            return Err(stopping());
        }
        self.core.let_deploys_go_first().await;
        Ok(())
    }

    async fn view(
        &self,
        started_at: Timestamp,
        done: CollectStep,
    ) -> Result<CollectionView, ApiError> {
        let collector = self.core.blobs.collector();
        let usage = match collector {
            Some(collector) => collector.usage().await?,
            None => holm_storage::StoreUsage::default(),
        };
        Ok(CollectionView {
            started_at,
            ended_at: self.core.now(),
            is_dry_run: false,
            live_count: usage.blob_count,
            live_bytes: usage.blob_bytes,
            dead_count: done.removed_count,
            dead_bytes: done.removed_bytes,
            moved_count: done.moved_count,
            freed_bytes: done.freed_bytes,
        })
    }
}

fn announced_blobs(view: &View<'_>) -> Result<Vec<BlobDigest>, ApiError> {
    let mut digests = Vec::new();
    for id in view.announcing_deployments()? {
        let files = view.announced(id)?.unwrap_or_default();
        digests.extend(files.iter().map(|file| file.digest));
    }
    Ok(digests)
}

/// The files that a document names.
async fn files_of(document: Bytes) -> Result<Vec<BlobDigest>, ApiError> {
    let decode = move || {
        let document = codec::decode_document(&document)?;
        let entries = document.manifest.entries().iter();
        Ok::<_, codec::DecodeError>(entries.map(|entry| entry.digest).collect())
    };
    let unreadable = |error: &(dyn std::error::Error + 'static)| {
        ApiError::from_cause(ErrorCode::Internal, "A deployment cannot be read", error)
    };
    tokio::task::spawn_blocking(decode)
        .await
        .map_err(|error| unreadable(&error))?
        .map_err(|error| unreadable(&error))
}

fn keep(collection: &Collection, digests: &[BlobDigest]) -> Result<(), ApiError> {
    if collection.keep(digests) {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorCode::Internal,
        "There are more blobs than a collection can remember (storage.collect_marks_max)",
    ))
}

fn busy() -> ApiError {
    ApiError::new(
        ErrorCode::ServerBusy,
        "A collection or a back-up is under way; nothing can be collected meanwhile",
    )
}

fn stopping() -> ApiError {
    ApiError::new(ErrorCode::ServerStopping, "The server is stopping")
}
