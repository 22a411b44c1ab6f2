//! The unit, the container and the folders they name: what can be checked without installing them.

use std::path::PathBuf;
use std::process::Command;

fn packaging(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.join("packaging").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(packaging(name)).unwrap()
}

/// The unit with the program that these tests run, in a folder of its own.
fn unit() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("holm.service");
    let text = read("holm.service").replace("/usr/bin/holm", env!("CARGO_BIN_EXE_holm"));
    std::fs::write(
        &file,
        text.replace("User=holm\nGroup=holm\n", "DynamicUser=yes\n"),
    )
    .unwrap();
    (folder, file)
}

/// `systemd-analyze` with these words. `None` on a machine without it.
fn analyze(words: &[&str], unit: &std::path::Path) -> Option<(bool, String)> {
    let output = Command::new("systemd-analyze")
        .args(words)
        .arg(unit)
        .output()
        .ok()?;
    let text = [output.stdout, output.stderr].concat();
    Some((
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    ))
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit_and_calls_it_safe() {
    let (_folder, unit) = unit();
    let Some((is_fine, said)) = analyze(&["verify", "--man=no"], &unit) else {
        return;
    };
    assert!(is_fine, "{said}");
    let about_it = said.lines().filter(|line| line.contains("holm.service"));
    assert_eq!(about_it.collect::<Vec<_>>(), Vec::<&str>::new());
    // An exposure of at most 2.0 of 10, by systemd's own reckoning.
    let words = ["security", "--no-pager", "--offline=true", "--threshold=20"];
    if let Some((is_safe, said)) = analyze(&words, &unit) {
        assert!(is_safe, "{said}");
    }
}

#[test]
fn the_files_agree_on_user_and_folder() {
    let unit = read("holm.service");
    for line in [
        "User=holm",
        "StateDirectory=holm",
        "Environment=HOLM_DATA=/var/lib/holm",
        "StateDirectoryMode=0700",
    ] {
        assert!(unit.lines().any(|found| found == line), "{line}");
    }
    assert!(read("holm.sysusers").contains("u holm - \"Holm\" /var/lib/holm"));
    assert!(read("holm.tmpfiles").contains("d /var/lib/holm 0700 holm holm -"));
}

#[test]
fn the_container_runs_as_nobody_special_with_the_toolchain_of_the_repository() {
    let file = read("Dockerfile");
    let user = file
        .lines()
        .find_map(|line| line.strip_prefix("USER "))
        .unwrap();
    assert!(
        user.split(':')
            .all(|id| id.parse::<u32>().is_ok_and(|id| id > 999)),
        "{user}"
    );
    let toolchain = packaging("../rust-toolchain.toml");
    let toolchain = std::fs::read_to_string(toolchain).unwrap();
    let version = file
        .split("rust:")
        .nth(1)
        .unwrap()
        .split('-')
        .next()
        .unwrap();
    assert!(
        toolchain.contains(&format!("\"{version}")),
        "{version} in {toolchain}"
    );
    let base = file
        .lines()
        .rfind(|line| line.starts_with("FROM "))
        .unwrap();
    assert_eq!(base, "FROM debian:stable-slim");
}
