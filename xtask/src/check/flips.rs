//! `check flips`: production goes back and forth between two deployments while visitors ask all the time.
//!
//! No request fails, no answer mixes the two, and after each acknowledged flip the next answer is that of
//! the deployment flipped to.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::visitors::{Visitors, write_site};
use crate::lab::{HolmProcess, Lab, Launch, write_file};
use crate::options::Options;

/// Connections that ask.
const CONNECTIONS: usize = 64;

const PROJECT: &str = "pendulum";

/// One actor flips faster than any person or pipeline would.
const SETTINGS: &str = "[limits]\n\"control.actor_requests_max\" = 1000000\n\"control.address_requests_max\" = 1000000\n";

/// Flips and watches.
pub(crate) fn run(root: &Path, mut options: Options) -> Result<()> {
    let flips: usize = options.take_or("count", 10_000)?;
    let lab = Lab::open(root, options)?;
    let folder = lab.empty_folder("flips")?;
    let data = folder.join("data");
    write_file(&data.join("holm.toml"), SETTINGS.as_bytes())?;
    let server = Launch::new(&lab.holm, &data)?.with_token()?.start()?;
    let mut ids = Vec::new();
    for marker in [1, 2] {
        let site = folder.join("site");
        write_site(&site, marker)?;
        ids.push(lab.holm.deploy(&server, &site, PROJECT)?.id);
    }
    let visitors = Visitors::new(server.site(), &server.production_host(PROJECT));
    ensure!(
        visitors.look()? == 2,
        "production does not show the last deployment"
    );
    let start = Instant::now();
    let (slowest_ms, seen) = visitors.ask_while(CONNECTIONS, || {
        let mut slowest_ms = 0;
        for flip in 1..=flips {
            let took = flip_once(&server, &visitors, &ids, flip)
                .with_context(|| format!("flip {flip} of {flips}"))?;
            slowest_ms = took.max(slowest_ms);
        }
        Ok(slowest_ms)
    })?;
    let took = start.elapsed().as_secs_f64();
    println!(
        "{flips} flips in {took:.0} s (slowest {slowest_ms} ms), {} requests on {CONNECTIONS} connections ({} answered 304): {} failed, {} mixed; answers by deployment: {:?}",
        seen.asked, seen.unchanged, seen.failed, seen.mixed, seen.markers
    );
    seen.judge()?;
    server.stop()
}

/// Odd flips roll back to the first deployment, even ones promote the second. Gives the milliseconds that
/// the call took.
fn flip_once(
    server: &HolmProcess,
    visitors: &Visitors,
    ids: &[String],
    flip: usize,
) -> Result<u128> {
    let (path, want) = if flip.is_multiple_of(2) {
        let id = &ids[1];
        let path = format!("/v1/projects/{PROJECT}/deployments/{id}/promote");
        (path, 2)
    } else {
        (format!("/v1/projects/{PROJECT}/rollback"), 1)
    };
    let start = Instant::now();
    let answer = server.call("POST", &path)?;
    let took = start.elapsed().as_millis();
    ensure!(
        answer.status == 200,
        "{path} answered {}: {}",
        answer.status,
        answer.text()
    );
    let shown = visitors.look()?;
    ensure!(
        shown == want,
        "production shows {shown} after {path}, not {want}"
    );
    Ok(took)
}
