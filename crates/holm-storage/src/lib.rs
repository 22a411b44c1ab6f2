//! Bytes at rest that both planes may read: blobs by digest, their encoded variants, and the
//! published snapshot. It knows neither who owns what nor what the bytes mean.
#![forbid(unsafe_code)]

mod best_encoder;
mod blob;
mod collect;
mod compress;
mod index;
mod limits;
mod local;
mod pack;
mod remote;
mod snapshot_store;
mod sums;
mod variant;

pub use best_encoder::{BestEncoder, BestForms};
pub use blob::{
    BlobError, BlobFuture, BlobPin, BlobStore, BlobUpload, UploadReceipt, VerifyReport,
};
pub use collect::{BlobCollector, CollectStep, Collection, StoreUsage};
pub use compress::compress;
pub use limits::{LIMITS, StorageLimits};
pub use local::LocalBlobStore;
pub use remote::{RemoteBlobStore, RemoteSettings, S3Credentials, S3Settings};
pub use snapshot_store::{
    PublishedChange, PublishedSnapshot, SnapshotLook, SnapshotStore, SnapshotStoreError,
};
pub use variant::{ContentCoding, Variant, VariantIndex, Variants};
