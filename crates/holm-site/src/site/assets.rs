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
    facts: Box<[Facts]>,
    /// Each media type of the site once.
    media_types: Vec<HeaderValue>,
}

/// What is known of a file from its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// Index into the media types.
    media_type: u16,
    pub(super) is_hashed: bool,
    pub(super) is_compressible: bool,
}

impl Assets {
    pub(super) fn new(manifest: &Manifest) -> Self {
        let entries = manifest.entries();
        let hasher = DefaultHashBuilder::default();
        let mut table = HashTable::with_capacity(entries.len());
        let mut types = MediaTypes::default();
        let mut facts = Vec::with_capacity(entries.len());
        for (position, entry) in entries.iter().enumerate() {
            let position = u32::try_from(position).expect("a manifest has fewer than 2^32 files");
            let hash = hasher.hash_one(entry.path.as_bytes());
            table.insert_unique(hash, position, |other| {
                let path = entries
                    .get(*other as usize)
                    .map(|entry| entry.path.as_bytes());
                hasher.hash_one(path.unwrap_or_default())
            });
            facts.push(Facts {
                media_type: types.index_of(&entry.media_type),
                is_hashed: is_hashed(&entry.path, &entry.media_type),
                is_compressible: is_compressible(&entry.media_type),
            });
        }
        Self {
            table,
            hasher,
            facts: facts.into_boxed_slice(),
            media_types: types.values,
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
        let entries = manifest.entries();
        let hash = self.hasher.hash_one(path);
        let is_it = |position: &u32| {
            entries
                .get(*position as usize)
                .is_some_and(|entry| entry.path.as_bytes() == path)
        };
        self.table
            .find(hash, is_it)
            .map(|position| AssetRef(*position))
    }

    pub(super) fn facts(&self, asset: AssetRef) -> Facts {
        *self
            .facts
            .get(asset.0 as usize)
            .expect("each file has its facts")
    }

    pub(super) fn media_type(&self, asset: AssetRef) -> &HeaderValue {
        let index = usize::from(self.facts(asset).media_type);
        self.media_types
            .get(index)
            .expect("each file has a media type")
    }

    pub(super) fn weight_bytes(&self, manifest: &Manifest) -> usize {
        let entries = manifest.entries().iter();
        let texts: usize = entries
            .map(|entry| size_of_val(entry) + entry.path.len() + entry.media_type.len())
            .sum();
        texts
            + self.table.allocation_size()
            + size_of_val(&*self.facts)
            + self.media_types.len() * (size_of::<HeaderValue>() + 32)
    }
}

/// Each media type once, as a header value.
#[derive(Default)]
struct MediaTypes {
    names: Vec<Box<str>>,
    values: Vec<HeaderValue>,
}

impl MediaTypes {
    fn index_of(&mut self, name: &str) -> u16 {
        let known = self.names.iter().position(|known| **known == *name);
        let index = known.unwrap_or_else(|| self.add(name));
        u16::try_from(index).unwrap_or_default()
    }

    /// A document may have come from disk, so that a media type need not be one: such a file is sent as bytes.
    fn add(&mut self, name: &str) -> usize {
        if self.values.len() > usize::from(u16::MAX) {
            return 0;
        }
        let unknown = HeaderValue::from_static("application/octet-stream");
        self.values
            .push(HeaderValue::from_str(name).unwrap_or(unknown));
        self.names.push(name.into());
        self.values.len() - 1
    }
}
