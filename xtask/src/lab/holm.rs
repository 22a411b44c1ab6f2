//! The program under test: built once, run as a command, asked to deploy.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::HolmProcess;
use crate::timed;
use crate::workspace::cargo;

/// How long the release build may take.
const BUILD_TIME_MAX: Duration = Duration::from_mins(30);

/// How long one command may take.
const COMMAND_TIME_MAX: Duration = Duration::from_mins(2);

/// The `holm` program.
#[derive(Clone, Debug)]
pub(crate) struct Holm {
    binary: PathBuf,
    /// Where the command keeps its settings and caches, instead of the user's own.
    home: PathBuf,
}

/// What `deploy --json` prints.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Deployed {
    /// `dpl_...`
    #[serde(rename = "deployment_id")]
    pub(crate) id: String,
    /// The deployment's own URL.
    pub(crate) url: String,
}

impl Deployed {
    /// The host name of the deployment's own URL.
    pub(crate) fn host(&self) -> String {
        host_of(&self.url)
    }
}

/// The host and port of a URL.
pub(super) fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest).to_owned()
}

impl Holm {
    /// A program that exists already, with an empty home.
    pub(crate) fn at(binary: &Path, home: PathBuf) -> Result<Self> {
        let binary = binary
            .canonicalize()
            .with_context(|| format!("there is no program {}", binary.display()))?;
        Ok(Self { binary, home })
    }

    /// Builds the release program; gives where it is.
    pub(crate) fn build(root: &Path, target: &Path) -> Result<PathBuf> {
        let mut command = Command::new(cargo());
        command
            .args(["build", "--locked", "--release", "--package", "holm"])
            .current_dir(root);
        println!("$ {}", timed::words(&command));
        timed::run(&mut command, BUILD_TIME_MAX)?;
        Ok(target.join("release").join("holm"))
    }

    /// The command with these words.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(words);
        self.isolate(&mut command);
        command
    }

    /// The server's command, on one core when it is pinned.
    pub(super) fn server_command(&self, core: Option<usize>) -> Command {
        let taskset = Path::new("taskset");
        let mut command = Command::new(if core.is_some() {
            taskset
        } else {
            &self.binary
        });
        if let Some(core) = core {
            command
                .arg("--cpu-list")
                .arg(core.to_string())
                .arg(&self.binary);
        }
        self.isolate(&mut command);
        command
    }

    /// Nothing of the person who runs this: no settings, no caches, no variables.
    fn isolate(&self, command: &mut Command) {
        command.stdin(Stdio::null());
        command.env("XDG_CONFIG_HOME", self.home.join("config"));
        command.env("XDG_CACHE_HOME", self.home.join("cache"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HOLM_") {
                command.env_remove(name);
            }
        }
    }

    /// Runs a command to its end and gives what it printed; an error has what it said.
    pub(crate) fn run(&self, words: &[&str]) -> Result<String> {
        let mut command = self.command(words);
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.with_context(|| format!("start {}", self.binary.display()))?;
        // Drained by threads of their own, so that a talkative command cannot fill the pipes and stop.
        let outcome = drain(child.stdout.take());
        let complaint = drain(child.stderr.take());
        let status = timed::wait(child, COMMAND_TIME_MAX)?;
        let (outcome, complaint) = (outcome.join(), complaint.join());
        let text = |joined: std::thread::Result<String>| joined.unwrap_or_default();
        match status {
            Some(status) if status.success() => Ok(text(outcome)),
            Some(status) => bail!(
                "`holm {}` ended with {status}: {}",
                words.join(" "),
                text(complaint).trim()
            ),
            None => bail!("`holm {}` took too long", words.join(" ")),
        }
    }

    /// Deploys a folder to production.
    pub(crate) fn deploy(
        &self,
        server: &HolmProcess,
        folder: &Path,
        project: &str,
    ) -> Result<Deployed> {
        let folder = folder.to_str().context("the folder's name is not UTF-8")?;
        let words = server.deploy_words(folder, project)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        parse_deployed(&self.run(&words)?)
    }
}

fn parse_deployed(printed: &str) -> Result<Deployed> {
    // Lines of what happens; the last one is the result.
    let result = printed.lines().last().unwrap_or_default();
    serde_json::from_str(result).with_context(|| format!("`deploy --json` printed `{printed}`"))
}

fn drain(stream: Option<impl std::io::Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = Vec::new();
        // A pipe that breaks has nothing more to say; what came before it is kept.
        let _broken = stream.map(|mut stream| stream.read_to_end(&mut text));
        String::from_utf8_lossy(&text).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_program_prints() {
        let deployed = parse_deployed(
            "{\"event\":\"sealed\"}\n{\"deployment_id\":\"dpl_1\",\"url\":\"http://a--1.localhost:80/\",\"more\":1}\n",
        );
        assert_eq!(deployed.unwrap().host(), "a--1.localhost:80");
        assert!(parse_deployed("").is_err());
    }
}
