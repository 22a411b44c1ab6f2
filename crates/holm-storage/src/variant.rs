//! Encoded forms of a blob: which blob holds the br or gzip form of which. A side index, filled after
//! sealing; losing it loses nothing but time.

use std::path::Path;
use std::sync::Arc;

use holm_types::BlobDigest;

/// An encoding of a body (RFC 9110 section 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentCoding {
    /// As it is.
    Identity,
    /// Brotli.
    Br,
    /// gzip.
    Gzip,
}

/// One encoded form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The blob that holds it.
    pub digest: BlobDigest,
    /// How large it is.
    pub size_bytes: u64,
}

/// The encoded forms of one blob; `None` where there is none that is smaller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Variants {
    /// Brotli.
    pub br: Option<Variant>,
    /// gzip.
    pub gzip: Option<Variant>,
}

/// From source digest to encoded forms. Cheap to clone, looked up on the hot path (in memory).
#[derive(Clone, Debug)]
pub struct VariantIndex {
    _inner: Arc<()>,
}

impl VariantIndex {
    /// Opens the index file (made if absent); a torn end is cut off.
    pub fn open(file: &Path) -> std::io::Result<Self> {
        let _ = file;
        todo!("helper: storage")
    }

    /// The forms of a blob. `None` when nobody has tried yet.
    pub fn get(&self, source: &BlobDigest) -> Option<Variants> {
        let _ = source;
        todo!("helper: storage")
    }

    /// Remembers the forms of a blob (also that there are none worth keeping).
    pub fn record(&self, source: BlobDigest, variants: Variants) -> std::io::Result<()> {
        let _ = (source, variants);
        todo!("helper: storage")
    }
}

/// The bytes in this coding: br 5 or gzip 6. `None` when that saves less than a tenth, or for identity.
pub fn compress(bytes: &[u8], coding: ContentCoding) -> Option<Vec<u8>> {
    let _ = (bytes, coding);
    todo!("helper: storage")
}
