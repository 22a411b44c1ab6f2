//! Someone who types `holm` in a folder of their own: a process with nothing inherited but PATH.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A home and a folder to stand in.
pub(crate) struct Person {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

/// What came out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub exit: i32,
    pub out: String,
    pub err: String,
}

impl Person {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("site")).unwrap();
        Self {
            folder,
            variables: Vec::new(),
        }
    }

    /// Sets an environment variable for what is typed from now on.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// A path in the folder that they stand in.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("site").join(path)
    }

    /// Makes a file in the folder that they stand in.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Where their settings are.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("config/holm")
    }

    /// Types `holm` and these words, without a terminal.
    pub(crate) fn types(&self, words: &str) -> Said {
        self.types_into(words, Stdio::piped())
    }

    /// As `types`, with standard output going elsewhere.
    pub(crate) fn types_into(&self, words: &str, out: impl Into<Stdio>) -> Said {
        let output = Command::new(program())
            .args(words.split_whitespace())
            .current_dir(self.folder.path().join("site"))
            .env_clear()
            .env("XDG_CONFIG_HOME", self.folder.path().join("config"))
            .env("XDG_CACHE_HOME", self.folder.path().join("cache"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(out)
            .output()
            .unwrap();
        Said {
            exit: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The client's words as a program.
fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_holm-client"))
}
