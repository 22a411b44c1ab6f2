//! `cargo xtask test`: everything that CI runs, in its order.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use crate::check::{Acceptance, Moto};
use crate::options::Options;
use crate::timed::{self, is_installed};
use crate::workspace::cargo;
use crate::{arrows, check, fuzz, tidy};

/// No step may take longer; the first build from an empty target folder is the longest.
const STEP_TIME_MAX: Duration = Duration::from_mins(30);

/// One thing that CI does.
struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&Path) -> Result<Done>,
}

/// How a step ended when it did not fail.
enum Done {
    Passed,
    /// It could not run, for this reason, and nothing here depends on it.
    Skipped(String),
}

const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        what: "the sources are formatted",
        run: fmt,
    },
    Step {
        name: "arrows",
        what: "rooms use each other as architecture.toml says",
        run: run_arrows,
    },
    Step {
        name: "tidy",
        what: "headers, sizes, documents, manifests",
        run: run_tidy,
    },
    Step {
        name: "clippy",
        what: "no lint speaks",
        run: clippy,
    },
    Step {
        name: "tests",
        what: "unit, corpus, property and integration tests",
        run: tests,
    },
    Step {
        name: "doctests",
        what: "the examples in the documentation run",
        run: doctests,
    },
    Step {
        name: "rustdoc",
        what: "the documentation builds without a warning",
        run: rustdoc,
    },
    Step {
        name: "deny",
        what: "licences, advisories and sources of dependencies",
        run: deny,
    },
    Step {
        name: "fuzz",
        what: "each fuzz target for 10 s, from its seeds",
        run: run_fuzz,
    },
    Step {
        name: "release",
        what: "the release program builds; the checks below drive it",
        run: release,
    },
    Step {
        name: "up",
        what: "`holm up` deploys the sample project and answers",
        run: |root| check(root, "up", &[]),
    },
    Step {
        name: "fixtures",
        what: "every project of fixtures/projects answers as its expect.json says",
        run: |root| check(root, "fixtures", &[]),
    },
    Step {
        name: "sites",
        what: "sites made and built by npm deploy and answer (installs packages into the target folder)",
        run: |root| check(root, "sites", &[]),
    },
    Step {
        name: "rawhttp",
        what: "broken and hostile requests, before and after load",
        run: rawhttp,
    },
    Step {
        name: "framing",
        what: "heads that can be read in two ways: Holm sees no request that Node's http does not",
        run: |root| check(root, "framing", &[]),
    },
    Step {
        name: "s3",
        what: "blobs in a real S3 server (installs moto[server] into the target folder)",
        run: s3,
    },
    Step {
        name: "faults",
        what: "a full and a read-only disk: clear errors, visitors notice nothing",
        run: faults,
    },
    Step {
        name: "crash",
        what: "kill -9 at random moments loses and tears nothing (a short run)",
        run: |root| check(root, "crash", &["--rounds", "10"]),
    },
];

/// Runs every step, also after one failed, and prints the sum.
pub(crate) fn run(root: &Path, options: &[&str]) -> Result<()> {
    let chosen = choose(options)?;
    let mut lines = Vec::new();
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for step in chosen {
        println!("==> {}: {}", step.name, step.what);
        let start = Instant::now();
        let outcome = (step.run)(root);
        let seconds = start.elapsed().as_secs_f64();
        let verdict = match &outcome {
            Ok(Done::Passed) => {
                passed += 1;
                "passed".to_owned()
            }
            Ok(Done::Skipped(why)) => {
                skipped += 1;
                format!("skipped: {why}")
            }
            Err(error) => {
                failed += 1;
                format!("FAILED: {error:#}")
            }
        };
        let line = format!("{:9} {seconds:7.1} s  {verdict}", step.name);
        println!("<== {line}\n");
        lines.push(line);
    }
    println!("{}", lines.join("\n"));
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    ensure!(failed == 0 && passed > 0, "the test run failed");
    Ok(())
}

/// All steps, or those named.
fn choose(options: &[&str]) -> Result<Vec<&'static Step>> {
    if let Some(unknown) = options
        .iter()
        .find(|name| !STEPS.iter().any(|step| step.name == **name))
    {
        let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        bail!(
            "there is no step `{unknown}`; the steps are {}",
            names.join(", ")
        );
    }
    let is_chosen = |step: &&Step| options.is_empty() || options.contains(&step.name);
    Ok(STEPS.iter().filter(is_chosen).collect())
}

/// Runs cargo with these words.
fn run_cargo(root: &Path, words: &[&str], variables: &[(&str, &str)]) -> Result<Done> {
    let mut command = Command::new(cargo());
    command
        .args(words)
        .current_dir(root)
        .envs(variables.iter().copied());
    println!("$ {}", timed::words(&command));
    timed::run(&mut command, STEP_TIME_MAX)?;
    Ok(Done::Passed)
}

fn fmt(root: &Path) -> Result<Done> {
    run_cargo(root, &["fmt", "--all", "--check"], &[])
}

fn run_arrows(root: &Path) -> Result<Done> {
    arrows::run(root).map(|()| Done::Passed)
}

fn run_tidy(root: &Path) -> Result<Done> {
    tidy::run(root).map(|()| Done::Passed)
}

fn clippy(root: &Path) -> Result<Done> {
    run_cargo(
        root,
        &[
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
        &[],
    )
}

fn tests(root: &Path) -> Result<Done> {
    if is_installed("cargo-nextest") {
        return run_cargo(
            root,
            &[
                "nextest",
                "run",
                "--locked",
                "--workspace",
                "--no-fail-fast",
            ],
            &[],
        );
    }
    println!("cargo-nextest is not installed, so `cargo test` runs the same tests, more slowly");
    run_cargo(
        root,
        &[
            "test",
            "--locked",
            "--workspace",
            "--all-targets",
            "--no-fail-fast",
        ],
        &[],
    )
}

fn doctests(root: &Path) -> Result<Done> {
    run_cargo(root, &["test", "--locked", "--workspace", "--doc"], &[])
}

fn rustdoc(root: &Path) -> Result<Done> {
    run_cargo(
        root,
        &["doc", "--locked", "--workspace", "--no-deps"],
        &[("RUSTDOCFLAGS", "-D warnings")],
    )
}

/// libFuzzer is C++; a machine without a compiler for it skips this.
fn run_fuzz(root: &Path) -> Result<Done> {
    if !is_installed("c++") {
        return Ok(Done::Skipped("there is no C++ compiler".to_owned()));
    }
    fuzz::run(root, &["--seconds", "10"]).map(|()| Done::Passed)
}

fn release(root: &Path) -> Result<Done> {
    run_cargo(
        root,
        &["build", "--locked", "--release", "--package", "holm"],
        &[],
    )
}

fn check(root: &Path, name: &str, options: &[&str]) -> Result<Done> {
    check::run(root, name, Options::parse(options)?).map(|()| Done::Passed)
}

/// The cases lie beside the repository; a clone without them has nothing to send.
fn rawhttp(root: &Path) -> Result<Done> {
    if !Acceptance::is_there(root) {
        return Ok(Done::Skipped(
            "the acceptance material is not beside the repository".to_owned(),
        ));
    }
    check(root, "rawhttp", &[])
}

/// The S3 server is a Python package; without pip or its registry there is none to ask.
fn s3(root: &Path) -> Result<Done> {
    match Moto::install(root)? {
        Ok(_) => check(root, "s3", &[]),
        Err(why) => Ok(Done::Skipped(why)),
    }
}

fn faults(root: &Path) -> Result<Done> {
    match check::unable_to_check_faults() {
        Some(why) => Ok(Done::Skipped(why)),
        None => check(root, "faults", &[]),
    }
}

fn deny(root: &Path) -> Result<Done> {
    if !is_installed("cargo-deny") {
        return Ok(Done::Skipped(
            "cargo-deny is not installed; `cargo install cargo-deny` brings it".to_owned(),
        ));
    }
    run_cargo(root, &["deny", "--locked", "check"], &[])
}
