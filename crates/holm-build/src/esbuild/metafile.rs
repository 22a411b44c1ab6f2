//! What the bundler writes down about a build: which outputs there are, what each exports, what each is made of.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Inputs and outputs by path, relative to the project's folder.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Metafile {
    #[serde(default)]
    pub(crate) inputs: BTreeMap<String, Input>,
    #[serde(default)]
    pub(crate) outputs: BTreeMap<String, Output>,
}

/// A source.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Input {
    /// `esm` or `cjs`; neither for a script without imports and exports.
    #[serde(default)]
    pub(crate) format: String,
}

/// An output.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    /// The file that it begins with; missing for style sheets and source maps.
    pub(crate) entry_point: Option<String>,
    #[serde(default)]
    pub(crate) exports: Vec<String>,
    #[serde(default)]
    pub(crate) inputs: BTreeMap<String, Share>,
}

/// What a source adds to an output.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Share {
    #[serde(default)]
    pub(crate) bytes_in_output: u64,
}

impl Metafile {
    /// Reads it. Empty when there is none, as after errors.
    pub(super) fn parse(text: &[u8]) -> Self {
        serde_json::from_slice(text).unwrap_or_default()
    }

    /// The output that begins with this file.
    pub(crate) fn output_of(&self, entry: &str) -> Option<&Output> {
        let mut outputs = self.outputs.values();
        outputs.find(|output| output.entry_point.as_deref() == Some(entry))
    }
}
