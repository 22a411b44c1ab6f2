//! `cargo xtask fuzz`: libFuzzer over everything that reads strangers' bytes, on the stable toolchain
//! (`docs/adr/0010-libfuzzer-on-stable.md`).
//!
//! The targets are built apart from everything else, with coverage counters, in `target/fuzz`. What a run
//! learns stays in `target/fuzz/corpus`; `fuzz/seeds` is where every run begins, and where a finding is put
//! once it is understood.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::options::Options;
use crate::timed;
use crate::workspace::cargo;

pub(crate) const USAGE: &str = "  fuzz            libFuzzer over what reads strangers' bytes; `fuzz TARGET` one of them [--seconds N] [--parallel N]\n";

/// Every target: a file in `fuzz/targets`.
const TARGETS: &[&str] = &[
    "archive",
    "document",
    "edgeone_json",
    "headers",
    "host",
    "path",
    "range",
    "redirects",
    "snapshot",
];

/// What makes a program count where it goes. All of them are options of the stable compiler.
const COVERAGE_FLAGS: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// The longest input that is made, in bytes.
const INPUT_BYTES_MAX: u32 = 4096;

/// Memory of one run, in MB; more is a finding.
const MEMORY_MB_MAX: u32 = 1024;

/// Time for one input, in seconds; more is a finding. A thousand times what any should take.
const INPUT_SECONDS_MAX: u32 = 5;

/// How much of a run's output is shown when it found something.
const SHOWN_LINES: usize = 40;

const BUILD_TIME_MAX: Duration = Duration::from_mins(20);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Runs the targets, or the one that is named first.
pub(crate) fn run(root: &Path, words: &[&str]) -> Result<()> {
    let (chosen, words) = match words {
        [name, rest @ ..] if !name.starts_with("--") => (choose(name)?, rest),
        words => (TARGETS.to_vec(), words),
    };
    let mut options = Options::parse(words)?;
    let seconds = options.take_or("seconds", 10_u32)?;
    let parallel = options.take_or("parallel", 2_usize)?;
    options.finish()?;
    let place = Place::new(root)?;
    build(root, &place)?;
    let mut waiting: VecDeque<&str> = chosen.into();
    let mut running: Vec<Run> = Vec::new();
    let mut findings = Vec::new();
    while !waiting.is_empty() || !running.is_empty() {
        while running.len() < parallel.max(1) {
            let Some(target) = waiting.pop_front() else {
                break;
            };
            running.push(Run::start(root, &place, target, seconds)?);
        }
        let (ended, still): (Vec<Run>, Vec<Run>) = take_ended(running)?;
        running = still;
        for run in ended {
            findings.extend(run.verdict(&place)?);
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    ensure!(findings.is_empty(), "{}", findings.join("\n"));
    Ok(())
}

fn choose(name: &str) -> Result<Vec<&'static str>> {
    match TARGETS.iter().find(|target| **target == name) {
        Some(target) => Ok(vec![target]),
        None => bail!(
            "there is no target `{name}`; the targets are {}",
            TARGETS.join(", ")
        ),
    }
}

/// Where things are.
struct Place {
    target: PathBuf,
    triple: String,
}

impl Place {
    fn new(root: &Path) -> Result<Self> {
        let target = root.join("target/fuzz");
        fs::create_dir_all(target.join("findings")).context("make target/fuzz/findings")?;
        let output = Command::new("rustc")
            .args(["--version", "--verbose"])
            .output()
            .context("ask rustc for its host")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let triple = text.lines().find_map(|line| line.strip_prefix("host: "));
        let triple = triple.context("rustc does not say its host")?.to_owned();
        Ok(Self { target, triple })
    }

    fn program(&self, target: &str) -> PathBuf {
        self.target.join(&self.triple).join("fuzz").join(target)
    }

    fn findings(&self, target: &str) -> String {
        let prefix = self.target.join("findings").join(target);
        format!("{}-", prefix.display())
    }
}

/// The flags hold for the targets and all they are made of, and not for build scripts: that is what naming
/// the platform does.
fn build(root: &Path, place: &Place) -> Result<()> {
    let mut command = Command::new(cargo());
    command
        .args(["build", "--locked", "--package", "holm-fuzz", "--bins"])
        .args(["--features", "engine", "--profile", "fuzz"])
        .args(["--target", &place.triple, "--target-dir"])
        .arg(&place.target)
        .current_dir(root)
        .env("RUSTFLAGS", COVERAGE_FLAGS);
    println!("$ {}", timed::words(&command));
    timed::run(&mut command, BUILD_TIME_MAX)
}

/// One target, running.
struct Run {
    target: String,
    child: Child,
    log: PathBuf,
    started: Instant,
    time_max: Duration,
}

impl Run {
    fn start(root: &Path, place: &Place, target: &str, seconds: u32) -> Result<Self> {
        let corpus = place.target.join("corpus").join(target);
        fs::create_dir_all(&corpus).with_context(|| format!("make {}", corpus.display()))?;
        let log = place.target.join(format!("{target}.log"));
        let output = File::create(&log).with_context(|| format!("make {}", log.display()))?;
        let mut command = Command::new(place.program(target));
        command
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-max_len={INPUT_BYTES_MAX}"))
            .arg(format!("-rss_limit_mb={MEMORY_MB_MAX}"))
            .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
            .arg(format!("-artifact_prefix={}", place.findings(target)))
            .arg("-print_final_stats=1")
            .arg(&corpus)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output);
        let seeds = root.join("fuzz/seeds").join(target);
        if seeds.is_dir() {
            command.arg(seeds);
        }
        let child = command
            .spawn()
            .with_context(|| format!("start the target {target}"))?;
        Ok(Self {
            target: target.to_owned(),
            child,
            log,
            started: Instant::now(),
            time_max: Duration::from_secs(u64::from(seconds)) * 2 + Duration::from_mins(1),
        })
    }

    /// What the run found. `None` when it found nothing.
    fn verdict(mut self, place: &Place) -> Result<Option<String>> {
        let status = self.child.wait()?;
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        if status.success() {
            println!("{:13} {}", self.target, summary(&text));
            return Ok(None);
        }
        let lines: Vec<&str> = text.lines().collect();
        let shown = lines.len().saturating_sub(SHOWN_LINES);
        println!("{:13} found something:", self.target);
        println!("{}", lines.get(shown..).unwrap_or_default().join("\n"));
        Ok(Some(format!(
            "{}: {status}; the input is {}*, the whole log {}",
            self.target,
            place.findings(&self.target),
            self.log.display()
        )))
    }
}

/// Those that have ended, and those that have not; one that hangs is stopped.
fn take_ended(running: Vec<Run>) -> Result<(Vec<Run>, Vec<Run>)> {
    let (mut ended, mut still) = (Vec::new(), Vec::new());
    for mut run in running {
        if run.child.try_wait()?.is_some() {
            ended.push(run);
        } else if run.started.elapsed() > run.time_max {
            run.child.kill()?;
            ended.push(run);
        } else {
            still.push(run);
        }
    }
    Ok((ended, still))
}

/// `1234567 inputs, 345 edges` of a log.
fn summary(log: &str) -> String {
    let stat = |name: &str| {
        let line = log.lines().find_map(|line| line.strip_prefix(name));
        line.map_or("?", str::trim).to_owned()
    };
    let edges = log.lines().rev().find_map(|line| {
        let (_, after) = line.split_once(" cov: ")?;
        after.split(' ').next()
    });
    format!(
        "{} inputs, {} edges, {} MB at most, nothing found",
        stat("stat::number_of_executed_units:"),
        edges.unwrap_or("?"),
        stat("stat::peak_rss_mb:")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_summed_up() {
        let log = "#2\tINITED cov: 10 ft: 11\n#9\tDONE   cov: 34 ft: 50 corp: 9\n\
                   stat::number_of_executed_units: 99\nstat::peak_rss_mb:              41\n";
        assert_eq!(
            summary(log),
            "99 inputs, 34 edges, 41 MB at most, nothing found"
        );
    }

    #[test]
    fn every_target_has_its_file_and_every_file_is_a_target() {
        let root = crate::root::find().unwrap();
        let entries = fs::read_dir(root.join("fuzz/targets")).unwrap();
        let mut files: Vec<String> = entries
            .map(|entry| entry.unwrap().path())
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        files.sort();
        assert_eq!(files, TARGETS);
    }
}
