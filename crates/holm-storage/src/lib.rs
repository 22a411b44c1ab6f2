//! Bytes at rest that both planes may read: blobs by digest, their encoded variants, and the
//! published snapshot. It knows neither who owns what nor what the bytes mean.
#![forbid(unsafe_code)]

mod best_encoder;
mod blob;
mod compress;
mod limits;
mod local;
mod snapshot_store;
mod variant;

pub use best_encoder::{BestEncoder, BestForms};
pub use blob::{BlobError, BlobFuture, BlobStore, BlobUpload, UploadReceipt, VerifyReport};
pub use compress::compress;
pub use limits::{LIMITS, StorageLimits};
pub use local::LocalBlobStore;
pub use snapshot_store::{PublishedChange, PublishedSnapshot, SnapshotStore, SnapshotStoreError};
pub use variant::{ContentCoding, Variant, VariantIndex, Variants};
