//! One deployment as the edge sees it: a document with its look-ups built.

use holm_types::BlobDigest;
use http::{HeaderName, HeaderValue};

use crate::{DeploymentDocument, Manifest};

/// Position of a file in its site's manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AssetRef(pub u32);

/// One file, as needed to answer with it.
#[derive(Clone, Debug)]
pub struct Asset<'a> {
    /// Its path in the deployment.
    pub path: &'a str,
    /// What it holds.
    pub digest: BlobDigest,
    /// How much.
    pub size_bytes: u64,
    /// `Content-Type`, ready to be sent.
    pub media_type: &'a HeaderValue,
    /// Whether its name carries a content hash (decision D10.18): one year and `immutable`,
    /// else `max-age=0, must-revalidate`.
    pub is_hashed: bool,
    /// Whether text compression pays: text-like media types.
    pub is_compressible: bool,
}

/// One deployment as the edge sees it. Immutable; shared behind `Arc`.
#[derive(Debug)]
pub struct Site {}

impl Site {
    /// Builds the look-ups and compiles the patterns.
    pub fn new(document: DeploymentDocument) -> Self {
        let _ = document;
        todo!("helper: site")
    }

    /// The files.
    pub fn manifest(&self) -> &Manifest {
        todo!("helper: site")
    }

    /// The file at a position that a plan named.
    pub fn asset(&self, asset: AssetRef) -> Asset<'_> {
        let _ = asset;
        todo!("helper: site")
    }

    /// The file at exactly this path.
    pub fn find(&self, path: &str) -> Option<AssetRef> {
        let _ = path;
        todo!("helper: site")
    }

    /// Whether there are header rules at all; lets the edge skip the walk.
    pub fn has_header_rules(&self) -> bool {
        todo!("helper: site")
    }

    /// Calls `set` for each header of each matching rule, in order: later calls overwrite earlier ones.
    pub fn header_rules(&self, path: &str, set: &mut dyn FnMut(&HeaderName, &HeaderValue)) {
        let _ = (path, set);
        todo!("helper: site")
    }

    /// The edge cache time of `caches` for this path, in seconds; 0 bypasses memory. `None`: no rule.
    pub fn cache_ttl_seconds(&self, path: &str) -> Option<u64> {
        let _ = path;
        todo!("helper: site")
    }

    /// About how much memory this site takes, for the edge's bounded table of sites.
    pub fn weight_bytes(&self) -> usize {
        todo!("helper: site")
    }
}
