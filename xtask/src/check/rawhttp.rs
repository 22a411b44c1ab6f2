//! `check rawhttp`: broken, hostile and odd requests as raw bytes, before and after load.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::acceptance::Acceptance;
use crate::lab::{Connection, HolmProcess, Lab, Launch, Request, write_file};
use crate::options::Options;

/// How long the load lasts.
const LOAD_TIME: Duration = Duration::from_secs(5);

/// Connections that ask at the same time.
const LOAD_CONNECTIONS: usize = 32;

/// The cases ask for this host.
const HOST: &str = "corpus.test";

/// Runs the cases, the load, and the cases again.
pub(crate) fn run(root: &Path, mut options: Options) -> Result<()> {
    let Some(acceptance) = Acceptance::find(root, &mut options)? else {
        bail!("the raw cases are part of the acceptance material");
    };
    let lab = Lab::open(root, options)?;
    let folder = lab.empty_folder("rawhttp")?;
    let site = folder.join("site");
    write_file(
        &site.join("index.html"),
        b"<!doctype html><title>corpus</title><p>corpus\n",
    )?;
    let server = Launch::new(&lab.holm, &folder.join("data"))?
        .base_domain("test")
        .with_token()?
        .start()?;
    lab.holm.deploy(&server, &site, "corpus")?;

    let target = server.site().to_string();
    let cases = |when: &str| {
        println!("the cases {when} load");
        acceptance
            .python("rawhttp/run.py", &[&target])
            .with_context(|| format!("{when} load"))
    };
    cases("before")?;
    let count = load(&server)?;
    println!(
        "load: {count} requests in {} s, every one answered 200",
        LOAD_TIME.as_secs()
    );
    cases("after")
}

/// Asks for the page on many connections at once; every answer must be whole.
fn load(server: &HolmProcess) -> Result<u64> {
    let address = server.site();
    let askers: Vec<_> = (0..LOAD_CONNECTIONS)
        .map(|_| std::thread::spawn(move || ask(address)))
        .collect();
    let mut count = 0;
    for asker in askers {
        count += asker
            .join()
            .map_err(|_| anyhow::anyhow!("a load thread panicked"))??;
    }
    ensure!(count > 0, "no request of the load was answered");
    Ok(count)
}

fn ask(address: SocketAddr) -> Result<u64> {
    let request = Request::get(HOST, "/");
    let start = Instant::now();
    let mut connection = Connection::open(address)?;
    let mut count = 0;
    while start.elapsed() < LOAD_TIME {
        let response = connection.send(&request)?;
        ensure!(
            response.status == 200,
            "under load the answer was {}",
            response.status
        );
        count += 1;
    }
    Ok(count)
}
