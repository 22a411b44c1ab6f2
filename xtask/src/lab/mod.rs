//! What checks and benchmarks share: the program under test as a process, a small HTTP client, work
//! folders, seeded numbers and the arithmetic of measurements.

mod debian;
mod expect;
mod folder;
mod holm;
mod http;
mod process_stat;
mod python;
mod random;
mod series;
mod server;

pub(crate) use debian::require;
pub(crate) use expect::{Tally, run_check_file};
pub(crate) use folder::{copy_folder, write_file};
pub(crate) use holm::Holm;
pub(crate) use http::{Connection, Request, Response, fetch};
pub(crate) use process_stat::{cpu_ticks, resident_bytes, ticks_to_seconds};
pub(crate) use python::python_program;
pub(crate) use random::Random;
pub(crate) use series::Series;
pub(crate) use server::{HolmProcess, Launch, free_address};

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::options::Options;
use crate::workspace::Workspace;

/// Where a check or benchmark works: the repository, cargo's target folder, and the program.
#[derive(Debug)]
pub(crate) struct Lab {
    /// The repository.
    pub(crate) root: PathBuf,
    /// `xtask` in cargo's target folder.
    pub(crate) work: PathBuf,
    /// The program under test.
    pub(crate) holm: Holm,
}

impl Lab {
    /// Takes `--holm PATH` and refuses other options that are left; without it, builds the release program.
    pub(crate) fn open(root: &Path, mut options: Options) -> Result<Self> {
        let given = options.take::<PathBuf>("holm")?;
        options.finish()?;
        let target = Workspace::load(root)?.target;
        let program = match given {
            Some(path) => path,
            None => Holm::build(root, &target)?,
        };
        let work = target.join("xtask");
        let home = empty_folder(&work.join("home"))?;
        Ok(Self {
            root: root.to_owned(),
            holm: Holm::at(&program, home)?,
            work,
        })
    }

    /// An empty folder of this name; what an earlier run left there is removed.
    pub(crate) fn empty_folder(&self, name: &str) -> Result<PathBuf> {
        empty_folder(&self.work.join(name))
    }
}

fn empty_folder(folder: &Path) -> Result<PathBuf> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("empty {}", folder.display()))?;
    }
    std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    Ok(folder.to_owned())
}
