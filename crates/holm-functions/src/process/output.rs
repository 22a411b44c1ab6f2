//! What a process says: lines on standard output, last words on standard error.

use std::sync::{Arc, OnceLock};

use holm_types::DeploymentId;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::watch;

use super::Phase;

/// Bytes of one line of standard output; a longer one is thrown away.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of standard error that are remembered.
const TAIL_BYTES_MAX: usize = 8 * 1024;

/// A line that a function wrote to its console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleLine {
    /// The invocation's id (`Caller::uuid`) as the process names it; `None` outside of one. Another
    /// invocation of the same deployment can be named falsely, never one of another deployment.
    pub invocation: Option<String>,
    /// `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// What was written.
    pub text: String,
}

/// Who wants the lines of consoles.
pub trait ConsoleSink: Send + Sync + std::fmt::Debug {
    /// Takes one line. Must not wait.
    fn line(&self, deployment: DeploymentId, line: ConsoleLine);
}

#[derive(Deserialize)]
#[serde(tag = "t", rename_all = "lowercase")]
enum Said {
    Waiting,
    Ready,
    Failed {
        message: String,
        stack: Option<String>,
    },
    Line {
        invocation: Option<String>,
        level: String,
        text: String,
    },
}

/// Reads standard output to its end.
pub(super) async fn listen(
    mut stdout: impl AsyncRead + Unpin,
    phase: watch::Sender<Phase>,
    console: Arc<dyn ConsoleSink>,
    deployment: Arc<OnceLock<DeploymentId>>,
) {
    let mut lines = Lines::default();
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = stdout.read(&mut buffer).await {
        lines.take(&buffer[..read], |line| {
            // What is no such line was not written by the host, and is nobody's.
            let Ok(said) = serde_json::from_slice::<Said>(line) else {
                return;
            };
            hear(said, &phase, &console, &deployment);
        });
    }
}

fn hear(
    said: Said,
    phase: &watch::Sender<Phase>,
    console: &Arc<dyn ConsoleSink>,
    deployment: &OnceLock<DeploymentId>,
) {
    let next = match said {
        Said::Line {
            invocation,
            level,
            text,
        } => {
            if let Some(deployment) = deployment.get() {
                let line = ConsoleLine {
                    invocation,
                    level,
                    text,
                };
                console.line(*deployment, line);
            }
            return;
        }
        Said::Waiting => Phase::Waiting,
        Said::Ready => Phase::Ready,
        Said::Failed { message, stack } => Phase::Failed { message, stack },
    };
    phase.send_if_modified(|phase| {
        // Once settled it stays so, whatever the code writes.
        let is_open = matches!(phase, Phase::Starting | Phase::Waiting);
        if is_open {
            *phase = next;
        }
        is_open
    });
}

/// Bytes cut into lines, with a maximum for each.
#[derive(Default)]
struct Lines {
    rest: Vec<u8>,
    is_skipping: bool,
}

impl Lines {
    fn take(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let is_whole = part.ends_with(b"\n");
            if !self.is_skipping {
                self.rest.extend_from_slice(part);
            }
            if self.rest.len() > LINE_BYTES_MAX {
                self.rest.clear();
                self.is_skipping = true;
            }
            if is_whole {
                if !self.is_skipping {
                    each(self.rest.trim_ascii_end());
                }
                self.rest.clear();
                self.is_skipping = false;
            }
        }
    }
}

/// Reads to the end; gives the last of it.
pub(super) async fn tail(mut stderr: impl AsyncRead + Unpin) -> String {
    let mut kept = Vec::new();
    let mut buffer = vec![0; 4 * 1024];
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..read]);
        let over = kept.len().saturating_sub(TAIL_BYTES_MAX);
        kept.drain(..over);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_and_long_ones_dropped() {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        let mut take = |bytes: &[u8]| lines.take(bytes, |line| found.push(line.to_vec()));
        take(b"one\ntw");
        take(b"o\n");
        take(&vec![b'x'; LINE_BYTES_MAX + 1]);
        take(b"more\nthree\n");
        assert_eq!(found, [&b"one"[..], b"two", b"three"]);
    }

    #[tokio::test]
    async fn the_tail_is_the_end() {
        let text = [vec![b'a'; 20_000], b"the end".to_vec()].concat();
        let tail = tail(&text[..]).await;
        assert!(tail.ends_with("the end"));
        assert_eq!(tail.len(), TAIL_BYTES_MAX);
    }
}
