//! Everything at rest, opened: blobs, encoded forms, the snapshot, access records.

use std::sync::Arc;

use holm_storage::{BlobStore, LocalBlobStore, SnapshotStore, VariantIndex};
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
        Ok(Self {
            blobs: Arc::new(
                LocalBlobStore::open(&layout.blobs)
                    .map_err(|error| open("open the blob store", error))?,
            ),
            variants: VariantIndex::open(&layout.variants)
                .map_err(|error| open("open the index of encoded forms", error))?,
            snapshots: SnapshotStore::open(&layout.snapshots)
                .map_err(|error| open("open the snapshot store", error))?,
        })
    }
}

/// Opens the access records and starts their writer.
pub(crate) fn open_records(layout: &Layout) -> Result<(RecordSink, RecordLog), ServerError> {
    RecordLog::open(layout.records.clone(), RecordLimits::default())
        .map_err(|error| open("open the access records", error))
}
