//! `cargo xtask tidy`: what a machine can see of how the house is kept.

mod corpus;
mod documents;
mod functions;
mod manifests;
mod sizes;
mod sources;
mod tree;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::architecture::Architecture;
use crate::finding::report;

/// One file that git knows, or would know with the next `git add`.
#[derive(Debug)]
pub(crate) struct TrackedFile {
    /// From the root, with `/`.
    pub(crate) path: String,
    /// Its text. `None` when it is not UTF-8.
    pub(crate) text: Option<String>,
}

impl TrackedFile {
    /// Whether it is a Rust source file.
    fn is_rust(&self) -> bool {
        has_extension(&self.path, "rs")
    }

    /// Whether it holds tests only.
    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs")
            || self.path.contains("/tests/")
            || self.path.contains("/benches/")
    }

    fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }
}

fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|found| found == extension)
}

/// Looks at every file of the repository.
pub(crate) fn run(root: &Path) -> Result<()> {
    let architecture = Architecture::load(root)?;
    let files = tracked_files(root)?;
    let sizes = sizes::measure(&files);
    sizes.print_largest();

    let mut findings = Vec::new();
    findings.extend(sources::findings(&files));
    findings.extend(sizes.findings(&architecture.ratchet));
    findings.extend(documents::findings(&files));
    findings.extend(manifests::findings(&files)?);
    findings.extend(corpus::findings(&files));
    findings.extend(tree::findings(&files, &architecture));
    report("tidy", &format!("{} files", files.len()), &findings)
}

/// Every file that is tracked, or is new and not ignored.
fn tracked_files(root: &Path) -> Result<Vec<TrackedFile>> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root)
        .output()
        .context("run git ls-files")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "git ls-files failed: {complaint}");
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut paths: Vec<&str> = listed.split('\0').filter(|path| !path.is_empty()).collect();
    paths.sort_unstable();
    paths.dedup();
    // A file deleted but not yet committed is still listed; it has nothing to say.
    let present = paths.into_iter().filter(|path| root.join(path).is_file());
    present.map(|path| read(root.join(path), path)).collect()
}

fn read(full: PathBuf, path: &str) -> Result<TrackedFile> {
    let bytes = std::fs::read(full).with_context(|| format!("read {path}"))?;
    Ok(TrackedFile {
        path: path.to_owned(),
        text: String::from_utf8(bytes).ok(),
    })
}

/// A file for tests of the checks.
#[cfg(test)]
pub(crate) fn file(path: &str, text: &str) -> TrackedFile {
    TrackedFile {
        path: path.to_owned(),
        text: Some(text.to_owned()),
    }
}
