//! The complete list of path to blob of one deployment.

use holm_types::{BlobDigest, Parsed};

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestEntry {
    /// As in [`FileEntry`].
    pub path: Box<str>,
    /// What it holds.
    pub digest: BlobDigest,
    /// How much.
    pub size_bytes: u64,
    /// `Content-Type`, from the name, for example `text/html; charset=utf-8`.
    pub media_type: Box<str>,
}

/// The servable files of one deployment, sorted by path, each path once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    pub(crate) entries: Vec<ManifestEntry>,
}

impl Manifest {
    /// Makes the manifest: sorts, names the media types, refuses what may not be a path, and leaves
    /// out what is withheld. An error-level diagnostic means that the deployment fails.
    pub fn build(files: Vec<FileEntry>) -> Parsed<Self> {
        let _ = files;
        todo!("helper: site")
    }

    /// The files, sorted by path (bytewise).
    pub fn entries(&self) -> &[ManifestEntry] {
        &self.entries
    }
}

/// What becomes of a file of the upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is served.
    Served,
    /// It is read by Holm but never served (`edgeone.json`, lock files, function sources ...).
    Withheld,
    /// It is no part of a deployment at all (`.git`, `node_modules`, other dot files): clients leave it out.
    Ignored,
}

/// What becomes of a file at this path (config-build spec 4.6, decision D10.17). Clients and the
/// server ask the same function.
pub fn admit(path: &str) -> Admission {
    let _ = path;
    todo!("helper: site")
}
