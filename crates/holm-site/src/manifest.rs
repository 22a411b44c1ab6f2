//! The complete list of path to blob of one deployment.

use holm_types::{BlobDigest, Diagnostic, Parsed, Severity};

use crate::admission::{Admission, FUNCTION_FOLDERS, admit};
use crate::code;
use crate::limits::{PATH_BYTES_MAX, SEGMENT_BYTES_MAX};
use crate::media_type::media_type_of;

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
        let mut reader = ManifestReader::default();
        for file in files {
            reader.take(file);
        }
        reader.finish()
    }

    /// Whether there is a file at exactly this path.
    pub fn contains(&self, path: &str) -> bool {
        self.entries
            .binary_search_by(|entry| (*entry.path).cmp(path))
            .is_ok()
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
    pub fn entries(&self) -> &[ManifestEntry] {
        &self.entries
    }
}

/// Sorts the files of an upload into servable ones and findings.
#[derive(Default)]
struct ManifestReader {
    entries: Vec<ManifestEntry>,
    diagnostics: Vec<Diagnostic>,
    /// Every path seen, servable or not, to find those that come twice.
    seen: std::collections::HashSet<Box<str>>,
    /// Names at the root that hold functions or middleware.
    function_roots: std::collections::BTreeSet<String>,
    /// How many files are no part of a deployment, and the first of them.
    ignored: Option<(usize, String)>,
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
        if !self.seen.insert(file.path.as_str().into()) {
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
            Admission::Served => self.entries.push(ManifestEntry {
                media_type: media_type_of(&file.path),
                path: file.path.into(),
                digest: file.digest,
                size_bytes: file.size_bytes,
            }),
            Admission::Withheld => self.note_function(&file.path),
            Admission::Ignored => {
                let ignored = self.ignored.get_or_insert((0, file.path));
                ignored.0 += 1;
            }
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
        self.entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
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
            value: Manifest {
                entries: self.entries,
            },
            diagnostics: self.diagnostics,
        }
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
