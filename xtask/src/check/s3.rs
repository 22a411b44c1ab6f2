//! `check s3`: the tests that want a real S3 server, against moto's, started here on a free port.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::lab::{free_address, python_program};
use crate::options::Options;
use crate::timed;
use crate::workspace::{Workspace, cargo};

/// How long the server may take to answer.
const START_TIME_MAX: Duration = Duration::from_mins(1);

/// How long the tests may take, their building included.
const TESTS_TIME_MAX: Duration = Duration::from_mins(20);

/// Pinned, because a newer one may answer otherwise.
const REQUIREMENT: &str = "moto[server]==5.2.5";

/// The S3 server, installed.
#[derive(Clone, Debug)]
pub(crate) struct Moto {
    program: PathBuf,
}

impl Moto {
    /// Installs it under the target folder, unless it is there. `Err` inside when that is not possible
    /// here, with the reason.
    pub(crate) fn install(root: &Path) -> Result<Result<Self, String>> {
        let work = Workspace::load(root)?.target.join("xtask");
        Ok(match python_program(&work, REQUIREMENT, "moto_server") {
            Ok(program) => Ok(Self { program }),
            Err(error) => Err(format!("the S3 server cannot be installed: {error:#}")),
        })
    }

    /// Starts it on a free port of loopback, with a bucket.
    fn start(&self) -> Result<Running> {
        // moto cannot take port 0 and say which it got.
        let address = free_address()?;
        let child = Command::new(&self.program)
            .args(["-H", &address.ip().to_string()])
            .args(["-p", &address.port().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("start moto_server")?;
        let running = Running { child, address };
        let start = Instant::now();
        while put_bucket(running.address).is_err() {
            ensure!(
                start.elapsed() < START_TIME_MAX,
                "moto_server does not answer"
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(running)
    }
}

/// A server that is running; ended when dropped.
struct Running {
    child: Child,
    address: SocketAddr,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Makes the bucket of the tests. moto believes any key.
fn put_bucket(address: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let head = format!(
        "PUT /holm-test HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, \
         SignedHeaders=host, Signature=0\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.contains(" 200 "), "moto_server answers {answer}");
    Ok(())
}

/// Runs the tests that are named `s3_` and left out otherwise.
pub(crate) fn run(root: &Path, options: Options) -> Result<()> {
    options.finish()?;
    let moto = match Moto::install(root)? {
        Ok(moto) => moto,
        Err(why) => bail!("{why}"),
    };
    let running = moto.start()?;
    let mut tests = Command::new(cargo());
    tests
        .args([
            "test",
            "--locked",
            "--package",
            "holm-storage",
            "--package",
            "holm",
        ])
        .args(["--test", "it", "--", "--ignored", "s3_"])
        .current_dir(root)
        .env(
            "HOLM_TEST_S3_ENDPOINT",
            format!("http://{}", running.address),
        );
    println!("$ {}", timed::words(&tests));
    timed::run(&mut tests, TESTS_TIME_MAX)
}
