//! The load generator for HTTP/2 in clear text.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Connections, and requests under way on each.
const CONNECTIONS: &str = "16";
const STREAMS: &str = "32";

/// What to ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamLoad<'a> {
    pub(super) host: &'a str,
    pub(super) address: SocketAddr,
    pub(super) path: &'a str,
    pub(super) seconds: u32,
    /// The core that the generator is pinned to.
    pub(super) core: usize,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct StreamOutcome {
    pub(super) request_count: u64,
    pub(super) requests_per_second: f64,
}

impl StreamLoad<'_> {
    /// Runs the generator to its end.
    pub(super) fn run(&self) -> Result<StreamOutcome> {
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", &self.core.to_string(), "h2load"]);
        command.args([
            "--clients",
            CONNECTIONS,
            "--max-concurrent-streams",
            STREAMS,
        ]);
        command.args(["--threads", "1", "--duration", &self.seconds.to_string()]);
        command.arg(format!("--connect-to={}", self.address));
        let url = format!("http://{}:{}{}", self.host, self.address.port(), self.path);
        let output = command.arg(url).output().context("run h2load")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.success(),
            "h2load ended with {}: {text}",
            output.status
        );
        parse(&text)
    }
}

/// Reads h2load's report; an error when an answer was not a success.
fn parse(text: &str) -> Result<StreamOutcome> {
    let requests_per_second = text
        .lines()
        .find(|line| line.starts_with("finished in "))
        .and_then(|line| {
            line.split(", ")
                .find_map(|part| part.strip_suffix(" req/s"))
        })
        .and_then(|number| number.parse().ok())
        .context("h2load reported no rate")?;
    let codes = text
        .lines()
        .find_map(|line| line.strip_prefix("status codes: "))
        .context("h2load reported no status codes")?;
    let counts: Vec<u64> = codes
        .split(", ")
        .filter_map(|part| part.split(' ').next()?.parse().ok())
        .collect();
    let [succeeded, others @ ..] = counts.as_slice() else {
        anyhow::bail!("h2load reported no status codes");
    };
    ensure!(
        *succeeded > 0 && others.iter().all(|count| *count == 0),
        "answers were not all 2xx: {codes}"
    );
    Ok(StreamOutcome {
        request_count: *succeeded,
        requests_per_second,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_report() {
        let report = "starting benchmark...\n\nfinished in 4.00s, 61234.50 req/s, 70.00MB/s\n\
                      requests: 244938 total, 245450 started, 244938 done, 244938 succeeded, 0 failed\n\
                      status codes: 244940 2xx, 0 3xx, 0 4xx, 0 5xx\n";
        let want = StreamOutcome {
            request_count: 244_940,
            requests_per_second: 61_234.5,
        };
        assert_eq!(parse(report).unwrap(), want);
        assert!(parse(&report.replace("0 4xx", "1 4xx")).is_err());
        assert!(parse("").is_err());
    }
}
