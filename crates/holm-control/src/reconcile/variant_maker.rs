//! Makes the br and gzip forms of text-like assets, after sealing, one at a time on a blocking thread.
//! A deployment is served without them; nothing waits for this.

use std::collections::HashSet;

use bytes::Bytes;
use holm_site::{AssetRef, Site, codec};
use holm_storage::{ContentCoding, Variant, Variants, compress};
use holm_telemetry::event::TaskFailed;
use holm_types::{BlobDigest, DeploymentId, ErrorCode};
use tokio::sync::watch;

use super::Report;
use crate::core::Core;
use crate::error::ApiError;

/// Deployments that are looked up and remembered together.
const BATCH_COUNT_MAX: u32 = 256;

/// One asset's encoded forms, not stored yet.
#[derive(Debug)]
struct Made {
    source: BlobDigest,
    br: Option<Bytes>,
    gzip: Option<Bytes>,
}

/// Makes variants for what was sealed, newest first.
#[derive(Debug)]
pub(crate) struct VariantMaker<'c> {
    core: &'c Core,
}

impl<'c> VariantMaker<'c> {
    pub(crate) fn new(core: &'c Core) -> Self {
        Self { core }
    }

    /// Looks after every sealed deployment that nobody has looked after; ends early when stopping, and when one
    /// cannot be looked after, those before it being done.
    pub(crate) async fn run_once(&self, stop: &watch::Receiver<bool>) -> Result<Report, ApiError> {
        let mut report = Report::default();
        while !*stop.borrow() {
            let next: Vec<_> = self
                .core
                .db
                .read(|view| view.deployments_without_variants(BATCH_COUNT_MAX))
                .await?;
            let mut done = Vec::with_capacity(next.len());
            let ended = self.look_after_each(next, stop, &mut done).await;
            let is_over = done.is_empty();
            if !is_over {
                self.remember(done).await?;
            }
            report.changed_count += ended?;
            if is_over {
                break;
            }
        }
        Ok(report)
    }

    /// Looks after one after the other until there was something to encode. How many assets that were; `done` has
    /// whom nobody needs to look after again, after a failure too.
    async fn look_after_each(
        &self,
        next: Vec<(DeploymentId, BlobDigest)>,
        stop: &watch::Receiver<bool>,
        done: &mut Vec<DeploymentId>,
    ) -> Result<u64, ApiError> {
        for (id, document) in next {
            let Some(made_count) = self.look_after(id, document, stop).await? else {
                break;
            };
            done.push(id);
            // That took its time; there may be a newer one by now.
            if made_count > 0 {
                return Ok(made_count);
            }
        }
        Ok(0)
    }

    /// Says of all these together that they are done: after a restart most have nothing to do, and a commit each
    /// would be most of the work.
    async fn remember(&self, done: Vec<DeploymentId>) -> Result<(), ApiError> {
        let now = self.core.now();
        self.core
            .db
            .write(move |change| {
                let mut done = done.into_iter();
                Ok(done.try_for_each(|id| change.variants_made(id, now))?)
            })
            .await
    }

    /// How many assets were encoded. `None` when it was stopped before the end.
    async fn look_after(
        &self,
        id: DeploymentId,
        document: BlobDigest,
        stop: &watch::Receiver<bool>,
    ) -> Result<Option<u64>, ApiError> {
        let mut waiting = Vec::new();
        let mut waiting_bytes = 0;
        let mut made_count = 0;
        for source in self.sources(document).await? {
            if *stop.borrow() {
                return Ok(None);
            }
            match self.encode(source).await {
                Ok(made) => {
                    waiting_bytes += made_bytes(&made);
                    waiting.push(made);
                    made_count += 1;
                }
                // One damaged blob must not keep the others from their variants.
                Err(error) => TaskFailed {
                    task: "variant_maker".to_owned(),
                    reason: format!("encode {} of {id}: {}", source, error.reason()),
                }
                .emit(),
            }
            if waiting_bytes >= self.core.config.limits.variant_batch_bytes_max {
                self.store(std::mem::take(&mut waiting)).await?;
                waiting_bytes = 0;
            }
        }
        self.store(waiting).await?;
        Ok(Some(made_count))
    }

    /// The assets of a deployment that compression pays for and that nobody has tried.
    async fn sources(&self, document: BlobDigest) -> Result<Vec<BlobDigest>, ApiError> {
        let bytes = self.core.blobs.read_verified(document).await?;
        let variants = self.core.variants.clone();
        let size_max = self.core.config.limits.variant_source_bytes_max;
        let list = move || {
            let site = Site::new(codec::decode_document(&bytes)?);
            let count = u32::try_from(site.manifest().entries().len()).unwrap_or(u32::MAX);
            let mut seen = HashSet::new();
            let sources = (0..count)
                .map(|index| site.asset(AssetRef(index)))
                .filter(|asset| asset.is_compressible && asset.size_bytes <= size_max)
                .filter(|asset| variants.get(&asset.digest).is_none() && seen.insert(asset.digest))
                .map(|asset| asset.digest);
            Ok::<_, codec::DecodeError>(sources.collect())
        };
        let unreadable = |error: &(dyn std::error::Error + 'static)| {
            ApiError::from_cause(ErrorCode::Internal, "A deployment cannot be read", error)
        };
        tokio::task::spawn_blocking(list)
            .await
            .map_err(|error| unreadable(&error))?
            .map_err(|error| unreadable(&error))
    }

    async fn encode(&self, source: BlobDigest) -> Result<Made, ApiError> {
        self.core.let_deploys_go_first().await;
        let bytes = self.core.blobs.read_verified(source).await?;
        tokio::task::spawn_blocking(move || Made {
            source,
            br: compress(&bytes, ContentCoding::Br).map(Bytes::from),
            gzip: compress(&bytes, ContentCoding::Gzip).map(Bytes::from),
        })
        .await
        .map_err(|error| {
            ApiError::from_cause(ErrorCode::Internal, "An asset could not be encoded", &error)
        })
    }

    /// First the blobs, durably; then the index that names them.
    async fn store(&self, made: Vec<Made>) -> Result<(), ApiError> {
        // Nothing names the blobs before the index does.
        let _held = self.core.references.read().await;
        let mut upload = self.core.blobs.upload();
        let mut known = Vec::with_capacity(made.len());
        for made in made {
            let mut variants = Variants {
                // What does not get smaller quickly is not tried again.
                is_best: made.br.is_none() && made.gzip.is_none(),
                ..Variants::default()
            };
            for (bytes, variant) in [(made.br, &mut variants.br), (made.gzip, &mut variants.gzip)] {
                let Some(bytes) = bytes else { continue };
                let digest = BlobDigest::of(&bytes);
                let size_bytes = bytes.len() as u64;
                upload.put(digest, bytes).await?;
                *variant = Some(Variant { digest, size_bytes });
            }
            known.push((made.source, variants));
        }
        if known.is_empty() {
            return Ok(());
        }
        upload.finish().await?;
        for (source, variants) in known {
            self.core
                .variants
                .record(source, variants)
                .map_err(|error| {
                    ApiError::from_cause(
                        ErrorCode::StorageUnavailable,
                        "The server's disk refused to write",
                        &error,
                    )
                })?;
        }
        self.core.early_variants.notify_one();
        Ok(())
    }
}

fn made_bytes(made: &Made) -> u64 {
    let size = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
    size(&made.br) + size(&made.gzip)
}
