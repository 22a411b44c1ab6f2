//! Which file of the store is where, and what its name says.

use std::path::{Path, PathBuf};

use holm_types::BlobDigest;

/// The folder of a store.
#[derive(Debug)]
pub(super) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Held locked by the one process that writes.
    pub(super) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub(super) fn packs(&self) -> PathBuf {
        self.root.join("packs")
    }

    pub(super) fn large(&self) -> PathBuf {
        self.root.join("large")
    }

    /// Files of uploads that are not finished.
    pub(super) fn temporary(&self) -> PathBuf {
        self.root.join("temporary")
    }

    /// Files that are not what was written, kept for whoever looks into it.
    pub(super) fn damaged(&self) -> PathBuf {
        self.root.join("damaged")
    }

    pub(super) fn pack(&self, number: u32) -> PathBuf {
        self.packs().join(format!("{number:08x}.pack"))
    }

    /// The name holds the size, so that a cut file shows when the store is opened.
    pub(super) fn large_blob(&self, digest: &BlobDigest, size_bytes: u64) -> PathBuf {
        let hex = digest.to_string();
        let (fan, rest) = hex.split_at(2);
        self.large().join(fan).join(format!("{rest}-{size_bytes}"))
    }
}

/// The number in a pack's name. `None` when it is another file.
pub(super) fn pack_number(path: &Path) -> Option<u32> {
    let hex = path.file_name()?.to_str()?.strip_suffix(".pack")?;
    u32::from_str_radix(hex, 16)
        .ok()
        .filter(|number| hex == format!("{number:08x}"))
}

/// Digest and size in the path of a large blob. `None` when it is another file.
pub(super) fn large_blob_name(path: &Path) -> Option<(BlobDigest, u64)> {
    let fan = path.parent()?.file_name()?.to_str()?;
    let (rest, size_bytes) = path.file_name()?.to_str()?.split_once('-')?;
    let digest = format!("{fan}{rest}").parse().ok()?;
    Some((digest, size_bytes.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_strangers_are_not_read() {
        let layout = Layout::new(Path::new("/blobs"));
        let digest = BlobDigest::of(b"hello");
        assert_eq!(
            large_blob_name(&layout.large_blob(&digest, 70_000)),
            Some((digest, 70_000))
        );
        assert_eq!(pack_number(&layout.pack(0xAB)), Some(0xAB));
        for stranger in [
            "notes.txt",
            "1.pack",
            "0000000G.pack",
            "+0000001.pack",
            "00000001.pack.old",
        ] {
            assert_eq!(pack_number(Path::new(stranger)), None, "{stranger}");
        }
        for stranger in ["ab/cd", "ab/cd-1", "notes.txt", "ab/cd-x"] {
            assert_eq!(large_blob_name(Path::new(stranger)), None, "{stranger}");
        }
    }
}
