//! The code of a deployment's functions, read from the blob store when a process is started.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use holm_functions::{BoxFuture, BundleSource};
use holm_storage::BlobStore;
use holm_types::BlobDigest;

use crate::record::chain;

/// A bundle in the blob store.
#[derive(Debug)]
pub(super) struct StoredBundle {
    pub(super) blobs: Arc<dyn BlobStore>,
    pub(super) code: BlobDigest,
}

impl BundleSource for StoredBundle {
    fn load(&self) -> BoxFuture<'_, io::Result<Bytes>> {
        Box::pin(async move {
            let read = self.blobs.read_verified(self.code).await;
            read.map_err(|error| io::Error::other(chain(&error)))
        })
    }
}
