//! The load generator.

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// What to ask for, and what the answer must be.
#[derive(Clone, Debug)]
pub(super) struct Load {
    /// The server and the path.
    pub(super) url: String,
    /// Header lines, `Host` among them.
    pub(super) headers: Vec<String>,
    /// How long.
    pub(super) seconds: u32,
    /// The core that the generator is pinned to.
    pub(super) core: usize,
    /// Whether answers are errors (4xx, 5xx).
    pub(super) is_error: bool,
    /// Connections that are open at the same time.
    pub(super) connections: u32,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) request_count: u64,
    pub(super) requests_per_second: f64,
    pub(super) bytes_per_second: f64,
}

impl Load {
    /// Runs the generator to its end.
    pub(super) fn run(&self) -> Result<Outcome> {
        let mut command = Command::new("taskset");
        command.args([
            "--cpu-list",
            &self.core.to_string(),
            "wrk",
            "--threads",
            "1",
        ]);
        command.args(["--connections", &self.connections.to_string()]);
        command.args(["--duration", &format!("{}s", self.seconds)]);
        // Ten megabytes take their time on a busy machine.
        command.args(["--timeout", "20s"]);
        for header in &self.headers {
            command.args(["--header", header]);
        }
        let output = command.arg(&self.url).output().context("run wrk")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.success(),
            "wrk ended with {}: {text}",
            output.status
        );
        parse(&text, self.is_error)
    }
}

/// Reads wrk's report; an error when an answer was not what it must be.
fn parse(text: &str, is_error: bool) -> Result<Outcome> {
    let number = |line: &str| {
        line.split_whitespace()
            .next()
            .and_then(|word| word.parse().ok())
    };
    let request_count: u64 = text
        .lines()
        .find(|line| line.contains(" requests in "))
        .and_then(number)
        .context("wrk reported no requests")?;
    let errors: u64 = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Non-2xx or 3xx responses: "))
        .and_then(number)
        .unwrap_or(0);
    let wanted = if is_error { request_count } else { 0 };
    ensure!(
        errors == wanted,
        "{errors} of {request_count} answers were errors, not {wanted}"
    );
    if let Some(line) = text.lines().find(|line| line.contains("Socket errors")) {
        bail!("wrk had trouble: {}", line.trim());
    }
    let requests_per_second = text
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:"))
        .and_then(|rest| rest.trim().parse().ok())
        .context("wrk reported no rate")?;
    let bytes_per_second = text
        .lines()
        .find_map(|line| line.strip_prefix("Transfer/sec:"))
        .and_then(|rest| bytes(rest.trim()))
        .context("wrk reported no bytes")?;
    Ok(Outcome {
        request_count,
        requests_per_second,
        bytes_per_second,
    })
}

/// `30.01MB` and the like, in wrk's binary units.
fn bytes(text: &str) -> Option<f64> {
    let units = [
        ("TB", 1024.0_f64.powi(4)),
        ("GB", 1024.0_f64.powi(3)),
        ("MB", 1024.0_f64.powi(2)),
        ("KB", 1024.0),
        ("B", 1.0),
    ];
    units.into_iter().find_map(|(unit, factor)| {
        let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
        Some(number * factor)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_report() {
        let report = "Running 1s test @ http://x\n  1 threads and 64 connections\n  37254 requests in 1.00s, 30.02MB read\nRequests/sec:  37200.13\nTransfer/sec:     30.01MB\n";
        let want = Outcome {
            request_count: 37254,
            requests_per_second: 37_200.13,
            bytes_per_second: 30.01 * 1_048_576.0,
        };
        assert_eq!(parse(report, false).unwrap(), want);
        assert!(parse(report, true).is_err(), "no answer was an error");
        let errors = report.replace(
            "Requests/sec",
            "  Non-2xx or 3xx responses: 37254\nRequests/sec",
        );
        assert_eq!(parse(&errors, true).unwrap(), want);
        assert!(parse(&errors, false).is_err());
        let trouble = report.replace(
            "Requests/sec",
            "  Socket errors: connect 0, read 3\nRequests/sec",
        );
        assert!(parse(&trouble, false).is_err());
    }
}
