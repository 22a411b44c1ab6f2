//! `.holm/project.json`: which project on which server a folder belongs to. It holds no secret.

use std::io;
use std::path::{Path, PathBuf};

use holm_types::ProjectName;
use serde::{Deserialize, Serialize};

use crate::api_url::ApiUrl;
use crate::error::CliError;
use crate::exit::Exit;
use crate::limits::CliLimits;
use crate::small_file::{Readers, read_small, replace};

/// The link file's place within a project.
pub(crate) const LINK_FILE: &str = ".holm/project.json";

/// How many folders above the one asked about are searched.
const PARENTS_MAX: usize = 4;

/// A folder's project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Link {
    /// The project's name.
    pub project: ProjectName,
    /// The address of its server's API.
    pub api: String,
    /// The file that says so.
    #[serde(skip)]
    pub file: PathBuf,
}

/// Why a link file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    /// Read.
    #[error("read `{}`", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Not a link file.
    #[error("understand `{}`", path.display())]
    Damaged {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
}

impl From<LinkError> for CliError {
    fn from(error: LinkError) -> Self {
        CliError::because(Exit::Failure, "find this folder's project", &error)
            .next("Correct or delete the file; the next deployment writes it anew.")
    }
}

/// The link of this folder or of the nearest one above it. The search ends at a Git repository's root.
pub(crate) fn find(folder: &Path) -> Result<Option<Link>, LinkError> {
    for ancestor in folder.ancestors().take(PARENTS_MAX + 1) {
        if let Some(link) = at(ancestor)? {
            return Ok(Some(link));
        }
        if ancestor.join(".git").exists() {
            break;
        }
    }
    Ok(None)
}

/// The link of exactly this folder.
pub(crate) fn at(folder: &Path) -> Result<Option<Link>, LinkError> {
    read(&folder.join(LINK_FILE))
}

fn read(path: &Path) -> Result<Option<Link>, LinkError> {
    let bytes = match read_small(path, CliLimits::default().settings_bytes_max) {
        Ok(Some(bytes)) => bytes,
        // `.holm` may be a file of someone else's.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(None),
        Ok(None) => return Ok(None),
        Err(source) => {
            return Err(LinkError::Read {
                path: path.to_owned(),
                source,
            });
        }
    };
    match serde_json::from_slice(&bytes) {
        Ok(link) => Ok(Some(Link {
            file: path.to_owned(),
            ..link
        })),
        Err(source) => Err(LinkError::Damaged {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Writes the link of a project's folder, unless it says the same already.
pub(crate) fn write(folder: &Path, project: &ProjectName, api: &ApiUrl) -> io::Result<()> {
    let path = folder.join(LINK_FILE);
    let link = Link {
        project: project.clone(),
        api: api.to_string(),
        file: path.clone(),
    };
    if matches!(read(&path), Ok(Some(old)) if old == link) {
        return Ok(());
    }
    let mut text = serde_json::to_vec_pretty(&link).unwrap_or_default();
    text.push(b'\n');
    replace(&path, &text, Readers::Usual)
}

/// Removes the link of exactly this folder, and its folder when nothing else is in it. False when there
/// was none.
pub(crate) fn remove(folder: &Path) -> io::Result<bool> {
    let path = folder.join(LINK_FILE);
    match std::fs::remove_file(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    }
    if let Some(parent) = path.parent() {
        // Something else of the user's may be in it; then it stays.
        drop(std::fs::remove_dir(parent));
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_found_from_below_but_not_beyond_the_repository() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let below = root.join("site/dist/assets");
        std::fs::create_dir_all(&below).unwrap();
        assert!(find(&below).unwrap().is_none());
        let api: ApiUrl = "http://127.0.0.1:8089".parse().unwrap();
        write(root, &"blog".parse().unwrap(), &api).unwrap();
        assert_eq!(find(&below).unwrap().unwrap().project.as_str(), "blog");
        std::fs::create_dir(root.join("site/.git")).unwrap();
        assert!(find(&below).unwrap().is_none());
    }

    #[test]
    fn a_damaged_link_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".holm")).unwrap();
        std::fs::write(
            folder.path().join(LINK_FILE),
            r#"{"project":"Not A Name","api":""}"#,
        )
        .unwrap();
        let error = CliError::from(find(folder.path()).unwrap_err());
        assert!(error.why().contains(".holm/project.json"), "{error}");
        assert!(error.why().contains("a-z"), "{error}");
    }
}
