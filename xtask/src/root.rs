//! Where the repository is.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The folder above this crate's, which cargo tells at run time; otherwise the nearest folder above
/// the current one with an `architecture.toml`.
pub(crate) fn find() -> Result<PathBuf> {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    if let Some(root) = manifest.as_deref().and_then(Path::parent) {
        return Ok(root.to_owned());
    }
    let here = std::env::current_dir().context("read the current folder")?;
    here.ancestors()
        .find(|folder| folder.join("architecture.toml").is_file())
        .map(PathBuf::from)
        .context("no architecture.toml here or above; run this within the repository")
}
