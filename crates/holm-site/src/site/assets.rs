//! The look-up of files by path, and what is known of each beyond the manifest.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use http::HeaderValue;

use crate::hashed::is_hashed;
use crate::limits::PATH_BYTES_MAX;
use crate::media_type::is_compressible;
use crate::{AssetRef, Manifest};

/// The longest thing that is ever put after a path to look for a file.
const SUFFIX_BYTES_MAX: usize = "/index.html".len();

#[derive(Debug)]
pub(super) struct Assets {
    /// Positions in the manifest, by the hash of the path.
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// Whether the name of each file carries a content hash.
    is_hashed: Box<[bool]>,
    /// Each media type of the site once, as in its manifest.
    media_types: Vec<MediaType>,
}

#[derive(Debug)]
struct MediaType {
    value: HeaderValue,
    is_compressible: bool,
}

impl Assets {
    pub(super) fn new(manifest: &Manifest) -> Self {
        let entries = manifest.entries();
        let hasher = DefaultHashBuilder::default();
        let mut table = HashTable::with_capacity(entries.len());
        for place in 0..entries.len() {
            let position = u32::try_from(place).expect("a manifest has fewer than 2^32 files");
            let hash = hasher.hash_one(manifest.path(place).as_bytes());
            table.insert_unique(hash, position, |other| {
                hasher.hash_one(manifest.path(*other as usize).as_bytes())
            });
        }
        let is_hashed = entries
            .iter()
            .map(|entry| is_hashed(entry.path, entry.media_type));
        Self {
            is_hashed: is_hashed.collect(),
            table,
            hasher,
            media_types: manifest
                .media_types()
                .iter()
                .map(|name| media_type(name))
                .collect(),
        }
    }

    pub(super) fn find(&self, manifest: &Manifest, path: &str) -> Option<AssetRef> {
        self.find_bytes(manifest, path.as_bytes())
    }

    /// The file whose path is the two parts together. Never allocates.
    pub(super) fn find_parts(&self, manifest: &Manifest, parts: [&str; 2]) -> Option<AssetRef> {
        let [path, suffix] = parts.map(str::as_bytes);
        if suffix.is_empty() {
            return self.find_bytes(manifest, path);
        }
        let mut joined = [0_u8; PATH_BYTES_MAX + SUFFIX_BYTES_MAX];
        joined.get_mut(..path.len())?.copy_from_slice(path);
        let whole = path.len() + suffix.len();
        joined.get_mut(path.len()..whole)?.copy_from_slice(suffix);
        self.find_bytes(manifest, joined.get(..whole)?)
    }

    fn find_bytes(&self, manifest: &Manifest, path: &[u8]) -> Option<AssetRef> {
        let hash = self.hasher.hash_one(path);
        let is_it = |position: &u32| manifest.path(*position as usize).as_bytes() == path;
        self.table
            .find(hash, is_it)
            .map(|position| AssetRef(*position))
    }

    pub(super) fn is_hashed(&self, asset: AssetRef) -> bool {
        *self
            .is_hashed
            .get(asset.0 as usize)
            .expect("each file has its facts")
    }

    /// The media type of a file, and whether text of that kind is worth compressing.
    pub(super) fn media_type(&self, manifest: &Manifest, asset: AssetRef) -> (&HeaderValue, bool) {
        let index = manifest.media_type_index(asset.0 as usize);
        let found = self
            .media_types
            .get(index)
            .expect("each file has a media type");
        (&found.value, found.is_compressible)
    }

    pub(super) fn weight_bytes(&self, manifest: &Manifest) -> usize {
        manifest.weight_bytes()
            + self.table.allocation_size()
            + size_of_val(&*self.is_hashed)
            + self.media_types.len() * (size_of::<MediaType>() + 32)
    }
}

/// A document may have come from disk, so that a media type need not be one: such a file is sent as bytes.
fn media_type(name: &str) -> MediaType {
    let unknown = HeaderValue::from_static("application/octet-stream");
    MediaType {
        value: HeaderValue::from_str(name).unwrap_or(unknown),
        is_compressible: is_compressible(name),
    }
}
