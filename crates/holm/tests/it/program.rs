//! The real program, started in a folder of its own, ended when the test ends.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a server may take to end that has no open connection.
const END_MAX: Duration = Duration::from_secs(20);

/// A folder for one test: the server's data, the client's home, and sites.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a site of these files and returns its folder.
    pub(crate) fn site(&self, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let site = self.path(name);
        for (path, text) in files {
            let path = site.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        site
    }

    /// The program with an environment of its own.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_holm"));
        command
            .env_clear()
            .env("HOME", self.path("home"))
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs a word of the client's to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command().args(args).output().unwrap()
    }

    /// `holm up` on free ports with this bench's data folder.
    pub(crate) fn up(&self, site: Option<&Path>) -> Server<'_> {
        let mut command = self.command();
        command.arg("up").args(site);
        self.start(command, "127.0.0.1:0", "127.0.0.1:0")
    }

    /// `holm serve` at the addresses of a server that has ended, so that URLs stay the same.
    pub(crate) fn serve_at(&self, listen: &str, control_listen: &str) -> Server<'_> {
        let mut command = self.command();
        command.arg("serve");
        self.start(command, listen, control_listen)
    }

    /// `holm serve --take-over` at the addresses of the server that runs.
    pub(crate) fn take_over(&self, listen: &str, control_listen: &str) -> Server<'_> {
        let mut command = self.command();
        command.args(["serve", "--take-over"]);
        self.start(command, listen, control_listen)
    }

    /// Starts a word of the server's with this bench's data folder, without waiting for its line.
    pub(crate) fn spawn(&self, mut command: Command) -> Child {
        command
            .args(["--json", "--data"])
            .arg(self.path("data"))
            .stdout(Stdio::piped())
            .stderr(self.stderr())
            .spawn()
            .unwrap()
    }

    /// Emptied, not made anew: a server that is taken over from still writes to it.
    fn stderr(&self) -> std::fs::File {
        let file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.path("stderr"))
            .unwrap();
        file.set_len(0).unwrap();
        file
    }

    fn start(&self, mut command: Command, listen: &str, control_listen: &str) -> Server<'_> {
        command.args(["--listen", listen, "--control-listen", control_listen]);
        let mut child = self.spawn(command);
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| {
            let said = self.said();
            panic!("one line of JSON, not {line:?}: {error}; stderr: {said}")
        });
        Server {
            bench: self,
            child,
            ready,
        }
    }

    /// What was said on stderr since the last start of a server.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.path("stderr")).unwrap()
    }
}

/// Sends a signal.
pub(crate) fn signal(child: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, signal).unwrap();
}

/// A running server; killed when dropped.
pub(crate) struct Server<'a> {
    bench: &'a Bench,
    child: Child,
    pub(crate) ready: Value,
}

impl Server<'_> {
    pub(crate) fn text(&self, key: &str) -> &str {
        self.ready[key]
            .as_str()
            .unwrap_or_else(|| panic!("{key} in {}", self.ready))
    }

    /// Where it listens, for sites and for its API: what a start in its place is given.
    pub(crate) fn addresses(&self) -> (String, String) {
        let at = |key| {
            let url = self.text(key).trim_end_matches('/');
            format!("127.0.0.1:{}", url.rsplit_once(':').unwrap().1)
        };
        (at("url"), at("api_url"))
    }

    /// The URL of a host on this server.
    pub(crate) fn host(&self, host: &str, path: &str) -> String {
        let (_, port) = self
            .text("url")
            .trim_end_matches('/')
            .rsplit_once(':')
            .unwrap();
        format!("http://{host}:{port}{path}")
    }

    /// Runs a word of the client's against this server.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// A word of the client's against this server, not yet run.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.bench.command();
        command
            .args(args)
            .env("HOLM_API", self.text("api_url"))
            .env("HOLM_TOKEN", self.text("token"));
        command
    }

    /// As `run`, for words that end well and print one JSON object, or lines of them whose last is the
    /// result.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let output = self.run(args);
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{args:?}: {stdout}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let result = stdout.lines().last().unwrap_or_default();
        serde_json::from_str(result).unwrap_or_else(|error| panic!("{args:?}: {stdout:?}: {error}"))
    }

    /// Deploys a folder to production.
    pub(crate) fn deploy(&self, site: &Path, project: &str) -> Value {
        self.json(&[
            "deploy",
            site.to_str().unwrap(),
            "--project",
            project,
            "--prod",
            "--json",
        ])
    }

    /// Asks the server to stop and returns its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        signal(&self.child, rustix::process::Signal::TERM);
        self.child.wait().unwrap().code()
    }

    /// The exit code, once it has ended by itself.
    pub(crate) fn ended(mut self) -> Option<i32> {
        let start = Instant::now();
        while start.elapsed() < END_MAX {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it goes on; it said: {}", self.bench.said());
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// As a power cut would end it.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        if self.child.kill().is_ok() {
            self.child.wait().ok();
        }
    }
}
