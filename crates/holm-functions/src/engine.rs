//! The engines that Holm fetches for itself: which, where from, and where they are kept.
//!
//! An engine is a package of the npm registry, fetched by the user's own npm client with the user's own
//! configuration (mirrors and proxies are its business), at a version pinned here and with the digest
//! pinned here. No script of a package is run.

mod archive;
mod install;

pub use install::InstallError;

use std::path::{Path, PathBuf};

/// A package with an engine for one kind of machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnginePackage {
    /// `std::env::consts::OS` of the machine.
    pub os: &'static str,
    /// `std::env::consts::ARCH` of the machine.
    pub arch: &'static str,
    /// The package's name.
    pub package: &'static str,
    /// Its version.
    pub version: &'static str,
    /// SHA-512 of the package's archive, in base64.
    pub sha512: &'static str,
    /// The program in it.
    pub program: &'static str,
}

/// Deno for the machines that it is published for. Measurements are those of Linux on x86-64.
pub const DENO_PACKAGES: &[EnginePackage] = &[
    EnginePackage {
        os: "linux",
        arch: "x86_64",
        package: "@deno/linux-x64-glibc",
        version: "2.9.6",
        sha512: "3md4TKLCuzsLDmfOoC5KN7NAZaxSVkMgm64vg6foD00JBADCpYS2/5QqXfzgnP5ZQz3iLP9vBQJtEgc116OAoQ==",
        program: "deno",
    },
    EnginePackage {
        os: "linux",
        arch: "aarch64",
        package: "@deno/linux-arm64-glibc",
        version: "2.9.5",
        sha512: "IuYjsz9PGl7CJcNXMuN27KNDB8Q40brK3SG3l+TXMDVW61ZKwcn0fQHBHnXFiiygEwI8by/fKnASEluhZB1atw==",
        program: "deno",
    },
    EnginePackage {
        os: "macos",
        arch: "aarch64",
        package: "@deno/darwin-arm64",
        version: "2.9.5",
        sha512: "SX98qSdBT1lw9x6NwGwx2xIayl1kRimdRnFohYlJ6nt3mLKzTKHHKQwQs5D2pEY7mbUGGbYe9brM2kfN75pPkg==",
        program: "deno",
    },
    EnginePackage {
        os: "macos",
        arch: "x86_64",
        package: "@deno/darwin-x64",
        version: "2.9.5",
        sha512: "gbdlxWZuAZFiJiZtTT00Mv/aC7f/31+pyqJGQKlZr5X33WeTo5B0GG+efcX3P1UZceRKHuPEAQ1B/M2oRt8r9Q==",
        program: "deno",
    },
];

impl EnginePackage {
    /// The one for this machine. `None` where none is published; then only an own program will do.
    pub fn of_this_machine() -> Option<&'static Self> {
        DENO_PACKAGES.iter().find(|package| {
            package.os == std::env::consts::OS && package.arch == std::env::consts::ARCH
        })
    }
}

/// An engine that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    /// The program.
    pub program: PathBuf,
    /// Its version; `None` for an operator's own program, which is not asked.
    pub version: Option<&'static str>,
}

/// Why there is no engine to run.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// The operator named a program that is not there.
    #[error("find the edge engine: HOLM_DENO names {}, which is not a file", path.display())]
    OwnProgramMissing {
        /// What was named.
        path: PathBuf,
    },
    /// Nothing is installed yet; installing may help.
    #[error(
        "find the edge engine: it is not installed; run `holm runtimes install`, or name a Deno of \
         your own with HOLM_DENO"
    )]
    NotInstalled,
    /// No package is published for this machine.
    #[error(
        "find the edge engine: no package is published for {os} on {arch}; name a Deno of your own with \
         HOLM_DENO"
    )]
    NoPackage {
        /// The system.
        os: &'static str,
        /// The processor.
        arch: &'static str,
    },
}

/// The folder in which engines are kept: `<data>/runtimes`.
#[derive(Clone, Debug)]
pub struct EngineStore {
    folder: PathBuf,
}

impl EngineStore {
    /// The store in this folder, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// Where engines are kept.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where this package's program is, or would be.
    pub fn program(&self, package: &EnginePackage) -> PathBuf {
        self.folder
            .join(format!("deno-{}", package.version))
            .join(package.program)
    }

    /// The engine to run: the operator's own when one is named, else the installed one.
    ///
    /// # Errors
    /// See [`LocateError`]; its sentences say what to do.
    pub fn locate(&self, own: Option<&Path>) -> Result<Engine, LocateError> {
        if let Some(path) = own {
            if !path.is_file() {
                return Err(LocateError::OwnProgramMissing {
                    path: path.to_owned(),
                });
            }
            return Ok(Engine {
                program: path.to_owned(),
                version: None,
            });
        }
        let package = EnginePackage::of_this_machine().ok_or(LocateError::NoPackage {
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
        })?;
        let program = self.program(package);
        if !program.is_file() {
            return Err(LocateError::NotInstalled);
        }
        Ok(Engine {
            program,
            version: Some(package.version),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digest_is_a_sha512() {
        for package in DENO_PACKAGES {
            let bytes = data_encoding::BASE64.decode(package.sha512.as_bytes());
            assert_eq!(bytes.unwrap().len(), 64, "{}", package.package);
        }
    }

    #[test]
    fn an_own_program_comes_first_and_must_exist() {
        let folder = holm_testkit::TempFolder::new();
        let store = EngineStore::new(folder.path());
        let own = folder.write("my-deno", "");
        assert_eq!(store.locate(Some(&own)).unwrap().program, own);
        let missing = store.locate(Some(&folder.path().join("none"))).unwrap_err();
        assert!(matches!(missing, LocateError::OwnProgramMissing { .. }));
        assert!(matches!(
            store.locate(None),
            Err(LocateError::NotInstalled | LocateError::NoPackage { .. })
        ));
    }
}
