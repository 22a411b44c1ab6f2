//! `bench rules` and `bench files`: what one site costs with very many of either, from
//! `crates/holm-site/examples/scale.rs`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::verdict::Verdicts;
use crate::options::Options;
use crate::timed;
use crate::workspace::cargo;

const BUILD_TIME_MAX: Duration = Duration::from_mins(20);

/// Memory of the site with the rules, in MB (1,000,000 bytes; decision D10.3).
const RULES_MEMORY_MB_MAX: f64 = 100.0;

/// One match, in microseconds (decision D10.3).
const MATCH_US_MAX: f64 = 20.0;

/// Memory of one file beside its path, in bytes.
const FILE_OVERHEAD_BYTES_MAX: f64 = 64.0;

/// A thousand times the files may take a look-up twice as long (log n), and half as much again for a machine
/// that others use, too.
const GROWTH_MAX: f64 = 3.0;

/// Numbers of files that are measured; the growth is from the first to the last.
const FILES: &[u32] = &[1_000, 10_000, 100_000, 1_000_000];

/// Measures 100,000 rules, or as many as `--rules` says.
pub(crate) fn rules(root: &Path, mut options: Options) -> Result<()> {
    let count = options.take_or("rules", 100_000_u32)?;
    options.finish()?;
    let figures = measure(root, "rules", count)?;
    let mut verdicts = Verdicts::default();
    let memory = figure(&figures, "resident_bytes")? / 1e6;
    verdicts.at_most("memory of the site", memory, RULES_MEMORY_MB_MAX, "MB");
    let times = figures
        .iter()
        .filter(|(name, _)| name.starts_with("match_"));
    for (name, nanoseconds) in times {
        verdicts.at_most(name, nanoseconds / 1e3, MATCH_US_MAX, "us");
    }
    verdicts.finish()
}

/// Measures a thousand to a million files.
pub(crate) fn files(root: &Path, options: Options) -> Result<()> {
    options.finish()?;
    let mut verdicts = Verdicts::default();
    let mut cold = Vec::new();
    for count in FILES {
        println!("{count} files");
        let figures = measure(root, "files", *count)?;
        cold.push(figure(&figures, "found_cold_ns")?);
        let overhead = figure(&figures, "overhead_per_file_bytes")?;
        let what = format!("memory of each of {count} files beside its path");
        verdicts.at_most(&what, overhead, FILE_OVERHEAD_BYTES_MAX, "bytes");
    }
    let (first, last) = cold.first().zip(cold.last()).context("nothing measured")?;
    let growth = last / first.max(1.0);
    verdicts.at_most(
        "growth of a cold look-up, a thousandfold",
        growth,
        GROWTH_MAX,
        "times",
    );
    verdicts.finish()
}

/// Runs the example, and prints and returns its figures.
fn measure(root: &Path, what: &str, count: u32) -> Result<BTreeMap<String, f64>> {
    let example = ["--release", "--package", "holm-site", "--example", "scale"];
    let mut build = Command::new(cargo());
    build
        .args(["build", "--quiet", "--locked"])
        .args(example)
        .current_dir(root);
    timed::run(&mut build, BUILD_TIME_MAX)?;
    let output = Command::new(cargo())
        .args(["run", "--quiet", "--locked"])
        .args(example)
        .args(["--", what, &count.to_string()])
        .current_dir(root)
        .output()
        .context("run the example")?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{text}");
    Ok(read(&text))
}

/// The `name value` lines.
fn read(text: &str) -> BTreeMap<String, f64> {
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs
        .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
        .collect()
}

fn figure(figures: &BTreeMap<String, f64>, name: &str) -> Result<f64> {
    let found = figures.get(name).copied();
    found.with_context(|| format!("the example does not print {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read() {
        let figures = read("a_ns 12\nnonsense\nb_bytes 3.5\n");
        assert!((figure(&figures, "b_bytes").unwrap() - 3.5).abs() < 1e-9);
        assert_eq!(figures.len(), 2);
        assert!(figure(&figures, "c").is_err());
    }
}
