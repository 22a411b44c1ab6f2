//! The server as a process: started, announced, asked, killed or stopped.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::holm::host_of;
use super::{Holm, Request, Response, fetch, write_file};

/// How long the program may take to say that it answers.
const START_TIME_MAX: Duration = Duration::from_secs(30);

/// How long the program may take to end after SIGTERM.
const STOP_TIME_MAX: Duration = Duration::from_secs(20);

/// How long it may take to end after another has taken its place, `edge.drain_max` included.
const LEAVE_TIME_MAX: Duration = Duration::from_secs(45);

/// What `up --json` and `serve --json` print in one line once the server answers.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Announcement {
    /// The site that `up` deployed. `None` for `serve`.
    pub(crate) url: Option<String>,
    /// The API's address.
    pub(crate) api_url: String,
    /// A token for the API, valid for a day. `None` for `serve`.
    pub(crate) token: Option<String>,
    /// Makes whoever opens it the owner. `None` once there is one.
    pub(crate) owner_link: Option<String>,
    /// The process whose place it took. `None` when there was none.
    pub(crate) took_over_from: Option<u32>,
}

/// How to start the server.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    holm: Holm,
    data: PathBuf,
    site: SocketAddr,
    control: SocketAddr,
    base_domain: String,
    up: Option<PathBuf>,
    /// From an earlier start; only `up` makes one.
    token: Option<String>,
    threads: Option<usize>,
    core: Option<usize>,
    takes_over: bool,
}

impl Launch {
    /// On two free ports, with this data folder.
    pub(crate) fn new(holm: &Holm, data: &Path) -> Result<Self> {
        Ok(Self {
            holm: holm.clone(),
            data: data.to_owned(),
            site: free_address()?,
            control: free_address()?,
            base_domain: "localhost".to_owned(),
            up: None,
            token: None,
            threads: None,
            core: None,
            takes_over: false,
        })
    }

    /// `up DIR` instead of `serve`.
    pub(crate) fn up(mut self, folder: &Path) -> Self {
        self.up = Some(folder.to_owned());
        self
    }

    /// The domain that project hosts end with.
    pub(crate) fn base_domain(mut self, name: &str) -> Self {
        name.clone_into(&mut self.base_domain);
        self
    }

    /// So many worker threads, all on this core.
    pub(crate) fn pinned(mut self, threads: usize, core: usize) -> Self {
        self.threads = Some(threads);
        self.core = Some(core);
        self
    }

    /// In the place of the server that runs.
    pub(crate) fn taking_over(mut self) -> Self {
        self.takes_over = true;
        self
    }

    /// Starts once with `up` and a site of one page, for a token that is valid for a day.
    pub(crate) fn with_token(mut self) -> Result<Self> {
        let seed = self.data.with_file_name("seed");
        write_file(
            &seed.join("index.html"),
            b"<!doctype html><title>seed</title>\n",
        )?;
        let server = self.clone().up(&seed).start()?;
        self.token = Some(server.token()?.to_owned());
        server.stop()?;
        Ok(self)
    }

    /// The host name of a project's production site.
    pub(crate) fn production_host(&self, project: &str) -> String {
        format!("{project}.{}", self.base_domain)
    }

    /// Where visitors connect.
    pub(crate) fn site(&self) -> SocketAddr {
        self.site
    }

    fn command(&self) -> Command {
        let mut command = self.holm.server_command(self.core);
        match &self.up {
            Some(folder) => command.arg("up").arg(folder),
            None => command.arg("serve"),
        };
        if self.takes_over {
            command.arg("--take-over");
        }
        command.arg("--data").arg(&self.data).arg("--json");
        command.args(["--listen", &self.site.to_string()]);
        command.args(["--control-listen", &self.control.to_string()]);
        command.args(["--base-domain", &self.base_domain]);
        if let Some(threads) = self.threads {
            command.args(["--threads", &threads.to_string()]);
        }
        command
    }

    /// Starts the process without waiting until it answers. Its log is added to `holm.log` beside the data.
    pub(crate) fn spawn(&self) -> Result<Starting> {
        let log = self.data.with_extension("log");
        let log = File::options()
            .create(true)
            .append(true)
            .open(log)
            .context("open the log")?;
        let mut child = self
            .command()
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("start holm")?;
        let stdout = child.stdout.take().context("holm has no output")?;
        let (sender, first_line) = mpsc::sync_channel(1);
        std::thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines();
            if let Some(Ok(line)) = lines.next() {
                // Nobody listens any more when the start has timed out.
                let _unheard = sender.send(line);
            }
            // Later output is drained, so that the server never blocks on it.
            lines.for_each(drop);
        });
        Ok(Starting {
            child: Reaped(child),
            first_line,
            launch: self.clone(),
        })
    }

    /// Starts the process and waits until it says that it answers.
    pub(crate) fn start(&self) -> Result<HolmProcess> {
        self.spawn()?.ready()
    }
}

/// An address of this machine that nobody listens on at the moment.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("find a free port")?;
    Ok(listener.local_addr()?)
}

/// A child that does not outlive its handle.
#[derive(Debug)]
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// A server that may not answer yet.
#[derive(Debug)]
pub(crate) struct Starting {
    child: Reaped,
    first_line: mpsc::Receiver<String>,
    launch: Launch,
}

impl Starting {
    /// Waits for its line of JSON.
    pub(crate) fn ready(mut self) -> Result<HolmProcess> {
        let Ok(line) = self.first_line.recv_timeout(START_TIME_MAX) else {
            let ended = self.child.0.try_wait()?;
            let log =
                std::fs::read_to_string(self.launch.data.with_extension("log")).unwrap_or_default();
            let last: Vec<&str> = log.lines().rev().take(5).collect();
            bail!(
                "holm did not say that it answers (ended: {ended:?}); its log ends, last line first: {last:?}"
            );
        };
        let announcement =
            serde_json::from_str(&line).with_context(|| format!("holm printed `{line}`"))?;
        Ok(HolmProcess {
            child: self.child,
            announcement,
            launch: self.launch,
        })
    }
}

/// A server that answers. Killed when dropped.
#[derive(Debug)]
pub(crate) struct HolmProcess {
    child: Reaped,
    announcement: Announcement,
    launch: Launch,
}

impl HolmProcess {
    /// The API's origin.
    pub(crate) fn api_url(&self) -> &str {
        &self.announcement.api_url
    }

    /// Where the API listens.
    pub(crate) fn control(&self) -> SocketAddr {
        self.launch.control
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.0.id()
    }

    /// The process whose place it took. `None` when there was none.
    pub(crate) fn took_over_from(&self) -> Option<u32> {
        self.announcement.took_over_from
    }

    /// Where visitors connect.
    pub(crate) fn site(&self) -> SocketAddr {
        self.launch.site
    }

    /// The URL that `up` printed.
    pub(crate) fn up_host(&self) -> Result<String> {
        let url = self.announcement.url.as_deref();
        Ok(host_of(url.context("`up` printed no URL")?))
    }

    /// The host name of a project's production site.
    pub(crate) fn production_host(&self, project: &str) -> String {
        self.launch.production_host(project)
    }

    /// A visitor's GET.
    pub(crate) fn visit(&self, host: &str, target: &str) -> Result<Response> {
        fetch(self.site(), &Request::get(host, target))
    }

    /// The link of this start that makes whoever opens it the owner.
    pub(crate) fn owner_link(&self) -> Result<&str> {
        let link = self.announcement.owner_link.as_deref();
        link.context("the server has an owner already")
    }

    /// A browser's request to the status page's listener.
    pub(crate) fn browse(&self, request: Request) -> Result<Response> {
        let host = self.launch.control.to_string();
        fetch(self.launch.control, &Request { host, ..request })
    }

    /// An API call with the token of this start.
    pub(crate) fn call(&self, method: &str, path: &str) -> Result<Response> {
        let request = Request::new(method, &self.launch.control.to_string(), path)
            .header("authorization", &format!("Bearer {}", self.token()?));
        fetch(self.launch.control, &request)
    }

    /// The words of `deploy` for this server.
    pub(crate) fn deploy_words(&self, folder: &str, project: &str) -> Result<Vec<String>> {
        let token = self.token()?;
        let api = &self.announcement.api_url;
        let words = [
            "deploy",
            folder,
            "--project",
            project,
            "--prod",
            "--api",
            api,
            "--token",
            token,
            "--json",
        ];
        Ok(words.map(str::to_owned).to_vec())
    }

    /// The token of this start, or of the one before.
    pub(crate) fn token(&self) -> Result<&str> {
        let announced = self.announcement.token.as_deref();
        let known = announced.or(self.launch.token.as_deref());
        known.context("there is no token for this server")
    }

    /// SIGKILL, at once, from whichever thread; the handle still reaps the process.
    pub(crate) fn kill_now(&self) -> Result<()> {
        let killed = Command::new("kill")
            .args(["-KILL", &self.pid().to_string()])
            .status();
        ensure!(
            killed.context("run kill")?.success(),
            "the server has ended before it was killed"
        );
        Ok(())
    }

    /// SIGTERM, and waits until it has drained and ended.
    pub(crate) fn stop(mut self) -> Result<()> {
        let pid = self.pid().to_string();
        let sent = Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .context("run kill")?;
        ensure!(
            sent.success(),
            "the server has ended before it was asked to"
        );
        self.wait("SIGTERM", STOP_TIME_MAX)
    }

    /// Waits until it has ended by itself, another server having taken its place; gives the milliseconds.
    pub(crate) fn ended(mut self) -> Result<u128> {
        let start = Instant::now();
        self.wait("being taken over from", LEAVE_TIME_MAX)?;
        Ok(start.elapsed().as_millis())
    }

    fn wait(&mut self, what: &str, wait_max: Duration) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < wait_max {
            if let Some(status) = self.child.0.try_wait()? {
                ensure!(
                    status.success(),
                    "after {what} the server ended with {status}"
                );
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!(
            "the server did not end within {} s of {what}",
            wait_max.as_secs()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_server_announces() {
        let read = |line: &str| serde_json::from_str::<Announcement>(line).unwrap();
        let up = read(
            r#"{"url":"http://hello.localhost:1","console_url":"http://c","api_url":"http://c","owner_link":null,"token":"holm_x"}"#,
        );
        assert_eq!(
            (up.url.is_some(), up.token.as_deref()),
            (true, Some("holm_x"))
        );
        let serve = read(
            r#"{"listen":"127.0.0.1:1","console_url":"http://c","api_url":"http://c","owner_link":null}"#,
        );
        assert_eq!((serve.url, serve.token), (None, None));
    }
}
