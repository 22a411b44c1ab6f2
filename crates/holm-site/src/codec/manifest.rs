//! The files of a document on the wire, written from and read into a manifest without a list between.

use std::fmt;

use holm_types::BlobDigest;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::NotAWord;
use crate::Manifest;
use crate::manifest::ManifestBuilder;

#[derive(Serialize, Deserialize)]
struct WireEntry<'b> {
    path: &'b str,
    digest: [u8; 32],
    size_bytes: u64,
    /// Position among the document's media types.
    media_type: u32,
}

/// A manifest as the list of its entries.
pub(super) struct EntriesToWrite<'m>(pub(super) &'m Manifest);

impl Serialize for EntriesToWrite<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = self.0.entries().iter().enumerate();
        serializer.collect_seq(entries.map(|(place, entry)| {
            WireEntry {
                path: entry.path,
                digest: *entry.digest.as_bytes(),
                size_bytes: entry.size_bytes,
                media_type: u32::try_from(self.0.media_type_index(place))
                    .expect("an index of a media type is 16 bits"),
            }
        }))
    }
}

/// A list of entries, read into what becomes a manifest once the media types are known.
pub(super) struct EntriesRead(ManifestBuilder);

impl EntriesRead {
    pub(super) fn manifest(self, media_types: Vec<&str>) -> Result<Manifest, NotAWord> {
        let media_types = media_types.into_iter().map(Into::into).collect();
        self.0.finish_with(media_types).ok_or(NotAWord)
    }
}

impl<'de> Deserialize<'de> for EntriesRead {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = EntriesRead;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("files sorted by path, each once")
    }

    /// The length that is claimed is not looked at: the manifest grows with what is really there.
    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<EntriesRead, A::Error> {
        let mut builder = ManifestBuilder::default();
        while let Some(entry) = entries.next_element::<WireEntry<'de>>()? {
            let media_type = u16::try_from(entry.media_type).map_err(A::Error::custom)?;
            let digest = BlobDigest::from_bytes(entry.digest);
            builder
                .push(entry.path, digest, entry.size_bytes, media_type)
                .map_err(|_| A::Error::custom("the files are not in order"))?;
        }
        Ok(EntriesRead(builder))
    }
}
