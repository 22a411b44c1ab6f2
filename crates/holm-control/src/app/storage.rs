//! What is stored, and giving back what nobody wants.

use holm_api::{CollectionView, StorageCollect, StorageView};
use holm_types::ErrorCode;
use tokio::sync::watch;

use crate::authz::{Authorized, Manage, Read};
use crate::core::Core;
use crate::error::ApiError;
use crate::reconcile::BlobCollector;

/// How full the store is.
pub(crate) async fn view(core: &Core, _who: &Authorized<Read>) -> Result<StorageView, ApiError> {
    let collector = core.blobs.collector().ok_or_else(no_collector)?;
    let usage = collector.usage().await?;
    let last = core.db.read(|view| view.last_collection()).await?;
    let variants = core.variants.clone();
    let forms = tokio::task::spawn_blocking(move || {
        let all = variants.all();
        let forms = all.iter().flat_map(|(_, forms)| forms.iter());
        forms.fold((0, 0), |(count, bytes), form| {
            (count + 1, bytes + form.size_bytes)
        })
    });
    let (variant_count, variant_bytes) = forms.await.unwrap_or_default();
    Ok(StorageView {
        blob_count: usage.blob_count,
        blob_bytes: usage.blob_bytes,
        pack_count: usage.pack_count,
        pack_bytes: usage.pack_bytes,
        pack_dead_bytes: usage.pack_dead_bytes,
        large_count: usage.large_count,
        variant_count,
        variant_bytes,
        free_bytes: usage.free_bytes,
        last_collection: last.map(|(collection, _)| collection),
    })
}

/// Collects now, or only looks.
pub(crate) async fn collect(
    core: &Core,
    _who: &Authorized<Manage>,
    ask: &StorageCollect,
) -> Result<CollectionView, ApiError> {
    let (_never, stop) = watch::channel(false);
    let collector = BlobCollector::new(core);
    if ask.dry_run {
        collector.look().await
    } else {
        collector.collect(&stop).await
    }
}

fn no_collector() -> ApiError {
    ApiError::new(
        ErrorCode::Internal,
        "The blob store cannot say what it holds",
    )
}
