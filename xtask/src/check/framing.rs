//! `check framing`: request heads that can be read in two ways, sent to Holm and to Node's `http`.
//!
//! A visitor smuggles a request past a rule when two servers in a row disagree about where one request
//! ends (RFC 9112, 11.2). Holm stands in front of Node processes, so it may refuse what Node takes; but
//! once Node takes a head, Holm must never see a request that Node does not see, or in another order.
//! A head that Node refuses has one reading: Holm's. (Node wants CR before every LF; RFC 9112, 2.2,
//! leaves that to the recipient.)

mod cases;
mod node_http;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::lab::{HolmProcess, Lab, Launch, write_file};
use crate::options::Options;

use cases::{Case, Cases, HOST};
use node_http::NodeHttp;

/// How many cases are made when `--cases` does not say.
const CASES_DEFAULT: usize = 5_000;

/// Cases that both servers must read the same way and to the end: fewer, and the rest shows nothing.
const AGREED_SHARE_MIN: usize = 20;

/// How long a server may take to end a connection whose other side has said all.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(20);

/// Sends every case to both and compares what they saw.
pub(crate) fn run(root: &Path, mut options: Options) -> Result<()> {
    let count = options.take_or("cases", CASES_DEFAULT)?;
    let seed = options.take_or("seed", 1)?;
    let lab = Lab::open(root, options)?;
    let holm = serve_pages(&lab)?;
    let mut node = NodeHttp::start()?;
    let mut sum = Sum::default();
    for case in Cases::seeded(seed, count) {
        let answer = ask(holm.site(), &case.raw).context("ask Holm")?;
        ask(node.address(), &case.raw).context("ask Node's http")?;
        let seen = Seen {
            holm: paths_of(&answer),
            node: node.saw()?,
        };
        sum.add(&seen);
        ensure!(
            seen.is_safe(),
            "Holm saw {:?} where Node's http saw {:?} (`--seed {seed}`), in {}",
            seen.holm,
            seen.node,
            case.raw.escape_ascii()
        );
    }
    println!(
        "{} cases with seed {seed}: {} read the same by Holm and Node {} ({} of them to the last request), \
         {} refused sooner by Holm, {} whose head only Node refuses, 0 read differently",
        sum.cases,
        sum.same,
        node.version(),
        sum.to_the_end,
        sum.sooner,
        sum.only_node
    );
    if sum.to_the_end * AGREED_SHARE_MIN < sum.cases {
        bail!("too few cases are read to the end by both: the comparison shows nothing");
    }
    Ok(())
}

/// A server with a page for each path that the cases name; a page says which.
fn serve_pages(lab: &Lab) -> Result<HolmProcess> {
    let folder = lab.empty_folder("framing")?;
    let site = folder.join("site");
    for path in ["first", "smuggled", "last"] {
        write_file(&site.join(path), format!("seen:/{path};").as_bytes())?;
    }
    let project = HOST.split('.').next().unwrap_or_default();
    let server = Launch::new(&lab.holm, &folder.join("data"))?
        .base_domain("test")
        .with_token()?
        .start()?;
    lab.holm.deploy(&server, &site, project)?;
    let plain = Case::plain();
    let seen = paths_of(&ask(server.site(), &plain.raw)?);
    ensure!(
        seen == ["/first", "/last"],
        "two plain requests are seen as {seen:?}"
    );
    Ok(server)
}

/// Which paths each server answered, in order.
struct Seen {
    holm: Vec<String>,
    node: Vec<String>,
}

impl Seen {
    /// What Holm saw is the beginning of what Node saw, or Node saw nothing.
    fn is_safe(&self) -> bool {
        self.node.is_empty() || self.node.starts_with(&self.holm)
    }
}

#[derive(Default)]
struct Sum {
    cases: usize,
    same: usize,
    to_the_end: usize,
    sooner: usize,
    only_node: usize,
}

impl Sum {
    fn add(&mut self, seen: &Seen) {
        self.cases += 1;
        if seen.holm == seen.node {
            self.same += 1;
            let is_to_the_end = seen.holm.last().is_some_and(|path| path == "/last");
            self.to_the_end += usize::from(is_to_the_end);
        } else if seen.node.is_empty() {
            self.only_node += 1;
        } else {
            self.sooner += 1;
        }
    }
}

/// Sends everything at once, says that no more comes, and takes what comes back.
fn ask(address: SocketAddr, raw: &[u8]) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
    stream.write_all(raw)?;
    // The other side may have refused and gone.
    drop(stream.shutdown(Shutdown::Write));
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => {
            Err(error).with_context(|| format!("read the answer to {}", raw.escape_ascii()))
        }
        _ => Ok(answer),
    }
}

/// The paths that an answer says were seen: `seen:PATH;`. The first request may be a POST, which a file
/// refuses with 405: it was seen as well. A later 405 is for a method that does not exist, the rest of
/// something; Node reads nothing from there on, so what Holm sees behind it cannot be compared.
fn paths_of(answer: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(answer);
    let mut paths = Vec::new();
    for (index, part) in text.split("HTTP/1.").skip(1).enumerate() {
        if part.contains(" 405 ") {
            if index > 0 {
                break;
            }
            paths.push("/first".to_owned());
        } else if let Some((_, rest)) = part.split_once("seen:") {
            paths.extend(rest.split_once(';').map(|(path, _)| path.to_owned()));
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_read_from_answers() {
        let answers = b"HTTP/1.1 200 OK\r\n\r\nseen:/first;HTTP/1.1 400 Bad Request\r\n\r\n";
        assert_eq!(paths_of(answers), ["/first"]);
        let answers = b"HTTP/1.1 405 Not\r\n\r\nHTTP/1.1 200 OK\r\n\r\nseen:/smuggled;";
        assert_eq!(paths_of(answers), ["/first", "/smuggled"]);
    }

    #[test]
    fn more_than_node_saw_is_unsafe() {
        let seen = |holm: &[&str], node: &[&str]| Seen {
            holm: holm.iter().map(ToString::to_string).collect(),
            node: node.iter().map(ToString::to_string).collect(),
        };
        assert!(seen(&[], &["/first"]).is_safe());
        assert!(seen(&["/first"], &["/first", "/last"]).is_safe());
        assert!(!seen(&["/first", "/smuggled"], &["/first", "/last"]).is_safe());
        assert!(!seen(&["/first", "/smuggled"], &["/first"]).is_safe());
        assert!(seen(&["/first"], &[]).is_safe());
    }
}
