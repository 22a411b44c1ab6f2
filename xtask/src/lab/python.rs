//! Python programs that a check needs, in an environment of their own under the target folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::debian::{install_package, require};
use crate::timed;

/// How long an installation may take.
const INSTALL_TIME_MAX: Duration = Duration::from_mins(10);

/// Makes sure that a package is installed in an environment under `work`; gives its program.
/// `requirement` is what pip is asked for, such as `name==1.2.3` or `name[extra]==1.2.3`.
pub(crate) fn python_program(work: &Path, requirement: &str, program: &str) -> Result<PathBuf> {
    let slug: String = requirement
        .chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() || character == '.' {
                character
            } else {
                '-'
            }
        })
        .collect();
    let home = work.join("python").join(slug);
    let path = home.join("bin").join(program);
    if path.is_file() {
        return Ok(path);
    }
    require("python3", "python3")?;
    println!("installing {requirement} for Python into the target folder");
    if make_environment(&home).is_err() {
        // Debian packages the module apart from Python itself.
        install_package("python3-venv")?;
        make_environment(&home)?;
    }
    let mut pip = Command::new(home.join("bin").join("pip"));
    pip.args([
        "install",
        "--quiet",
        "--disable-pip-version-check",
        requirement,
    ]);
    timed::run(&mut pip, INSTALL_TIME_MAX).with_context(|| format!("install {requirement}"))?;
    ensure!(path.is_file(), "{requirement} has no program {program}");
    Ok(path)
}

fn make_environment(home: &Path) -> Result<()> {
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv", "--clear"]).arg(home);
    timed::run(&mut venv, INSTALL_TIME_MAX).context("make an environment for Python")
}
