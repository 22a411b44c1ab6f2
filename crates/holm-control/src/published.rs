//! The published snapshot, read: what the edge serves once it has taken it up.

use holm_site::codec::{self, DecodeError};
use holm_site::{EdgeSnapshot, HostTarget};
use holm_storage::PublishedSnapshot;
use holm_types::BlobDigest;

/// The snapshot with all its changes. Takes as long as there are hosts: not for an async thread.
pub(crate) fn read_published(published: &PublishedSnapshot) -> Result<EdgeSnapshot, DecodeError> {
    let (whole, changes) = published.parts();
    codec::decode_snapshot_with(whole, changes.iter().map(|change| &*change.bytes))
}

/// The documents that hosts show, in order, each once. As [`read_published`], not for an async thread.
pub(crate) fn published_documents(
    published: &PublishedSnapshot,
) -> Result<Vec<BlobDigest>, DecodeError> {
    let snapshot = read_published(published)?;
    let shown = snapshot.hosts.iter().filter_map(|host| match host.target {
        HostTarget::Site { document, .. } => Some(document),
        HostTarget::Gate { .. } => None,
    });
    let mut documents: Vec<_> = shown.collect();
    documents.sort_unstable();
    documents.dedup();
    Ok(documents)
}
