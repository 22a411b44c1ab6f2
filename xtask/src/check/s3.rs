//! `check s3`: the tests that want a real S3 server, against moto's, started here on a free port.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::options::Options;
use crate::timed::{self, is_installed};
use crate::workspace::cargo;

/// How long an installation may take.
const INSTALL_TIME_MAX: Duration = Duration::from_mins(5);

/// How long the server may take to answer.
const START_TIME_MAX: Duration = Duration::from_secs(60);

/// How long the tests may take, their building included.
const TESTS_TIME_MAX: Duration = Duration::from_mins(20);

/// The package, with the part of it that is a server.
const PACKAGE: &str = "moto[server]";

/// The S3 server, installed.
#[derive(Clone, Debug)]
pub(crate) struct Moto {
    program: PathBuf,
}

impl Moto {
    /// Installs it into a virtual environment in the target folder, unless it is there. `Err` inside when
    /// that is not possible here, with the reason.
    pub(crate) fn install(root: &Path) -> Result<Result<Self, String>> {
        let home = root.join("target").join("moto");
        let program = home.join("bin").join("moto_server");
        if program.is_file() {
            return Ok(Ok(Self { program }));
        }
        if !is_installed("python3") {
            return Ok(Err("python3 is not installed".to_owned()));
        }
        println!("installing the Python package {PACKAGE} into the target folder");
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv"]).arg(&home);
        let mut pip = Command::new(home.join("bin").join("python"));
        pip.args(["-m", "pip", "install", "--quiet", PACKAGE]);
        for command in [&mut venv, &mut pip] {
            if let Err(error) = timed::run(command, INSTALL_TIME_MAX) {
                return Ok(Err(format!("pip cannot install {PACKAGE}: {error:#}")));
            }
        }
        ensure!(program.is_file(), "{PACKAGE} has no moto_server");
        Ok(Ok(Self { program }))
    }

    /// Starts it on a free port of loopback, with a bucket.
    fn start(&self) -> Result<Running> {
        let address = free_address()?;
        let (host, port) = address.split_once(':').context("split an address")?;
        let child = Command::new(&self.program)
            .args(["-H", host, "-p", port])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("start moto_server")?;
        let running = Running { child, address };
        let start = Instant::now();
        while put_bucket(&running.address).is_err() {
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
    address: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// moto cannot take port 0 and say which it got, so a port is taken and given back first.
fn free_address() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("find a free port")?;
    Ok(listener.local_addr()?.to_string())
}

/// Makes the bucket of the tests. moto believes any key.
fn put_bucket(address: &str) -> Result<()> {
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
