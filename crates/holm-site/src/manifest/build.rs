//! Making a manifest: from what a client announced, or from what was read back.

use std::collections::HashMap;

use holm_types::{BlobDigest, Diagnostic, Parsed, Severity};

use super::{Content, FileEntry, Manifest, check_shape};
use crate::admission::{Admission, FUNCTION_FOLDERS, admit};
use crate::code;
use crate::media_type::media_type_of;

/// See [`Manifest::build`].
pub(super) fn build(mut files: Vec<FileEntry>) -> Parsed<Manifest> {
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    let mut reader = ManifestReader::default();
    for file in files {
        reader.take(file);
    }
    reader.finish()
}

/// Puts a manifest together, path by path in order.
#[derive(Debug, Default)]
pub(crate) struct ManifestBuilder {
    paths: String,
    path_ends: Vec<u32>,
    contents: Vec<Content>,
    types: Vec<u16>,
    media_types: Vec<Box<str>>,
    /// The index of each media type.
    known: HashMap<Box<str>, u16>,
    /// Where the last path starts.
    last_start: usize,
}

/// A path does not come after the one before, or is one more than a manifest holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotInOrder;

impl ManifestBuilder {
    /// The index of a media type. `None` when there are too many.
    pub(crate) fn media_type(&mut self, name: &str) -> Option<u16> {
        if let Some(index) = self.known.get(name) {
            return Some(*index);
        }
        let index = u16::try_from(self.media_types.len()).ok()?;
        self.media_types.push(name.into());
        self.known.insert(name.into(), index);
        Some(index)
    }

    /// Adds a file.
    pub(crate) fn push(
        &mut self,
        path: &str,
        digest: BlobDigest,
        size_bytes: u64,
        media_type: u16,
    ) -> Result<(), NotInOrder> {
        let last = self.paths.get(self.last_start..).unwrap_or_default();
        if !self.contents.is_empty() && last >= path {
            return Err(NotInOrder);
        }
        let start = self.paths.len();
        let path_end = u32::try_from(start + path.len()).map_err(|_| NotInOrder)?;
        self.paths.push_str(path);
        self.last_start = start;
        self.path_ends.push(path_end);
        self.contents.push(Content { digest, size_bytes });
        self.types.push(media_type);
        Ok(())
    }

    /// The manifest, with these media types in place of those that were asked for. `None` when a file has one
    /// that is not among them.
    pub(crate) fn finish_with(mut self, media_types: Vec<Box<str>>) -> Option<Manifest> {
        let count = media_types.len();
        if self.types.iter().any(|index| usize::from(*index) >= count) {
            return None;
        }
        self.media_types = media_types;
        Some(self.finish())
    }

    pub(crate) fn finish(self) -> Manifest {
        Manifest {
            paths: self.paths.into_boxed_str(),
            path_ends: self.path_ends.into_boxed_slice(),
            contents: self.contents.into_boxed_slice(),
            types: self.types.into_boxed_slice(),
            media_types: self.media_types.into_boxed_slice(),
        }
    }
}

/// Sorts the files of an upload into servable ones and findings.
#[derive(Default)]
struct ManifestReader {
    manifest: ManifestBuilder,
    diagnostics: Vec<Diagnostic>,
    /// The path before this one, servable or not, to find those that come twice.
    before: String,
    /// Names at the root that hold functions or middleware.
    function_roots: std::collections::BTreeSet<String>,
    /// How many files are no part of a deployment, and the first of them.
    ignored: Option<(usize, String)>,
    /// Whether more came than a manifest holds.
    is_full: bool,
}

impl ManifestReader {
    fn take(&mut self, file: FileEntry) {
        if let Err(problem) = check_shape(&file.path) {
            self.diagnostics.push(
                Diagnostic::new(
                    Severity::Error,
                    code::MANIFEST_PATH,
                    format!("the path `{}` {problem}", file.path.escape_debug()),
                )
                .hint("rename the file"),
            );
            return;
        }
        if self.before == file.path {
            self.diagnostics.push(
                Diagnostic::new(
                    Severity::Error,
                    code::MANIFEST_DUPLICATE_PATH,
                    format!("the path `{}` is there twice", file.path),
                )
                .hint("send each path once"),
            );
            return;
        }
        match admit(&file.path) {
            Admission::Served => self.serve(&file),
            Admission::Withheld => self.note_function(&file.path),
            Admission::Ignored => {
                let ignored = self.ignored.get_or_insert_with(|| (0, file.path.clone()));
                ignored.0 += 1;
            }
        }
        self.before = file.path;
    }

    fn serve(&mut self, file: &FileEntry) {
        let media_type = self.manifest.media_type(&media_type_of(&file.path));
        let is_kept = media_type.is_some_and(|media_type| {
            let (digest, size_bytes) = (file.digest, file.size_bytes);
            let kept = self
                .manifest
                .push(&file.path, digest, size_bytes, media_type);
            kept.is_ok()
        });
        if !is_kept && !self.is_full {
            self.is_full = true;
            self.diagnostics.push(
                Diagnostic::new(
                    Severity::Error,
                    code::MANIFEST_PATH,
                    "the paths of the deployment have more than 4 GiB in all",
                )
                .hint("deploy fewer files, or give them shorter names"),
            );
        }
    }

    fn note_function(&mut self, path: &str) {
        let path = path.strip_prefix('/').unwrap_or(path);
        match path.split_once('/') {
            Some((top, _)) if FUNCTION_FOLDERS.contains(&top) => {
                self.function_roots.insert(format!("{top}/"));
            }
            None if path.starts_with("middleware.") => {
                self.function_roots.insert(path.to_owned());
            }
            _ => {}
        }
    }

    fn finish(mut self) -> Parsed<Manifest> {
        for root in &self.function_roots {
            self.diagnostics.push(
                Diagnostic::new(
                    Severity::Warning,
                    code::FUNCTIONS_NOT_RUN,
                    format!("`{root}` is not run in this version"),
                )
                .at(root.clone(), None)
                .hint("the sources are withheld from visitors; requests for them are answered as for any missing file"),
            );
        }
        if let Some((count, example)) = &self.ignored {
            self.diagnostics.push(Diagnostic::new(
                Severity::Info,
                code::MANIFEST_LEFT_OUT,
                format!(
                    "{count} of the files are no part of a deployment, for example `{example}`"
                ),
            ));
        }
        Parsed {
            value: self.manifest.finish(),
            diagnostics: self.diagnostics,
        }
    }
}
