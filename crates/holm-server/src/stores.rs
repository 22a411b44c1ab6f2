//! Everything at rest, opened: blobs, encoded forms, the snapshot, access records.

use std::fs;
use std::io::{self, Write as _};
use std::sync::Arc;

use holm_storage::{
    BlobStore, LocalBlobStore, RemoteBlobStore, RemoteSettings, SnapshotStore, StorageLimits,
    Variant, VariantIndex,
};
use holm_telemetry::event::TaskFailed;
use holm_telemetry::{RecordLimits, RecordLog, RecordSink};
use holm_types::Entropy;

use crate::data_folder::Layout;
use crate::exit::{ServerError, open};
use crate::storage_config::StorageConfig;

/// The stores that both planes share.
#[derive(Debug)]
pub(crate) struct Stores {
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) variants: VariantIndex,
    pub(crate) snapshots: SnapshotStore,
}

impl Stores {
    pub(crate) async fn open(
        layout: &Layout,
        storage: &StorageConfig,
        entropy: &dyn Entropy,
    ) -> Result<Self, ServerError> {
        let blobs = open_blobs(layout, storage, entropy).await?;
        Ok(Self {
            variants: open_variants(layout, &*blobs)?,
            blobs,
            snapshots: SnapshotStore::open(&layout.snapshots)
                .map_err(|error| open("open the snapshot store", error))?,
        })
    }
}

/// The blob store, to be written to.
pub(crate) async fn open_blobs(
    layout: &Layout,
    storage: &StorageConfig,
    entropy: &dyn Entropy,
) -> Result<Arc<dyn BlobStore>, ServerError> {
    let failed = |error| open("open the blob store", error);
    Ok(match storage {
        StorageConfig::Local => Arc::new(LocalBlobStore::open(&layout.blobs).map_err(failed)?),
        StorageConfig::S3 {
            settings,
            prefix,
            cache_bytes_max,
        } => {
            let owner = store_owner(layout, entropy)
                .map_err(|error| open("keep the name of this server's store", error))?;
            let how = remote_settings(layout, prefix, *cache_bytes_max, owner);
            let store = RemoteBlobStore::open_s3(settings, how).await;
            Arc::new(store.map_err(failed)?)
        }
    })
}

/// How a store elsewhere is used by the server with this data folder.
pub(crate) fn remote_settings(
    layout: &Layout,
    prefix: &str,
    cache_bytes_max: Option<u64>,
    owner: String,
) -> RemoteSettings {
    let mut limits = StorageLimits::default();
    if let Some(bytes_max) = cache_bytes_max {
        limits.remote_cache_bytes_max = bytes_max;
    }
    RemoteSettings {
        prefix: prefix.to_owned(),
        owner,
        cache_folder: layout.cache.clone(),
        limits,
    }
}

/// Who this server is to its object store: made at the first start, and not in back-ups, so that a copy of
/// a server never collects the blobs of the other.
fn store_owner(layout: &Layout, entropy: &dyn Entropy) -> io::Result<String> {
    match fs::read_to_string(&layout.store_owner) {
        Ok(owner) if !owner.trim().is_empty() => return Ok(owner.trim().to_owned()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    let owner = format!("{:032x}", u128::from_le_bytes(bytes));
    let temporary = layout.store_owner.with_added_extension("new");
    let mut file = fs::File::create(&temporary)?;
    file.write_all(owner.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, &layout.store_owner)?;
    fs::File::open(layout.root())?.sync_all()?;
    Ok(owner)
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
