//! Everything at rest, opened: blobs, encoded forms, the snapshot, access records.

use std::sync::Arc;

use holm_storage::{BlobStore, LocalBlobStore, SnapshotStore, Variant, VariantIndex};
use holm_telemetry::event::TaskFailed;
use holm_telemetry::{RecordLimits, RecordLog, RecordSink};

use crate::data_folder::Layout;
use crate::exit::{ServerError, open};

/// The stores that both planes share.
#[derive(Debug)]
pub(crate) struct Stores {
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) variants: VariantIndex,
    pub(crate) snapshots: SnapshotStore,
}

impl Stores {
    pub(crate) fn open(layout: &Layout) -> Result<Self, ServerError> {
        let blobs: Arc<dyn BlobStore> = Arc::new(
            LocalBlobStore::open(&layout.blobs)
                .map_err(|error| open("open the blob store", error))?,
        );
        Ok(Self {
            variants: open_variants(layout, &*blobs)?,
            blobs,
            snapshots: SnapshotStore::open(&layout.snapshots)
                .map_err(|error| open("open the snapshot store", error))?,
        })
    }
}

/// The index never names a blob that is not there: a crash may have kept the records of forms that had
/// been collected.
fn open_variants(layout: &Layout, blobs: &dyn BlobStore) -> Result<VariantIndex, ServerError> {
    let failed = |error| open("open the index of encoded forms", error);
    let variants = VariantIndex::open(&layout.variants).map_err(failed)?;
    let is_there = |form: Variant| blobs.size_bytes(&form.digest).is_some();
    if let Err(error) = variants.retain(|_, forms| forms.iter().all(is_there)) {
        // Forgotten all the same, and again at the next start.
        TaskFailed {
            task: "open_variants".to_owned(),
            reason: error.to_string(),
        }
        .emit();
    }
    Ok(variants)
}

/// Opens the access records and starts their writer.
pub(crate) fn open_records(layout: &Layout) -> Result<(RecordSink, RecordLog), ServerError> {
    RecordLog::open(layout.records.clone(), RecordLimits::default())
        .map_err(|error| open("open the access records", error))
}
