//! One function process: started by a thread that outlives it, heard, and reaped.

mod nursery;
mod output;

pub(crate) use nursery::Nursery;
pub use output::{ConsoleLine, ConsoleSink};

use std::io;
use std::process::ExitStatus;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use holm_types::DeploymentId;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin};
use tokio::sync::{Mutex, Notify, watch};

/// What a process has said about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Starting,
    Waiting,
    Ready,
    Failed {
        message: String,
        stack: Option<String>,
    },
}

/// How a process ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stderr: String,
}

/// A process, from its start to its end. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    stdin: Mutex<Option<ChildStdin>>,
    kill: Arc<Notify>,
    phase: watch::Receiver<Phase>,
    ended: watch::Receiver<Option<Ended>>,
    deployment: Arc<OnceLock<DeploymentId>>,
}

/// How long the last words of a process are waited for after its end.
const LAST_WORDS_MAX: Duration = Duration::from_millis(200);

impl Process {
    /// Takes over a child whose three standard streams are pipes.
    pub(crate) fn adopt(mut child: Child, console: Arc<dyn ConsoleSink>) -> io::Result<Self> {
        let missing = || io::Error::other("the process has no pipes");
        let pid = child.id().ok_or_else(missing)?;
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stderr = child.stderr.take().ok_or_else(missing)?;
        let deployment = Arc::new(OnceLock::new());
        let (phase_sender, phase) = watch::channel(Phase::Starting);
        let (ended_sender, ended) = watch::channel(None);
        let kill = Arc::new(Notify::new());
        let words = tokio::spawn(output::tail(stderr));
        tokio::spawn(output::listen(
            stdout,
            phase_sender,
            console,
            deployment.clone(),
        ));
        tokio::spawn(reap(child, kill.clone(), words, ended_sender));
        Ok(Self {
            pid,
            stdin: Mutex::new(Some(stdin)),
            kill,
            phase,
            ended,
            deployment,
        })
    }

    /// Gives the process its deployment: one line on its standard input.
    pub(crate) async fn assign(&self, deployment: DeploymentId, line: &str) -> io::Result<()> {
        // Whose lines of the console these are; a process is assigned once.
        self.deployment.get_or_init(|| deployment);
        let mut stdin = self.stdin.lock().await;
        let Some(stdin) = stdin.as_mut() else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        stdin.write_all(line.as_bytes()).await?;
        stdin.write_all(b"\n").await?;
        stdin.flush().await
    }

    /// Waits until it is ready, has failed, or has ended; gives what it last said.
    pub(crate) async fn settled(&self) -> Phase {
        let mut phase = self.phase.clone();
        let mut ended = self.ended.clone();
        let is_settled = |phase: &Phase| matches!(phase, Phase::Ready | Phase::Failed { .. });
        tokio::select! {
            biased;
            _ = phase.wait_for(is_settled) => {}
            _ = ended.wait_for(Option::is_some) => {}
        }
        self.phase.borrow().clone()
    }

    /// Whether it is still there.
    pub(crate) fn is_alive(&self) -> bool {
        self.ended.borrow().is_none()
    }

    /// Ends it at once. Does nothing when it has ended.
    pub(crate) fn kill(&self) {
        self.kill.notify_one();
    }

    /// Waits for its end.
    pub(crate) async fn ended(&self) -> Option<Ended> {
        let mut ended = self.ended.clone();
        ended
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|ended| ended.clone())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The only place that signals the process, because it is also the only one that reaps it: its number
/// cannot have become somebody else's.
async fn reap(
    mut child: Child,
    kill: Arc<Notify>,
    words: tokio::task::JoinHandle<String>,
    ended: watch::Sender<Option<Ended>>,
) {
    let status = tokio::select! {
        status = child.wait() => status,
        () = kill.notified() => {
            // An error means that it has just ended by itself.
            drop(child.start_kill());
            child.wait().await
        }
    };
    let Ok(status) = status else { return };
    let stderr = tokio::time::timeout(LAST_WORDS_MAX, words).await;
    let stderr = stderr.ok().and_then(Result::ok).unwrap_or_default();
    ended.send_replace(Some(Ended { status, stderr }));
}
