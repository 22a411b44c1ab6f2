//! The thread that starts all function processes.
//!
//! The kernel ties a process to the *thread* that started it (`prctl`, `PR_SET_PDEATHSIG`); a thread of a
//! pool may end while Holm lives. So one thread starts them all and ends only with Holm, or with the
//! supervisor, and then takes every process along.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc;

use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use crate::runtime::LaunchPlan;

/// Starts that wait for the thread at once; each takes a fraction of a millisecond.
const WAITING_MAX: usize = 64;

#[derive(Debug)]
struct Birth {
    plan: LaunchPlan,
    answer: oneshot::Sender<io::Result<Child>>,
}

/// Starts processes. When it is dropped, those it started end.
#[derive(Debug)]
pub(crate) struct Nursery {
    births: mpsc::SyncSender<Birth>,
}

impl Nursery {
    /// Starts the thread. `launcher` is our own program and the arguments that make it the launcher.
    /// Must be called within a tokio runtime.
    pub(crate) fn new(launcher: Vec<std::ffi::OsString>) -> io::Result<Self> {
        let (births, waiting) = mpsc::sync_channel::<Birth>(WAITING_MAX);
        let runtime = tokio::runtime::Handle::current();
        std::thread::Builder::new()
            .name("function-nursery".to_owned())
            .spawn(move || {
                let _entered = runtime.enter();
                for birth in waiting {
                    // Nobody waits any more: the process ends with the answer that is dropped.
                    drop(birth.answer.send(spawn(&launcher, &birth.plan)));
                }
            })?;
        Ok(Self { births })
    }

    /// Starts a process.
    pub(crate) async fn spawn(&self, plan: LaunchPlan) -> io::Result<Child> {
        let gone = || io::Error::other("the thread that starts processes is gone or overrun");
        let (answer, born) = oneshot::channel();
        self.births
            .try_send(Birth { plan, answer })
            .map_err(|_| gone())?;
        born.await.map_err(|_| gone())?
    }
}

fn spawn(launcher: &[std::ffi::OsString], plan: &LaunchPlan) -> io::Result<Child> {
    let (program, args) = launcher
        .split_first()
        .ok_or_else(|| io::Error::other("no launcher"))?;
    Command::new(PathBuf::from(program))
        .args(args)
        .args(plan.confinement.to_args())
        .arg(&plan.program)
        .args(&plan.args)
        .env_clear()
        .envs(plan.env.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}
