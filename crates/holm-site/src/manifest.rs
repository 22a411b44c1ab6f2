//! The complete list of path to blob of one deployment.

mod build;

use holm_types::{BlobDigest, Parsed};

use crate::limits::{PATH_BYTES_MAX, SEGMENT_BYTES_MAX};

pub(crate) use build::ManifestBuilder;

/// One file as a client announces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Absolute within the deployment, `/` between segments, not percent-encoded: `/a/b c.html`.
    pub path: String,
    /// What it holds.
    pub digest: BlobDigest,
    /// How much.
    pub size_bytes: u64,
}

/// One servable file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManifestEntry<'m> {
    /// As in [`FileEntry`].
    pub path: &'m str,
    /// What it holds.
    pub digest: BlobDigest,
    /// How much.
    pub size_bytes: u64,
    /// `Content-Type`, from the name, for example `text/html; charset=utf-8`.
    pub media_type: &'m str,
}

/// The servable files of one deployment, sorted by path, each path once.
///
/// A file takes 46 bytes and its path: all paths are one text, and each media type is kept once. So a million
/// files are a million times that, and not several allocations each. What a look-up needs lies together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// All paths in a row.
    paths: Box<str>,
    /// Where the path of each file ends among all paths; it starts where the one before ends.
    path_ends: Box<[u32]>,
    contents: Box<[Content]>,
    /// The media type of each file, as an index.
    types: Box<[u16]>,
    media_types: Box<[Box<str>]>,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Content {
    digest: BlobDigest,
    size_bytes: u64,
}

impl Manifest {
    /// Makes the manifest: sorts, names the media types, refuses what may not be a path, and leaves
    /// out what is withheld. An error-level diagnostic means that the deployment fails.
    pub fn build(files: Vec<FileEntry>) -> Parsed<Self> {
        build::build(files)
    }

    /// Whether there is a file at exactly this path.
    pub fn contains(&self, path: &str) -> bool {
        // A binary search by hand, because the paths are no slice.
        let (mut low, mut high) = (0, self.path_ends.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.path(middle).cmp(path) {
                std::cmp::Ordering::Equal => return true,
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        false
    }

    /// Whether a file answers at this path, by itself or by its clean name (config-build spec 3.1).
    pub(crate) fn contains_clean(&self, path: &str) -> bool {
        match path.strip_suffix('/') {
            Some("") => self.contains("/index.html"),
            Some(folder) => {
                self.contains(&format!("{path}index.html"))
                    || self.contains(&format!("{folder}.html"))
            }
            None => {
                self.contains(path)
                    || self.contains(&format!("{path}.html"))
                    || self.contains(&format!("{path}/index.html"))
            }
        }
    }

    /// The files, sorted by path (bytewise).
    pub fn entries(&self) -> Entries<'_> {
        Entries { manifest: self }
    }

    /// The path of the file at this place; empty when there is none.
    pub(crate) fn path(&self, place: usize) -> &str {
        let end = |place: usize| self.path_ends.get(place).map(|end| *end as usize);
        let start = place.checked_sub(1).map_or(Some(0), end);
        let range = start.zip(end(place));
        range
            .and_then(|(start, end)| self.paths.get(start..end))
            .unwrap_or_default()
    }

    /// Each media type once.
    pub(crate) fn media_types(&self) -> &[Box<str>] {
        &self.media_types
    }

    /// The index of the media type of the file at this place.
    pub(crate) fn media_type_index(&self, place: usize) -> usize {
        self.types.get(place).copied().map_or(0, usize::from)
    }

    /// How much memory it takes, in bytes.
    pub(crate) fn weight_bytes(&self) -> usize {
        let types = self.media_types.iter();
        self.paths.len()
            + size_of_val(&*self.path_ends)
            + size_of_val(&*self.contents)
            + size_of_val(&*self.types)
            + types
                .map(|text| size_of::<Box<str>>() + text.len())
                .sum::<usize>()
    }
}

/// The files of a manifest, in order.
#[derive(Clone, Copy, Debug)]
pub struct Entries<'m> {
    manifest: &'m Manifest,
}

impl<'m> Entries<'m> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.manifest.contents.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The file at this place. `None` beyond the last.
    pub fn get(&self, place: usize) -> Option<ManifestEntry<'m>> {
        let content = self.manifest.contents.get(place)?;
        let media_type = self.manifest.media_type_index(place);
        let media_type = self.manifest.media_types.get(media_type);
        Some(ManifestEntry {
            path: self.manifest.path(place),
            digest: content.digest,
            size_bytes: content.size_bytes,
            media_type: media_type.map_or("", |text| text),
        })
    }

    /// Each of them, in order.
    pub fn iter(self) -> impl ExactSizeIterator<Item = ManifestEntry<'m>> {
        let files = 0..self.len();
        files.map(move |place| {
            self.get(place)
                .expect("each place below the length has a file")
        })
    }
}

/// Whether this may be the path of a file; the error ends a sentence that begins with the path.
pub(crate) fn check_shape(path: &str) -> Result<(), &'static str> {
    let Some(names) = path.strip_prefix('/') else {
        return Err("does not start with a slash");
    };
    if path.len() > PATH_BYTES_MAX {
        return Err("is longer than 1024 bytes");
    }
    if path.chars().any(|c| c.is_control() || c == '\\') {
        return Err("has a backslash or a control character");
    }
    for name in names.split('/') {
        match name {
            "" => return Err("has an empty segment"),
            "." | ".." => return Err("has a `.` or `..` segment"),
            _ if name.len() > SEGMENT_BYTES_MAX => {
                return Err("has a segment longer than 255 bytes");
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
