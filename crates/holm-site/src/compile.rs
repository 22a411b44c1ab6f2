//! From what a user uploaded to a document, with findings.

use std::collections::BTreeMap;

use holm_types::Parsed;

use crate::{DeploymentDocument, FileEntry, SiteSettings};

/// The files whose text `compile` needs; the caller reads those that the upload has.
pub const CONFIG_FILES: &[&str] = &[
    "/edgeone.json",
    "/edgeone.json5",
    "/.edgeone-assets-config.json",
];

/// What `compile` is given.
#[derive(Clone, Debug, Default)]
pub struct CompileInput {
    /// Every file of the upload, in any order.
    pub files: Vec<FileEntry>,
    /// The bytes of those [`CONFIG_FILES`] that the upload has, by path.
    pub configs: BTreeMap<String, Vec<u8>>,
    /// The project's settings now.
    pub settings: SiteSettings,
}

/// Makes the document. `None` when a diagnostic is an error: the deployment fails.
pub fn compile(input: CompileInput) -> Parsed<Option<DeploymentDocument>> {
    let _ = input;
    todo!("helper: site")
}
