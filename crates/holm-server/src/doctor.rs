//! `doctor`: checks a data folder without changing it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

use clap::{ArgMatches, FromArgMatches};
use holm_storage::{BlobStore, LocalBlobStore, RemoteBlobStore, SnapshotLook, SnapshotStore};
use serde::Serialize;

use crate::args::DoctorArgs;
use crate::config::{data_folder, storage_of};
use crate::console;
use crate::data_folder::Layout;
use crate::exit;
use crate::storage_config::StorageConfig;
use crate::stores::remote_settings;

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
    fn of(name: &'static str, seen: String, problems: Vec<String>) -> Self {
        Self {
            name,
            seen,
            problems,
        }
    }

    fn unreadable(name: &'static str, path: &Path, error: &io::Error) -> Self {
        let problem = format!(
            "{} cannot be read: {error}; move it away, and the server makes a new one",
            path.display()
        );
        Self::of(name, String::new(), vec![problem])
    }

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
    } else if !folder.is_dir() {
        ExitCode::from(exit::NOT_FOUND)
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
    if layout.restoring.exists() {
        let problem =
            "a back-up was being restored into it and that did not end; run `holm restore` again";
        return vec![Check::of(
            "data folder",
            folder.display().to_string(),
            vec![problem.to_owned()],
        )];
    }
    let mut checks = Vec::new();
    let mut has_deployments = false;
    match open_blobs(folder, &layout) {
        Ok((blobs, check)) => {
            checks.push(check);
            let (database, found) = check_database(&layout, &*blobs);
            checks.push(database);
            has_deployments = found;
        }
        Err(check) => checks.push(check),
    }
    checks.push(check_snapshot(&layout, has_deployments));
    checks.push(check_variants(&layout));
    checks.push(check_records(&layout));
    checks
}

/// The store for reading only, and what is said about it.
fn open_blobs(folder: &Path, layout: &Layout) -> Result<(Box<dyn BlobStore>, Check), Check> {
    let failed = |error: &dyn std::error::Error| Check::failed("blobs", error);
    let storage = storage_of(&folder.join("holm.toml")).map_err(|error| failed(&error))?;
    let StorageConfig::S3 {
        settings,
        prefix,
        cache_bytes_max,
    } = &storage
    else {
        let blobs =
            LocalBlobStore::open_read_only(&layout.blobs).map_err(|error| failed(&error))?;
        let check = check_blobs(&blobs);
        return Ok((Box::new(blobs), check));
    };
    let how = remote_settings(layout, prefix, *cache_bytes_max, String::new());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(&error))?;
    let blobs = runtime.block_on(RemoteBlobStore::open_s3_read_only(settings, how));
    let blobs = blobs.map_err(|error| failed(&error))?;
    let (count, bytes) = blobs.totals();
    let seen = format!("{count} blobs, {bytes} bytes in {storage}, listed and not read");
    Ok((Box::new(blobs), Check::of("blobs", seen, Vec::new())))
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

/// And whether there are sealed deployments.
fn check_database(layout: &Layout, blobs: &dyn BlobStore) -> (Check, bool) {
    let findings = holm_control::check_database(&layout.database, blobs);
    let problems = findings.problems.iter();
    let check = Check {
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
    };
    // Blobs are needed by sealed deployments only.
    (check, findings.blob_count > 0)
}

/// What the edge would serve after a start. `has_deployments`: whether there should be something.
fn check_snapshot(layout: &Layout, has_deployments: bool) -> Check {
    let look = match SnapshotStore::look(&layout.snapshots) {
        Ok(look) => look,
        Err(error) if error.source.kind() == io::ErrorKind::NotFound => SnapshotLook::default(),
        Err(error) => return Check::failed("snapshot", &error),
    };
    let seen = look.version.map_or_else(
        || "none yet".to_owned(),
        |version| format!("version {version}"),
    );
    let mut problems = damaged_snapshots(&look);
    if look.version.is_none() {
        problems.extend(missing(has_deployments));
    }
    Check::of("snapshot", seen, problems)
}

fn damaged_snapshots(look: &SnapshotLook) -> Vec<String> {
    let name = |path: &PathBuf| {
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let torn = look.torn.iter().map(|path| {
        format!(
            "{} is a snapshot that is not whole; start the server, which sets it aside and publishes a new one",
            name(path)
        )
    });
    let cut_off = look.cut_off.iter().map(|path| {
        format!(
            "{} changes a snapshot that is lost; start the server, which publishes a new one",
            name(path)
        )
    });
    let set_aside = look.set_aside.iter().map(|path| {
        format!(
            "{} is a snapshot that was not whole; start the server, which publishes a new one, then remove the file",
            name(path)
        )
    });
    torn.chain(cut_off).chain(set_aside).collect()
}

fn missing(has_deployments: bool) -> Vec<String> {
    let problem = "there are deployments and no snapshot of them that can be read; start the server, which publishes one";
    has_deployments
        .then(|| problem.to_owned())
        .into_iter()
        .collect()
}

/// The index is read and not opened: opening repairs it, which is the server's to do.
fn check_variants(layout: &Layout) -> Check {
    let read =
        fs::File::open(&layout.variants).and_then(|mut file| io::copy(&mut file, &mut io::sink()));
    match read {
        Ok(bytes) => Check::of("variants", format!("{bytes} bytes of index"), Vec::new()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Check::of("variants", "none yet".to_owned(), Vec::new())
        }
        Err(error) => Check::unreadable("variants", &layout.variants, &error),
    }
}

fn check_records(layout: &Layout) -> Check {
    match fs::read_dir(&layout.records) {
        Ok(entries) => Check::of("records", format!("{} files", entries.count()), Vec::new()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Check::of("records", "none yet".to_owned(), Vec::new())
        }
        Err(error) => Check::unreadable("records", &layout.records, &error),
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

#[cfg(test)]
mod tests {
    use holm_storage::PublishedChange;

    use super::*;

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap();
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    #[test]
    fn a_torn_snapshot_is_told_and_left_as_it_is() {
        let data = tempfile::tempdir().unwrap();
        let layout = Layout::of(data.path());
        assert_eq!(check_snapshot(&layout, false).problems, [] as [String; 0]);
        assert_eq!(check_snapshot(&layout, true).problems.len(), 1);
        assert!(!layout.snapshots.exists(), "it only looks");
        let store = SnapshotStore::open(&layout.snapshots).unwrap();
        store.publish(1, "whole".into()).unwrap();
        for version in 2..=4 {
            let change = PublishedChange {
                since: version - 1,
                version,
                bytes: "change".into(),
            };
            assert!(store.publish_change(change).unwrap());
        }
        let sound = check_snapshot(&layout, true);
        assert_eq!(
            (sound.seen.as_str(), sound.problems.len()),
            ("version 4", 0)
        );
        let torn = layout.snapshots.join(format!("change-{:020}.bin", 3));
        fs::write(&torn, "torn").unwrap();
        let before = files(&layout.snapshots);
        for _ in 0..2 {
            let broken = check_snapshot(&layout, true);
            assert_eq!(broken.seen, "version 2");
            assert_eq!(broken.problems.len(), 2, "{:?}", broken.problems);
            assert!(
                broken.problems[0].contains("is not whole"),
                "{:?}",
                broken.problems
            );
        }
        assert_eq!(files(&layout.snapshots), before);
        // The server beside which it looked goes on.
        let next = PublishedChange {
            since: 4,
            version: 5,
            bytes: "change".into(),
        };
        assert!(store.publish_change(next).unwrap());
    }
}
