//! The walk over a folder: which regular files there are, and their stamps.
//!
//! Only regular files are taken. A symbolic link is followed when it leads to something inside the
//! folder, and refused by name when it leads out of it, nowhere, or back to a folder that it is in.

use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use holm_site::{Admission, admit};

use crate::error::CliError;
use crate::exit::Exit;
use crate::limits::CliLimits;

/// A regular file that belongs to the deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FoundFile {
    /// Within the deployment, for example `/a/b c.html`.
    pub path: String,
    /// Where its bytes are; never a symbolic link.
    pub source: PathBuf,
    /// What it looked like.
    pub stamp: Stamp,
}

/// What tells whether a file is still the same without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Stamp {
    pub size_bytes: u64,
    pub device: u64,
    pub inode: u64,
    /// Nanoseconds since the epoch, by the file system's clock.
    pub modified_ns: i128,
    /// The same, of the last change of content or of attributes; no program can set it.
    pub changed_ns: i128,
}

impl Stamp {
    /// The stamp of what this metadata is about.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let ns = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Self {
            size_bytes: metadata.size(),
            device: metadata.dev(),
            inode: metadata.ino(),
            modified_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Why a folder cannot be deployed as it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScanError {
    /// Cannot be read.
    #[error("read `{path}`")]
    Read {
        path: String,
        #[source]
        source: io::Error,
    },
    /// It was there a moment ago.
    #[error("`{path}` vanished while the folder was read")]
    Vanished { path: String },
    /// It would not stay the same.
    #[error("`{path}` keeps changing while it is read")]
    Changing { path: String },
    /// A name that no URL can have.
    #[error("the name of `{path}` is not UTF-8")]
    NotUtf8 { path: String },
    /// A link out of the folder.
    #[error("`{path}` is a symbolic link to `{target}`, outside of the folder")]
    LinkOutside { path: String, target: String },
    /// A link to what is left out under its own name.
    #[error("`{path}` is a symbolic link to `{target}`, which is no part of a deployment")]
    LinkHidden { path: String, target: String },
    /// A link to nothing.
    #[error("`{path}` is a symbolic link to `{target}`, which does not exist")]
    LinkBroken { path: String, target: String },
    /// A link to a folder that it is in.
    #[error("`{path}` is a symbolic link to `{target}`, a folder that it is in itself")]
    LinkLoop { path: String, target: String },
    /// A device, a socket or a pipe.
    #[error("`{path}` is {what}, not a file")]
    NotAFile { path: String, what: &'static str },
    /// Too deep.
    #[error("`{path}` is more than {depth_max} folders deep")]
    TooDeep { path: String, depth_max: usize },
    /// Too many.
    #[error("there are more than {files_max} files")]
    TooMany { files_max: usize },
    /// None.
    #[error("there are no files to serve in it")]
    Empty,
}

impl ScanError {
    /// Whether starting over may end better.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Vanished { .. })
    }

    /// What the person is told about the folder that was to be deployed.
    pub(crate) fn explain(&self, folder: &str) -> CliError {
        let (exit, next) = match self {
            Self::Read { .. } => (Exit::Failure, "Check the permissions."),
            Self::Vanished { .. } | Self::Changing { .. } => (
                Exit::Failure,
                "Wait until the build has finished and deploy again.",
            ),
            Self::NotUtf8 { .. } => (Exit::Failure, "Rename the file, or leave it out."),
            Self::LinkOutside { .. } | Self::LinkHidden { .. } => (
                Exit::Policy,
                "Put a copy of what it leads to in its place, or remove the link.",
            ),
            Self::LinkBroken { .. } | Self::LinkLoop { .. } => (
                Exit::Failure,
                "Remove the link, or let it lead to a file in the folder.",
            ),
            Self::NotAFile { .. } => (Exit::Failure, "Remove it, or leave it out."),
            Self::TooDeep { .. } => (Exit::Quota, "Check that the folder holds a site."),
            Self::TooMany { .. } => (Exit::Quota, "Check that the folder holds a site."),
            Self::Empty => (
                Exit::Failure,
                "Name the folder with the built site; dot files and node_modules do not count.",
            ),
        };
        CliError::because(exit, format!("deploy `{folder}`"), self).next(next)
    }
}

/// Finds the files of a folder, sorted by path. `root` has no symbolic links in its path.
pub(crate) fn scan(root: &Path) -> Result<Vec<FoundFile>, ScanError> {
    let mut walk = Walk {
        root,
        limits: CliLimits::default(),
        files: Vec::new(),
    };
    walk.folder(&Folder {
        real: root,
        path: "",
        depth: 0,
        within: None,
    })?;
    let mut files = walk.files;
    if files.is_empty() {
        return Err(ScanError::Empty);
    }
    files.sort_unstable_by(|left, right| left.path.cmp(&right.path));
    Ok(files)
}

/// A file that is not in the folder but is to be deployed with it, such as the project's `edgeone.json`.
pub(crate) fn single(source: &Path, path: String) -> Result<FoundFile, ScanError> {
    let shown = source.display().to_string();
    let read_error = |source| ScanError::Read {
        path: shown.clone(),
        source,
    };
    let source = source.canonicalize().map_err(read_error)?;
    let metadata = source.metadata().map_err(read_error)?;
    if !metadata.is_file() {
        return Err(ScanError::NotAFile {
            path: shown,
            what: kind(&metadata),
        });
    }
    Ok(FoundFile {
        path,
        source,
        stamp: Stamp::of(&metadata),
    })
}

/// A folder on the way.
struct Folder<'a> {
    /// Without symbolic links.
    real: &'a Path,
    /// Within the deployment; empty at the root, else starts with `/`.
    path: &'a str,
    depth: usize,
    /// The folder that this one was reached from.
    within: Option<&'a Folder<'a>>,
}

impl Folder<'_> {
    /// Whether `target` is this folder, or one that it is in, by whichever way it was reached.
    fn is_within(&self, target: &Path) -> bool {
        self.real.starts_with(target) || self.within.is_some_and(|folder| folder.is_within(target))
    }
}

struct Walk<'a> {
    root: &'a Path,
    limits: CliLimits,
    files: Vec<FoundFile>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Folder<'_>) -> Result<(), ScanError> {
        if folder.depth > self.limits.depth_max {
            let path = folder.path.to_owned();
            return Err(ScanError::TooDeep {
                path,
                depth_max: self.limits.depth_max,
            });
        }
        let entries = fs::read_dir(folder.real).map_err(|error| read_error(folder.path, error))?;
        for entry in entries {
            let entry = entry.map_err(|error| read_error(folder.path, error))?;
            self.entry(folder, &entry)?;
        }
        Ok(())
    }

    fn entry(&mut self, folder: &Folder<'_>, entry: &DirEntry) -> Result<(), ScanError> {
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            let path = format!("{}/{}", folder.path, name.to_string_lossy());
            return Err(ScanError::NotUtf8 { path });
        };
        let path = format!("{}/{name}", folder.path);
        let kind = entry
            .file_type()
            .map_err(|error| read_error(&path, error))?;
        if kind.is_dir() {
            let real = folder.real.join(name);
            self.below(folder, &path, &real)
        } else if admit(&path) == Admission::Ignored {
            Ok(())
        } else if kind.is_symlink() {
            self.link(folder, path, entry)
        } else {
            let metadata = entry.metadata().map_err(|error| read_error(&path, error))?;
            self.file(path, entry.path(), &metadata)
        }
    }

    fn below(&mut self, within: &Folder<'_>, path: &str, real: &Path) -> Result<(), ScanError> {
        // A folder is left out when any file in it would be.
        if admit(&format!("{path}/any")) == Admission::Ignored {
            return Ok(());
        }
        self.folder(&Folder {
            real,
            path,
            depth: within.depth + 1,
            within: Some(within),
        })
    }

    fn link(
        &mut self,
        folder: &Folder<'_>,
        path: String,
        entry: &DirEntry,
    ) -> Result<(), ScanError> {
        let link = entry.path();
        let target = fs::read_link(&link).map_err(|error| read_error(&path, error))?;
        let target = target.display().to_string();
        let real = match link.canonicalize() {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ScanError::LinkBroken { path, target });
            }
            Err(source) => return Err(ScanError::Read { path, source }),
        };
        if !real.starts_with(self.root) {
            return Err(ScanError::LinkOutside { path, target });
        }
        if self.leads_to_left_out(&real) {
            return Err(ScanError::LinkHidden { path, target });
        }
        let metadata = real.metadata().map_err(|error| read_error(&path, error))?;
        if !metadata.is_dir() {
            return self.file(path, real, &metadata);
        }
        if folder.is_within(&real) {
            return Err(ScanError::LinkLoop { path, target });
        }
        self.below(folder, &path, &real)
    }

    /// A link must not publish under another name what is left out under its own, such as `.env`.
    fn leads_to_left_out(&self, real: &Path) -> bool {
        let below = real
            .strip_prefix(self.root)
            .ok()
            .and_then(Path::to_str)
            .unwrap_or("");
        let path = if real.is_dir() {
            format!("/{below}/any")
        } else {
            format!("/{below}")
        };
        !below.is_empty() && admit(&path) == Admission::Ignored
    }

    fn file(
        &mut self,
        path: String,
        source: PathBuf,
        metadata: &Metadata,
    ) -> Result<(), ScanError> {
        if !metadata.is_file() {
            return Err(ScanError::NotAFile {
                path,
                what: kind(metadata),
            });
        }
        if self.files.len() >= self.limits.files_max {
            return Err(ScanError::TooMany {
                files_max: self.limits.files_max,
            });
        }
        self.files.push(FoundFile {
            path,
            source,
            stamp: Stamp::of(metadata),
        });
        Ok(())
    }
}

fn read_error(path: &str, error: io::Error) -> ScanError {
    let path = if path.is_empty() {
        "/".to_owned()
    } else {
        path.to_owned()
    };
    if error.kind() == io::ErrorKind::NotFound {
        ScanError::Vanished { path }
    } else {
        ScanError::Read {
            path,
            source: error,
        }
    }
}

fn kind(metadata: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(test)]
mod tests;
