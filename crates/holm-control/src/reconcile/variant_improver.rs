//! Makes encoded forms as small as can be (br 11, zstd), when the quick ones are there: on a thread of the
//! lowest priority, one asset at a time, newest first. What is served meanwhile is what was made quickly.

use bytes::Bytes;
use holm_storage::{BestEncoder, BestForms, BlobError, Variant, Variants};
use holm_telemetry::event::TaskFailed;
use holm_types::{BlobDigest, ErrorCode};
use tokio::sync::watch;

use super::Report;
use crate::core::Core;
use crate::error::ApiError;
use crate::stop::stopped;

/// The forms of one asset, not stored yet.
#[derive(Debug)]
struct Improved {
    source: BlobDigest,
    variants: Variants,
    /// What has to be stored before the variants may name it.
    new: Vec<Bytes>,
}

/// Improves what was made quickly.
#[derive(Debug)]
pub(crate) struct VariantImprover<'c> {
    core: &'c Core,
    encoder: &'c BestEncoder,
}

impl<'c> VariantImprover<'c> {
    pub(crate) fn new(core: &'c Core, encoder: &'c BestEncoder) -> Self {
        Self { core, encoder }
    }

    /// Improves every asset that has only quick forms; ends early when stopping. What fails is tried
    /// again after a restart: until then its quick forms serve.
    pub(crate) async fn run_once(&self, stop: &watch::Receiver<bool>) -> Result<Report, ApiError> {
        let mut report = Report::default();
        let mut waiting = Vec::new();
        let mut waiting_bytes = 0;
        while let Some((source, variants)) = self.core.variants.take_early() {
            let mut stop = stop.clone();
            let improved = tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                improved = self.improve(source, variants) => improved,
            };
            match improved {
                Ok(improved) => {
                    waiting_bytes += improved.new.iter().map(Bytes::len).sum::<usize>() as u64;
                    waiting.push(improved);
                    report.changed_count += 1;
                }
                Err(error) => TaskFailed {
                    task: "variant_improver".to_owned(),
                    reason: format!("encode {source}: {}", error.reason()),
                }
                .emit(),
            }
            if waiting_bytes >= self.core.config.limits.variant_batch_bytes_max
                || waiting.len() >= BATCH_COUNT_MAX
            {
                self.store(std::mem::take(&mut waiting)).await?;
                waiting_bytes = 0;
            }
        }
        self.store(waiting).await?;
        Ok(report)
    }

    async fn improve(
        &self,
        source: BlobDigest,
        mut variants: Variants,
    ) -> Result<Improved, ApiError> {
        self.core.let_deploys_go_first().await;
        let forms = self.best_forms(source).await?;
        let mut new = Vec::new();
        for (bytes, place) in [
            (forms.br, &mut variants.br),
            (forms.zstd, &mut variants.zstd),
        ] {
            let Some(bytes) = bytes else { continue };
            let size_bytes = bytes.len() as u64;
            if place.is_none_or(|before| size_bytes < before.size_bytes) {
                let digest = BlobDigest::of(&bytes);
                *place = Some(Variant { digest, size_bytes });
                new.push(bytes);
            }
        }
        variants.is_best = true;
        Ok(Improved {
            source,
            variants,
            new,
        })
    }

    /// None at all for what is too large, or no longer there because no deployment has it any more.
    async fn best_forms(&self, source: BlobDigest) -> Result<BestForms, ApiError> {
        let size_bytes = self.core.blobs.size_bytes(&source);
        let size_max = self.core.config.limits.best_variant_source_bytes_max;
        if size_bytes.is_none_or(|size_bytes| size_bytes > size_max) {
            return Ok(BestForms::default());
        }
        let bytes = match self.core.blobs.read_verified(source).await {
            Ok(bytes) => bytes,
            Err(BlobError::NotFound { .. }) => return Ok(BestForms::default()),
            Err(error) => return Err(error.into()),
        };
        let forms = self.encoder.encode(bytes).await;
        forms.ok_or_else(|| ApiError::new(ErrorCode::Internal, "The encoder's thread has ended"))
    }

    /// First the blobs, durably; then the index that names them.
    async fn store(&self, improved: Vec<Improved>) -> Result<(), ApiError> {
        // Nothing names the blobs before the index does.
        let _held = self.core.references.read().await;
        if improved.iter().any(|improved| !improved.new.is_empty()) {
            let mut upload = self.core.blobs.upload();
            for bytes in improved.iter().flat_map(|improved| &improved.new) {
                upload.put(BlobDigest::of(bytes), bytes.clone()).await?;
            }
            upload.finish().await?;
        }
        for improved in improved {
            // The forms from before may have been collected while the best ones were made.
            let forms: Vec<_> = improved.variants.iter().map(|form| form.digest).collect();
            if !self.core.blobs.missing(&forms).is_empty() {
                continue;
            }
            let recorded = self
                .core
                .variants
                .record(improved.source, improved.variants);
            recorded.map_err(|error| {
                let what = "The server's disk refused to write";
                ApiError::from_cause(ErrorCode::StorageUnavailable, what, &error)
            })?;
        }
        Ok(())
    }
}

/// Assets whose forms are stored together.
const BATCH_COUNT_MAX: usize = 32;
