//! `check upgrade`: a next server takes the place of the running one, again and again, while visitors ask
//! all the time and sites are deployed in between.
//!
//! No request fails, every server that was taken over from ends by itself, every answer has its access
//! record, and `holm doctor` has nothing to say.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::visitors::{Visitors, write_site};
use crate::lab::{HolmProcess, Lab, Launch};
use crate::options::Options;

/// Connections that ask.
const CONNECTIONS: usize = 64;

/// How long each server is asked before the next takes over.
const CALM: Duration = Duration::from_secs(1);

const PROJECT: &str = "relay";

/// Upgrades and watches.
pub(crate) fn run(root: &Path, mut options: Options) -> Result<()> {
    let rounds: u64 = options.take_or("rounds", 5)?;
    let lab = Lab::open(root, options)?;
    let folder = lab.empty_folder("upgrade")?;
    let data = folder.join("data");
    let launch = Launch::new(&lab.holm, &data)?.with_token()?;
    let first = launch.start()?;
    let site = folder.join("site");
    let host = first.production_host(PROJECT);
    let visitors = Visitors::new(first.site(), &host);
    let deploy = |server: &HolmProcess, marker: u64| -> Result<()> {
        write_site(&site, marker)?;
        lab.holm.deploy(server, &site, PROJECT)?;
        let shown = visitors.look()?;
        ensure!(
            shown == marker,
            "production shows {shown} after deploying {marker}"
        );
        Ok(())
    };
    deploy(&first, 0)?;
    let start = Instant::now();
    let (last, seen) = visitors.ask_while(CONNECTIONS, || {
        let mut server = first;
        for round in 1..=rounds {
            std::thread::sleep(CALM);
            let next = launch.clone().taking_over().start();
            let next = next.with_context(|| format!("round {round}"))?;
            ensure!(
                next.took_over_from() == Some(server.pid()),
                "round {round}: the next server started without taking over"
            );
            // The next one takes deployments from the first moment on.
            deploy(&next, round).with_context(|| format!("round {round}"))?;
            let ended = server.ended().with_context(|| format!("round {round}"))?;
            println!("round {round}: the server before ended {ended} ms later");
            server = next;
        }
        std::thread::sleep(CALM);
        Ok(server)
    })?;
    println!(
        "{rounds} take-overs in {:.0} s, {} requests on {CONNECTIONS} connections ({} answered 304, {} told to connect anew): {} failed, {} mixed; deployments seen: {}",
        start.elapsed().as_secs_f64(),
        seen.asked,
        seen.unchanged,
        seen.closing,
        seen.failed,
        seen.mixed,
        seen.markers.len()
    );
    seen.judge()?;
    last.stop()?;
    // Besides: one look after each deployment.
    let recorded = records(&data.join("records"), &host)?;
    let answered = seen.asked + rounds + 1;
    ensure!(
        recorded == answered,
        "{answered} requests were answered, {recorded} are recorded"
    );
    let data = data.to_str().context("the folder's name is not UTF-8")?;
    lab.holm.run(&["doctor", "--data", data])?;
    println!("{recorded} access records, one for each; doctor is content");
    Ok(())
}

/// Access records of a host.
fn records(folder: &Path, host: &str) -> Result<u64> {
    let mark = format!("\"{host}\"");
    let mut count = 0;
    for entry in fs::read_dir(folder).context("list the access records")? {
        let text = fs::read_to_string(entry?.path()).context("read access records")?;
        count += text.lines().filter(|line| line.contains(&mark)).count() as u64;
    }
    Ok(count)
}
