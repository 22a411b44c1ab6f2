//! `bench footprint`: memory at rest and the time to the first answer, with many small projects.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::verdict::Verdicts;
use crate::lab::{
    HolmProcess, Lab, Launch, Random, Request, Series, fetch, resident_bytes, write_file,
};
use crate::options::Options;

/// Files of each project.
const FILES: usize = 100;

/// Idle memory at most, in MB (1,000,000 bytes).
const MEMORY_MB_MAX: f64 = 60.0;

/// Start to first answered request at most, in milliseconds.
const START_MS_MAX: f64 = 300.0;

/// How long the server is left alone before its memory is read, so that work after deploying has ended.
const SETTLE_TIME: Duration = Duration::from_secs(5);

/// How long to wait for the first answer before giving up.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

/// Measures memory and start-up.
pub(crate) fn run(root: &Path, mut options: Options) -> Result<()> {
    let rounds: usize = options.take_or("rounds", 5)?;
    let projects: usize = options.take_or("projects", 100)?;
    ensure!(
        rounds >= 1 && projects >= 1,
        "--rounds and --projects are at least 1"
    );
    let lab = Lab::open(root, options)?;
    let folder = lab.empty_folder("bench-footprint")?;
    let launch = Launch::new(&lab.holm, &folder.join("data"))?.with_token()?;

    let server = launch.start()?;
    for index in 0..projects {
        let site = folder.join("site");
        write_site(&site, index)?;
        lab.holm.deploy(&server, &site, &name(index))?;
    }
    println!("{projects} projects of {FILES} files");
    let mut verdicts = Verdicts::default();
    at_rest("memory after deploying", &server, &mut verdicts)?;
    server.stop()?;

    let host = launch.production_host(&name(0));
    let mut first_answer = Series::default();
    for _ in 1..rounds {
        first_answer.push(time_to_first_answer(&launch, &host)?.0);
    }
    let (last, server) = time_to_first_answer(&launch, &host)?;
    first_answer.push(last);
    verdicts.at_most(
        "start to first answer, median",
        first_answer.median(),
        START_MS_MAX,
        "ms",
    );
    at_rest("memory after a restart", &server, &mut verdicts)?;
    ask_for_everything(&server, projects)?;
    at_rest(
        "memory after every file was asked for",
        &server,
        &mut verdicts,
    )?;
    server.stop()?;
    verdicts.finish()
}

fn name(index: usize) -> String {
    format!("project-{index}")
}

fn path(index: usize) -> String {
    format!("/d{}/page-{index}.html", index % 10)
}

/// Different in every project, so that nothing is shared between them.
fn write_site(site: &Path, project: usize) -> Result<()> {
    let mut random = Random::seeded(u64::try_from(project)?);
    write_file(
        &site.join("index.html"),
        format!("<!doctype html><title>{project}</title>\n").as_bytes(),
    )?;
    for index in 1..FILES {
        let words: Vec<String> = (0..100 + random.below(400))
            .map(|_| random.below(100_000).to_string())
            .collect();
        let words = words.join(" ");
        let text = format!("<!doctype html><title>{project}/{index}</title><p>{words}\n");
        write_file(
            &site.join(path(index).trim_start_matches('/')),
            text.as_bytes(),
        )?;
    }
    Ok(())
}

fn at_rest(what: &str, server: &HolmProcess, verdicts: &mut Verdicts) -> Result<()> {
    std::thread::sleep(SETTLE_TIME);
    let kilobytes = u32::try_from(resident_bytes(server.pid())? / 1_000)?;
    verdicts.at_most(what, f64::from(kilobytes) / 1_000.0, MEMORY_MB_MAX, "MB");
    Ok(())
}

/// Milliseconds from starting the program to its first 200 at this host, and the server.
pub(super) fn time_to_first_answer(launch: &Launch, host: &str) -> Result<(f64, HolmProcess)> {
    let request = Request::get(host, "/");
    let start = Instant::now();
    let starting = launch.spawn()?;
    while start.elapsed() < ANSWER_TIME_MAX {
        // Refused connections are what a server that has not started gives.
        if fetch(launch.site(), &request).is_ok_and(|answer| answer.status == 200) {
            let ms = start.elapsed().as_secs_f64() * 1e3;
            return Ok((ms, starting.ready()?));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    bail!("no answer within {} s", ANSWER_TIME_MAX.as_secs())
}

fn ask_for_everything(server: &HolmProcess, projects: usize) -> Result<()> {
    for project in 0..projects {
        let host = server.production_host(&name(project));
        for index in 1..FILES {
            let answer = server.visit(&host, &path(index))?;
            ensure!(
                answer.status == 200,
                "{host}{} answered {}",
                path(index),
                answer.status
            );
        }
    }
    Ok(())
}
