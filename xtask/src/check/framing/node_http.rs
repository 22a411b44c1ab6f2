//! Node's own `http` server, which says of each request that it saw it.

use std::io::{BufRead as _, BufReader, Lines};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result};

/// Prints its version and port, and for each connection that has ended the paths that it saw there: a
/// request whose answer was cut off was seen all the same.
const PROGRAM: &str = r"
const seen = new Map();
const server = require('node:http').createServer((request, response) => {
  seen.get(request.socket).push(request.url);
  request.on('error', () => {});
  request.resume().on('end', () => response.end());
});
server.on('connection', (socket) => {
  seen.set(socket, []);
  // Asked for an upgrade, it may keep a connection of which the other side has said all.
  socket.setTimeout(500, () => socket.destroy());
  socket.on('close', () => {
    console.log(JSON.stringify(seen.get(socket)));
    seen.delete(socket);
  });
});
server.httpAllowHalfOpen = true;
server.listen(0, '127.0.0.1', () => console.log(`${process.versions.node} ${server.address().port}`));
";

/// The server as a process; ended when dropped.
pub(super) struct NodeHttp {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    version: String,
    port: u16,
}

impl NodeHttp {
    /// Starts it on a free port of loopback.
    pub(super) fn start() -> Result<Self> {
        let mut child = Command::new("node")
            .args(["--eval", PROGRAM])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("start node, which README.md asks for")?;
        let stdout = child.stdout.take().context("node has no output")?;
        let mut node = Self {
            child,
            lines: BufReader::new(stdout).lines(),
            version: String::new(),
            port: 0,
        };
        let line = node.line()?;
        let said = || format!("node printed `{line}`");
        let (version, port) = line.split_once(' ').with_context(said)?;
        version.clone_into(&mut node.version);
        node.port = port.parse().with_context(said)?;
        Ok(node)
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Node's version.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// The paths it saw on the connection that has just ended; one connection at a time.
    pub(super) fn saw(&mut self) -> Result<Vec<String>> {
        let line = self.line()?;
        serde_json::from_str(&line).with_context(|| format!("node printed `{line}`"))
    }

    fn line(&mut self) -> Result<String> {
        let line = self.lines.next().context("node has ended")?;
        line.context("read what node prints")
    }
}

impl Drop for NodeHttp {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
