//! What is stored, what of it is wanted, and the collection of the rest, on the wire.

use holm_types::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How full the blob store is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct StorageView {
    /// Blobs that are stored, wanted or not yet collected.
    pub blob_count: u64,
    /// Their bytes.
    pub blob_bytes: u64,
    /// Packs of small blobs.
    pub pack_count: u64,
    /// What the packs take up.
    pub pack_bytes: u64,
    /// What of that belongs to no blob any more, or is index: given back when a pack is written anew.
    pub pack_dead_bytes: u64,
    /// Blobs that are files of their own.
    pub large_count: u64,
    /// Encoded forms (br, gzip) that are remembered.
    pub variant_count: u64,
    /// Their bytes.
    pub variant_bytes: u64,
    /// What the file system has left; null when that is not known, as for a store elsewhere.
    pub free_bytes: Option<u64>,
    /// The last collection that ended; null before the first.
    pub last_collection: Option<CollectionView>,
}

/// Starts a collection.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StorageCollect {
    /// Only look what would be removed.
    #[serde(default)]
    pub dry_run: bool,
}

/// What one collection found and did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CollectionView {
    /// When it began.
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    /// When it ended.
    #[schemars(with = "String")]
    pub ended_at: Timestamp,
    /// Whether it only looked.
    pub is_dry_run: bool,
    /// Blobs that somebody wants.
    pub live_count: u64,
    /// Their bytes.
    pub live_bytes: u64,
    /// Blobs that nobody wants: they were removed, or would have been.
    pub dead_count: u64,
    /// Their bytes.
    pub dead_bytes: u64,
    /// Wanted blobs that were copied out of sparse packs.
    pub moved_count: u64,
    /// Bytes that the storage has less to hold.
    pub freed_bytes: u64,
}

/// Starts a back-up.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupCreate {
    /// Whether to put in the keys with which secrets in the database are encrypted. Without them the
    /// back-up cannot show a secret to whoever finds it, and a server that is restored from it needs the
    /// key files from elsewhere.
    #[serde(default)]
    pub with_keys: bool,
}
