//! Programs that a measurement needs and that Debian packages.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::timed::{self, is_installed};

/// How long an installation may take.
const INSTALL_TIME_MAX: Duration = Duration::from_mins(5);

/// Makes sure that a program is there: installs its package when this is root, otherwise says how.
pub(crate) fn require(program: &str, package: &str) -> Result<()> {
    if is_installed(program) {
        return Ok(());
    }
    println!("{program} is not installed");
    install_package(package)
}

/// Installs a package when this is root, otherwise says how.
pub(super) fn install_package(package: &str) -> Result<()> {
    if !is_root() || !is_installed("apt-get") {
        bail!("`sudo apt-get install {package}` brings what is missing");
    }
    println!("installing the Debian package {package}");
    let apt = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(words).env("DEBIAN_FRONTEND", "noninteractive");
        timed::run(&mut command, INSTALL_TIME_MAX)
    };
    apt(&["update", "-q"]).context("update the list of packages")?;
    apt(&["install", "-y", "-q", "--no-install-recommends", package])
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
