//! A folder for one test.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// An empty folder that is removed, with all in it, when dropped.
#[derive(Debug)]
pub struct TempFolder {
    folder: TempDir,
}

impl TempFolder {
    /// A new one.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("holm-test-").tempdir();
        Self {
            folder: folder.expect("the temporary folder can be written to"),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file below it, making the folders between; gives its path.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).expect("folders below the temporary one can be made");
        }
        std::fs::write(&path, bytes).expect("files below the temporary folder can be written");
        path
    }
}

impl Default for TempFolder {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_gone_when_dropped() {
        let folder = TempFolder::new();
        let file = folder.write("a/b.txt", "text");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "text");
        let path = folder.path().to_owned();
        drop(folder);
        assert!(!path.exists());
    }
}
