//! Fetching a tool by npm.

use std::time::Duration;

use holm_build::esbuild_tool;
use holm_build::npm_tool::{InstallError, NpmClient, NpmTool};

use crate::project::{esbuild, npm};

#[test]
fn the_pinned_bundler_is_fetched_checked_and_runs() {
    let Some(program) = esbuild() else { return };
    let output = std::process::Command::new(program)
        .arg("--version")
        .output()
        .expect("it is a program for this machine");
    let version = String::from_utf8(output.stdout).unwrap();
    assert_eq!(version.trim(), holm_build::ESBUILD_VERSION);
}

#[test]
fn another_package_than_the_pinned_one_is_refused() {
    if esbuild().is_none() {
        return;
    }
    let tool = NpmTool {
        sha512: "AAAA",
        ..esbuild_tool().unwrap()
    };
    let tools = tempfile::tempdir().unwrap();
    let error = tool.install(&npm(), tools.path()).unwrap_err();
    assert!(matches!(error, InstallError::Integrity { .. }), "{error}");
    let left: Vec<_> = std::fs::read_dir(tools.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(tool.installed(tools.path()), None);
}

#[test]
fn without_a_client_or_a_network_it_is_said_what_to_do() {
    let tools = tempfile::tempdir().unwrap();
    let tool = esbuild_tool().unwrap();
    let client = |command: &str| NpmClient {
        command: command.into(),
        time_max: Duration::from_millis(300),
    };
    let error = tool.install(&client("/no/such/npm"), tools.path());
    let words = error.unwrap_err().to_string();
    assert!(words.contains("install Node.js with npm"), "{words}");
    assert!(words.contains("esbuild-0.28.2/esbuild"), "{words}");
    let error = tool.install(&client("false"), tools.path()).unwrap_err();
    assert!(matches!(error, InstallError::Fetch { .. }), "{error}");
    assert!(error.to_string().contains("by hand"), "{error}");
    // It waits for input that never comes.
    let stuck = tools.path().join("stuck");
    std::fs::write(&stuck, "#!/bin/sh\nexec sleep 60\n").unwrap();
    make_executable(&stuck);
    let error = tool.install(&client(stuck.to_str().unwrap()), tools.path());
    assert!(matches!(error, Err(InstallError::TimedOut { .. })));
}

fn make_executable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("a file of ours");
}
