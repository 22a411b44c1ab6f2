//! What makes the world like the database says it should be. Each reconciler takes no input, looks,
//! takes idempotent steps, and can be run again at any time: on a timer and when nudged.

mod blob_collector;
mod project_sweeper;
mod publisher;
mod retention;
mod sweeper;
mod variant_improver;
mod variant_maker;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use holm_storage::BestEncoder;
use holm_telemetry::event::{PanicCaught, TaskFailed};
use tokio::sync::{Notify, watch};

pub(crate) use blob_collector::BlobCollector;
pub(crate) use project_sweeper::ProjectSweeper;
pub(crate) use publisher::SnapshotPublisher;
pub(crate) use retention::RetentionKeeper;
pub(crate) use sweeper::{CredentialSweeper, UploadSweeper};
pub(crate) use variant_improver::VariantImprover;
pub(crate) use variant_maker::VariantMaker;

use crate::core::Core;
use crate::error::{ApiError, panic_text};
use crate::stop::stopped;

/// What one run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Steps taken; 0 when everything was as it should be.
    pub(crate) changed_count: u64,
}

/// How often the publisher looks without being nudged.
const PUBLISH_INTERVAL: Duration = Duration::from_secs(5);

/// How often the variant maker looks without being nudged.
const VARIANT_INTERVAL: Duration = Duration::from_mins(1);

/// How often the sweepers look.
const SWEEP_INTERVAL: Duration = Duration::from_mins(10);

/// How often the collector looks.
const COLLECT_INTERVAL: Duration = Duration::from_mins(10);

/// Runs all reconcilers until `stop` is true or gone.
pub(crate) async fn run_all(core: &Core, stop: watch::Receiver<bool>) {
    let publisher = repeat(
        "snapshot_publisher",
        stop.clone(),
        Some(&core.hosts_changed),
        PUBLISH_INTERVAL,
        async || core.publisher.run_once().await.map_err(ApiError::from),
    );
    let variants = repeat(
        "variant_maker",
        stop.clone(),
        Some(&core.sealed),
        VARIANT_INTERVAL,
        async || VariantMaker::new(core).run_once(&stop).await,
    );
    let uploads = repeat(
        "upload_sweeper",
        stop.clone(),
        None,
        SWEEP_INTERVAL,
        async || UploadSweeper::new(core).run_once().await,
    );
    let credentials = repeat(
        "credential_sweeper",
        stop.clone(),
        None,
        SWEEP_INTERVAL,
        async || CredentialSweeper::new(core).run_once().await,
    );
    let blobs = repeat(
        "blob_collector",
        stop.clone(),
        None,
        COLLECT_INTERVAL,
        async || BlobCollector::new(core).run_once(&stop).await,
    );
    let retention = repeat(
        "retention_keeper",
        stop.clone(),
        Some(&core.to_retain),
        SWEEP_INTERVAL,
        async || RetentionKeeper::new(core).run_once().await,
    );
    let projects = repeat(
        "project_sweeper",
        stop.clone(),
        Some(&core.to_sweep),
        SWEEP_INTERVAL,
        async || ProjectSweeper::new(core).run_once().await,
    );
    let best_variants = improve_variants(core, stop.clone());
    tokio::join!(
        publisher,
        variants,
        uploads,
        credentials,
        retention,
        projects,
        best_variants,
        blobs
    );
}

/// Runs the improver of variants, if there can be a thread for it.
async fn improve_variants(core: &Core, stop: watch::Receiver<bool>) {
    const NAME: &str = "variant_improver";
    let encoder = match BestEncoder::start() {
        Ok(encoder) => encoder,
        Err(error) => {
            let reason = format!("start its thread: {error}");
            return TaskFailed {
                task: NAME.to_owned(),
                reason,
            }
            .emit();
        }
    };
    repeat(
        NAME,
        stop.clone(),
        Some(&core.early_variants),
        VARIANT_INTERVAL,
        async || VariantImprover::new(core, &encoder).run_once(&stop).await,
    )
    .await;
}

/// Runs one reconciler now, whenever nudged, and every `interval`. A failure or a panic is logged and
/// ends that run only.
async fn repeat<F>(
    name: &'static str,
    mut stop: watch::Receiver<bool>,
    nudge: Option<&Notify>,
    interval: Duration,
    run_once: impl Fn() -> F,
) where
    F: Future<Output = Result<Report, ApiError>>,
{
    loop {
        match AssertUnwindSafe(run_once()).catch_unwind().await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => TaskFailed {
                task: name.to_owned(),
                reason: error.reason(),
            }
            .emit(),
            Err(panic) => PanicCaught {
                task: name.to_owned(),
                reason: panic_text(panic.as_ref()),
            }
            .emit(),
        }
        let nudged = async {
            match nudge {
                Some(nudge) => nudge.notified().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stopped(&mut stop) => break,
            () = nudged => {}
            () = tokio::time::sleep(interval) => {}
        }
    }
}

#[cfg(test)]
mod tests;
