//! Running a program with a limit on its time.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often a running program is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Runs a program without standard input; its output goes where ours goes. Fails unless it succeeds in time.
pub(crate) fn run(command: &mut Command, time_max: Duration) -> Result<()> {
    let words = words(command);
    let child = command
        .stdin(Stdio::null())
        .spawn()
        .with_context(|| format!("start {words}"))?;
    match wait(child, time_max).with_context(|| format!("wait for {words}"))? {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("`{words}` ended with {status}"),
        None => bail!(
            "`{words}` took longer than {} s and was stopped",
            time_max.as_secs()
        ),
    }
}

/// Waits for the end of a child. `None` when it had to be killed at the limit.
pub(crate) fn wait(mut child: Child, time_max: Duration) -> Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() >= time_max {
            child.kill().context("kill it")?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// The command as a person would type it.
pub(crate) fn words(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned()),
    );
    words.join(" ")
}

/// Whether a program can be started by this name.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_and_delay_are_errors() {
        let shell = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            run(&mut command, Duration::from_millis(300)).map_err(|error| format!("{error:#}"))
        };
        assert_eq!(shell("exit 0"), Ok(()));
        assert!(shell("exit 3").unwrap_err().contains("exit status: 3"));
        assert!(shell("exec sleep 9").unwrap_err().contains("took longer"));
    }
}
