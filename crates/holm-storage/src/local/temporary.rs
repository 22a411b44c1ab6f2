//! A file under a temporary name: gone when dropped, unless it was given its name.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::blob::BlobError;

use super::io_error;

#[derive(Debug)]
pub(super) struct TemporaryFile {
    path: PathBuf,
    is_named: bool,
}

impl TemporaryFile {
    /// Makes an empty file, open for writing.
    pub(super) fn create(path: PathBuf) -> Result<(Self, File), BlobError> {
        let file = File::create_new(&path).map_err(io_error("create", &path))?;
        Ok((
            Self {
                path,
                is_named: false,
            },
            file,
        ))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name, in the place of one that has it already.
    pub(super) fn name(mut self, path: &Path) -> Result<(), BlobError> {
        fs::rename(&self.path, path).map_err(io_error("rename to", path))?;
        self.is_named = true;
        Ok(())
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if !self.is_named {
            // What cannot be removed now is removed at the next start.
            drop(fs::remove_file(&self.path));
        }
    }
}
