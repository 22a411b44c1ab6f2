//! What an unfinished upload announced, as one value: `1` (the format), then for each file the
//! length of its path (u32), the path, the digest, the size (u64); numbers little-endian.

use bytes::{Buf as _, BufMut as _};
use holm_site::FileEntry;
use holm_types::{BlobDigest, DeploymentId};
use rusqlite::OptionalExtension as _;

use super::{Change, DbError, View};

const FORMAT: u8 = 1;

impl View<'_> {
    /// The files that a deployment announced. `None` once it has ended.
    pub(crate) fn announced(&self, id: DeploymentId) -> Result<Option<Vec<FileEntry>>, DbError> {
        let bytes: Option<Vec<u8>> = self
            .connection
            .query_row(
                "SELECT manifest FROM announced_manifests WHERE deployment_id = ?1",
                [id.as_bytes()],
                |row| row.get(0),
            )
            .optional()
            .map_err(DbError::sql("read an announced manifest"))?;
        bytes
            .map(|bytes| {
                decode(&bytes).ok_or(DbError::Damaged {
                    what: "announced manifest",
                })
            })
            .transpose()
    }
}

impl Change<'_> {
    /// Keeps what a deployment announced, as [`encode`] made it.
    pub(crate) fn insert_announced(
        &self,
        id: DeploymentId,
        manifest: &[u8],
    ) -> Result<(), DbError> {
        self.connection
            .execute(
                "INSERT INTO announced_manifests (deployment_id, manifest) VALUES (?1, ?2)",
                (id.as_bytes(), manifest),
            )
            .map(drop)
            .map_err(DbError::sql("keep an announced manifest"))
    }

    /// Drops what a deployment announced.
    pub(crate) fn delete_announced(&self, id: DeploymentId) -> Result<(), DbError> {
        self.connection
            .execute(
                "DELETE FROM announced_manifests WHERE deployment_id = ?1",
                [id.as_bytes()],
            )
            .map(drop)
            .map_err(DbError::sql("drop an announced manifest"))
    }
}

/// The bytes for [`Change::insert_announced`].
pub(crate) fn encode(files: &[FileEntry]) -> Vec<u8> {
    let path_bytes: usize = files.iter().map(|file| file.path.len()).sum();
    let mut bytes = Vec::with_capacity(1 + path_bytes + files.len() * 44);
    bytes.put_u8(FORMAT);
    for file in files {
        // Paths are limited to far less than 4 GiB where they enter.
        bytes.put_u32_le(u32::try_from(file.path.len()).unwrap_or(u32::MAX));
        bytes.put_slice(file.path.as_bytes());
        bytes.put_slice(file.digest.as_bytes());
        bytes.put_u64_le(file.size_bytes);
    }
    bytes
}

fn decode(mut bytes: &[u8]) -> Option<Vec<FileEntry>> {
    if bytes.try_get_u8().ok()? != FORMAT {
        return None;
    }
    let mut files = Vec::new();
    while bytes.has_remaining() {
        let path_length = usize::try_from(bytes.try_get_u32_le().ok()?).ok()?;
        let path = std::str::from_utf8(bytes.get(..path_length)?)
            .ok()?
            .to_owned();
        bytes.advance(path_length);
        let mut digest = [0; 32];
        bytes.try_copy_to_slice(&mut digest).ok()?;
        files.push(FileEntry {
            path,
            digest: BlobDigest::from_bytes(digest),
            size_bytes: bytes.try_get_u64_le().ok()?,
        });
    }
    Some(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifest_round_trips_and_a_cut_one_is_refused() {
        let files: Vec<FileEntry> = ["/index.html", "/ü b.css", "/c"]
            .iter()
            .map(|path| FileEntry {
                path: (*path).to_owned(),
                digest: BlobDigest::of(path.as_bytes()),
                size_bytes: 7,
            })
            .collect();
        let bytes = encode(&files);
        assert_eq!(decode(&bytes).as_deref(), Some(files.as_slice()));
        for cut in 0..bytes.len() {
            assert_ne!(decode(&bytes[..cut]).as_deref(), Some(files.as_slice()));
        }
        assert_eq!(decode(&[9]), None);
    }
}
