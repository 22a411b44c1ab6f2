//! `[functions]` of the configuration: by what functions are run, and where they may reach.

use std::path::{Path, PathBuf};

use holm_types::IpNetwork;
use serde::Deserialize;

use crate::config::{ConfigError, Origin, Setting, joined, or_default, read_networks};

/// What the configuration says about running functions.
#[derive(Clone, Debug)]
pub struct FunctionSettings {
    /// A Deno of the operator's own, instead of the one that Holm fetches. `None` (the default): fetch it.
    pub deno: Setting<Option<PathBuf>>,
    /// Networks beside the public ones that functions may reach. Default: none.
    pub networks: Setting<Vec<IpNetwork>>,
}

/// `[functions]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FunctionsFile {
    deno: Option<PathBuf>,
    /// Addresses and blocks of them, such as `10.0.0.0/8`.
    allow_networks: Option<Vec<String>>,
}

impl FunctionSettings {
    /// The flag, what the file says, or the default.
    pub(crate) fn read(
        flag: Option<PathBuf>,
        file: FunctionsFile,
        path: &Path,
    ) -> Result<Self, ConfigError> {
        let networks = read_networks("functions.allow_networks", file.allow_networks, path)?;
        Ok(Self {
            deno: or_default(flag.map(Some), file.deno.map(Some), path, None),
            networks: or_default(None, networks, path, Vec::new()),
        })
    }

    /// Each setting: name, value, origin.
    pub(crate) fn rows(&self) -> [(&'static str, String, &Origin); 2] {
        let deno = self.deno.value.as_ref();
        let deno = deno.map_or_else(String::new, |path| path.display().to_string());
        [
            ("functions.deno", deno, &self.deno.origin),
            (
                "functions.allow_networks",
                joined(&self.networks.value),
                &self.networks.origin,
            ),
        ]
    }
}
