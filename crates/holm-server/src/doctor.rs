//! `doctor`: checks a data folder without changing it.

use std::path::Path;
use std::process::ExitCode;

use clap::{ArgMatches, FromArgMatches};
use holm_storage::{LocalBlobStore, SnapshotStore};
use serde::Serialize;

use crate::args::DoctorArgs;
use crate::config::data_folder;
use crate::console;
use crate::data_folder::Layout;
use crate::exit;

/// One thing that was checked.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    /// What was seen, in words.
    seen: String,
    /// What is wrong; empty when nothing is.
    problems: Vec<String>,
}

impl Check {
    fn failed(name: &'static str, error: &dyn std::error::Error) -> Self {
        let mut problem = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            problem.push_str(": ");
            problem.push_str(&inner.to_string());
            cause = inner.source();
        }
        Self {
            name,
            seen: String::new(),
            problems: vec![problem],
        }
    }
}

/// Runs every check and prints what was seen. Success only when nothing is wrong.
pub(crate) fn run(matches: &ArgMatches) -> ExitCode {
    let args = match DoctorArgs::from_arg_matches(matches) {
        Ok(args) => args,
        Err(error) => return exit::usage(&error),
    };
    let folder = match data_folder(args.data) {
        Ok(folder) => folder,
        Err(error) => return exit::of(Err(error.into())),
    };
    let checks = check(&folder);
    let is_clean = checks.iter().all(|check| check.problems.is_empty());
    print(&folder, &checks, is_clean, args.json);
    if is_clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(exit::FAILURE)
    }
}

fn check(folder: &Path) -> Vec<Check> {
    if !folder.is_dir() {
        return vec![Check {
            name: "data folder",
            seen: folder.display().to_string(),
            problems: vec!["there is no such folder; name another with --data DIR".to_owned()],
        }];
    }
    let layout = Layout::of(folder);
    let mut checks = Vec::new();
    match LocalBlobStore::open_read_only(&layout.blobs) {
        Ok(blobs) => {
            checks.push(check_blobs(&blobs));
            checks.push(check_database(&layout, &blobs));
        }
        Err(error) => checks.push(Check::failed("blobs", &error)),
    }
    checks.push(check_snapshot(&layout));
    checks
}

fn check_blobs(blobs: &LocalBlobStore) -> Check {
    match blobs.verify() {
        Ok(report) => Check {
            name: "blobs",
            seen: format!("{} blobs, {} bytes, every one read and hashed", report.blob_count, report.blob_bytes),
            problems: report
                .damaged
                .iter()
                .map(|digest| format!("blob {digest} is damaged; deploy a file with this content again or restore a backup"))
                .collect(),
        },
        Err(error) => Check::failed("blobs", &error),
    }
}

fn check_database(layout: &Layout, blobs: &LocalBlobStore) -> Check {
    let findings = holm_control::check_database(&layout.database, blobs);
    let problems = findings.problems.iter();
    Check {
        name: "database",
        seen: format!(
            "{} projects, {} deployments, {} aliases; {} blobs needed",
            findings.project_count,
            findings.deployment_count,
            findings.alias_count,
            findings.blob_count
        ),
        problems: problems
            .map(|problem| format!("{}: {}; {}", problem.about, problem.finding, problem.hint))
            .collect(),
    }
}

fn check_snapshot(layout: &Layout) -> Check {
    if !layout.snapshots.is_dir() {
        return Check {
            name: "snapshot",
            seen: "none yet".to_owned(),
            problems: Vec::new(),
        };
    }
    match SnapshotStore::open(&layout.snapshots) {
        Ok(store) => Check {
            name: "snapshot",
            seen: store.newest().map_or_else(
                || "none yet".to_owned(),
                |snapshot| format!("version {}", snapshot.version),
            ),
            problems: Vec::new(),
        },
        Err(error) => Check::failed("snapshot", &error),
    }
}

fn print(folder: &Path, checks: &[Check], is_clean: bool, is_json: bool) {
    if is_json {
        console::out(&serde_json::json!({"data": folder, "clean": is_clean, "checks": checks}));
        return;
    }
    console::out(&format!("data folder {}", folder.display()));
    for check in checks {
        let mark = if check.problems.is_empty() {
            "ok "
        } else {
            "BAD"
        };
        console::out(&format!("{mark} {:<12} {}", check.name, check.seen));
        for problem in &check.problems {
            console::out(&format!("      {problem}"));
        }
    }
    console::out(&if is_clean { "clean" } else { "not clean" });
}
