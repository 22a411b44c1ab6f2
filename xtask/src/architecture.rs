//! `architecture.toml`: the rooms, their arrows, the fences and the sizes that are on record.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Architecture {
    /// Room to the rooms it may use.
    pub(crate) rooms: BTreeMap<String, Vec<String>>,
    /// Crates for tests and chores, to the rooms they may use.
    pub(crate) sheds: BTreeMap<String, Vec<String>>,
    /// Third-party crate to the rooms that may reach it.
    pub(crate) fences: BTreeMap<String, Vec<String>>,
    /// Folder to the reason why it has its own `clippy.toml`.
    pub(crate) own_clippy: BTreeMap<String, String>,
    /// What may stand at the top.
    pub(crate) top_level: TopLevel,
    /// Sizes past a limit that are on record.
    pub(crate) ratchet: Ratchet,
}

/// What may stand at the top of the repository.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TopLevel {
    pub(crate) entries: Vec<String>,
}

/// Sizes past a limit that are on record: name to lines.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ratchet {
    /// By path.
    pub(crate) files: BTreeMap<String, usize>,
    /// By `path::function`.
    pub(crate) functions: BTreeMap<String, usize>,
}

impl Architecture {
    /// Reads the file at the root of the repository.
    pub(crate) fn load(root: &Path) -> Result<Self> {
        let path = root.join("architecture.toml");
        let text = std::fs::read_to_string(&path).context("read architecture.toml")?;
        toml::from_str(&text).context("parse architecture.toml")
    }
}
