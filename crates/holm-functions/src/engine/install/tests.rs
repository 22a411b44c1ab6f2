//! The ways in which fetching goes wrong, with npm clients of our own.

use std::os::unix::fs::PermissionsExt;

use holm_testkit::TempFolder;

use super::*;

static PACKAGE: EnginePackage = EnginePackage {
    os: "linux",
    arch: "x86_64",
    package: "@holm/none",
    version: "1.0.0",
    sha512: "",
    program: "deno",
};

fn npm(folder: &TempFolder, script: &str) -> PathBuf {
    let path = folder.write("npm", format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

async fn install(script: &str) -> (InstallError, Vec<String>) {
    let folder = TempFolder::new();
    let npm = npm(&folder, script);
    let store = EngineStore::new(folder.path().join("runtimes"));
    let failed = store.install_package(&PACKAGE, &npm, Duration::from_secs(5));
    let error = failed.await.unwrap_err();
    let left = fs::read_dir(store.folder()).unwrap();
    let left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    (error, left.collect())
}

#[tokio::test]
async fn without_network_it_says_what_to_do() {
    let (error, left) = install("echo 'npm error network' >&2; exit 1").await;
    let text = error.to_string();
    assert!(text.contains("npm error network"), "{text}");
    assert!(text.contains("HOLM_DENO"), "{text}");
    assert_eq!(left, [".lock"]);
}

#[tokio::test]
async fn another_archive_is_refused_and_nothing_stays() {
    let (error, left) = install("echo other > x.tgz").await;
    assert!(matches!(error, InstallError::Integrity { .. }), "{error}");
    assert_eq!(left, [".lock"]);
}

#[tokio::test]
async fn a_missing_client_is_named() {
    let folder = TempFolder::new();
    let store = EngineStore::new(folder.path().join("runtimes"));
    let npm = folder.path().join("no-npm");
    let failed = store.install_package(&PACKAGE, &npm, Duration::from_secs(5));
    let text = failed.await.unwrap_err().to_string();
    assert!(
        text.contains("no-npm") && text.contains("HOLM_DENO"),
        "{text}"
    );
}

#[tokio::test]
async fn a_client_that_hangs_is_ended() {
    let folder = TempFolder::new();
    let npm = npm(&folder, "exec sleep 60");
    let store = EngineStore::new(folder.path().join("runtimes"));
    let failed = store.install_package(&PACKAGE, &npm, Duration::from_millis(100));
    assert!(matches!(failed.await, Err(InstallError::TimedOut { .. })));
}
