//! `.edgeone/project.json`: which project EdgeOne's own command line linked a folder to. Only read.

use std::path::Path;

use serde::Deserialize;

use crate::limits::CliLimits;
use crate::small_file::read_small;

/// The file's place within a project.
const FILE: &str = ".edgeone/project.json";

#[derive(Deserialize)]
struct EdgeoneLink {
    #[serde(rename = "Name")]
    name: String,
}

/// The name of the project that this folder was linked to. `None` without a file that says so.
pub(crate) fn project_name(folder: &Path) -> Option<String> {
    let bytes = read_small(&folder.join(FILE), CliLimits::default().settings_bytes_max).ok()??;
    let link: EdgeoneLink = serde_json::from_slice(&bytes).ok()?;
    Some(link.name).filter(|name| !name.is_empty())
}
