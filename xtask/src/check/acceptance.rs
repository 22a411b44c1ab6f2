//! The acceptance material, which lies beside the repository and not in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::options::Options;
use crate::timed;

/// How long one script of the material may run.
const SCRIPT_TIME_MAX: Duration = Duration::from_mins(10);

/// Where it lies when nobody says otherwise, from the root of the repository.
const USUAL_PLACE: &str = "../shared/acceptance";

/// The environment variable that names another place.
const VARIABLE: &str = "HOLM_ACCEPTANCE";

/// The folder with `frameworks.json`, `rawhttp/` and `tools/`.
#[derive(Clone, Debug)]
pub(crate) struct Acceptance {
    folder: PathBuf,
}

impl Acceptance {
    /// Whether it lies where it is looked for without options.
    pub(crate) fn is_there(root: &Path) -> bool {
        std::env::var_os(VARIABLE).is_some() || root.join(USUAL_PLACE).is_dir()
    }

    /// `--acceptance DIR`, else the environment's `HOLM_ACCEPTANCE`, else `../shared/acceptance`.
    /// `None` when nobody named a folder and the usual place is empty.
    pub(crate) fn find(root: &Path, options: &mut Options) -> Result<Option<Self>> {
        let named = match options.take::<PathBuf>("acceptance")? {
            Some(folder) => Some(folder),
            None => std::env::var_os(VARIABLE).map(PathBuf::from),
        };
        let is_named = named.is_some();
        let folder = named.unwrap_or_else(|| root.join(USUAL_PLACE));
        if let Ok(folder) = folder.canonicalize() {
            return Ok(Some(Self { folder }));
        }
        ensure!(!is_named, "there is no folder {}", folder.display());
        println!(
            "there is no acceptance material at ../shared/acceptance; `--acceptance DIR` names another place"
        );
        Ok(None)
    }

    /// A file or folder of it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A file of it as JSON.
    pub(crate) fn json(&self, name: &str) -> Result<serde_json::Value> {
        let text =
            std::fs::read_to_string(self.path(name)).with_context(|| format!("read {name}"))?;
        serde_json::from_str(&text).with_context(|| format!("parse {name}"))
    }

    /// Runs a Python script of it; fails when the script does.
    pub(crate) fn python(&self, script: &str, words: &[&str]) -> Result<()> {
        ensure!(
            timed::is_installed("python3"),
            "python3 is not installed; {script} needs it"
        );
        let mut command = Command::new("python3");
        command.arg(self.path(script)).args(words);
        timed::run(&mut command, SCRIPT_TIME_MAX)
    }
}
