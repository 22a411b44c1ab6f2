//! Which Node.js a site is built with: the one on the path when it is new enough, else one from npm.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::timed::{self, is_installed};

/// How long an installation may take.
const INSTALL_TIME_MAX: Duration = Duration::from_mins(10);

/// The `PATH` with a Node.js of at least this major version in front.
pub(crate) fn path_with_node(major: u64, work: &Path) -> Result<OsString> {
    ensure!(
        is_installed("node") && is_installed("npm"),
        "Node.js 20 or newer with npm is needed to build sites"
    );
    let path = std::env::var_os("PATH").unwrap_or_default();
    if installed_major()? >= major {
        return Ok(path);
    }
    let folder = install(major, work)?;
    let folders = std::iter::once(folder).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).context("make a PATH")
}

fn installed_major() -> Result<u64> {
    let output = Command::new("node")
        .arg("--version")
        .output()
        .context("run node --version")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let major = text
        .trim()
        .trim_start_matches('v')
        .split('.')
        .next()
        .unwrap_or_default();
    major
        .parse()
        .with_context(|| format!("`node --version` said `{}`", text.trim()))
}

/// Puts the npm package with Node.js's own program into a work folder; gives the folder of the program.
fn install(major: u64, work: &Path) -> Result<PathBuf> {
    let package = format!("node-{}-{}", node_system()?, node_processor()?);
    let home = work.join(format!("node-{major}"));
    let programs = home.join("node_modules").join(&package).join("bin");
    if programs.join("node").is_file() {
        return Ok(programs);
    }
    std::fs::create_dir_all(&home).with_context(|| format!("make {}", home.display()))?;
    println!(
        "the site wants Node.js {major}: installing the npm package {package}@{major} into the target folder"
    );
    let mut npm = Command::new("npm");
    npm.args([
        "install",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
        "--prefix",
    ]);
    npm.arg(&home).arg(format!("{package}@{major}"));
    timed::run(&mut npm, INSTALL_TIME_MAX)?;
    ensure!(
        programs.join("node").is_file(),
        "the npm package {package} has no bin/node"
    );
    Ok(programs)
}

fn node_system() -> Result<&'static str> {
    match std::env::consts::OS {
        "linux" => Ok("linux"),
        "macos" => Ok("darwin"),
        other => {
            anyhow::bail!("npm has no Node.js package for {other}; install Node.js 24 yourself")
        }
    }
}

fn node_processor() -> Result<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("x64"),
        "aarch64" => Ok("arm64"),
        other => {
            anyhow::bail!("npm has no Node.js package for {other}; install Node.js 24 yourself")
        }
    }
}
