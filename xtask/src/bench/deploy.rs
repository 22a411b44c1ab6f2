//! `bench deploy`: a site of 10,000 files, deployed for the first time, again, and with one file changed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::verdict::Verdicts;
use crate::lab::{Connection, HolmProcess, Lab, Launch, Random, Request, Series, write_file};
use crate::options::Options;
use crate::timed;

const PROJECT: &str = "large";

/// The bytes of all files together.
const TOTAL_BYTES: u64 = 97_000_000;

/// How often the live URL is asked while a deployment is under way.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// How long a change may take before the run gives up.
const CHANGE_TIME_MAX: Duration = Duration::from_secs(30);

/// The page that changes.
const CHANGING: &str = "changing.html";

/// Measures the three kinds of deployment.
pub(crate) fn run(root: &Path, mut options: Options) -> Result<()> {
    let rounds: usize = options.take_or("rounds", 20)?;
    let files: u64 = options.take_or("files", 10_000)?;
    ensure!(
        rounds >= 1 && files >= 2,
        "--rounds is at least 1 and --files at least 2"
    );
    let lab = Lab::open(root, options)?;
    let folder = lab.empty_folder("bench-deploy")?;
    let site = folder.join("site");
    let bytes = write_site(&site, files)?;
    let whole_mib = bytes / (1 << 20);
    println!("{files} files, {bytes} bytes ({whole_mib} MiB)");

    let server = Launch::new(&lab.holm, &folder.join("data"))?
        .with_token()?
        .start()?;
    let mut verdicts = Verdicts::default();
    verdicts.at_most(
        "first upload, durable",
        time_deploy(&lab, &server, &site)?,
        3.0,
        "s",
    );
    verdicts.at_most(
        "the same again",
        time_deploy(&lab, &server, &site)?,
        0.5,
        "s",
    );

    let mut series = Series::default();
    for round in 0..rounds {
        series.push(time_change(&lab, &server, &site, PROJECT, round)? * 1e3);
    }
    println!(
        "one changed file, command start to live URL: p50 {:.0} ms, p95 {:.0} ms, most {:.0} ms, {} rounds",
        series.median(),
        series.percentile(95),
        series.max(),
        series.count()
    );
    verdicts.at_most("one changed file, p95", series.percentile(95), 400.0, "ms");
    server.stop()?;
    verdicts.finish()
}

/// Text and binary files in folders, sizes spread over three orders of magnitude, always the same.
fn write_site(site: &Path, files: u64) -> Result<u64> {
    let mut random = Random::seeded(97);
    let weights: Vec<u64> = (1..files).map(|_| size_weight(&mut random)).collect();
    let weight_sum: u64 = weights.iter().sum();
    let mut total = 0;
    for (index, weight) in weights.iter().enumerate() {
        let size = usize::try_from(TOTAL_BYTES.saturating_mul(*weight) / weight_sum)?.max(16);
        let (extension, bytes) = contents(index, size, &mut random);
        let path = site.join(format!(
            "s{:02}/p{:03}/f{index:05}.{extension}",
            index % 20,
            index % 400
        ));
        write_file(&path, &bytes)?;
        total += u64::try_from(bytes.len())?;
    }
    write_file(&site.join(CHANGING), page(0).as_bytes())?;
    Ok(total)
}

/// Most files are small, a few are large: a product of three even spreads.
fn size_weight(random: &mut Random) -> u64 {
    (1 + random.below(30)) * (1 + random.below(30)) * (1 + random.below(30))
}

fn contents(index: usize, size: usize, random: &mut Random) -> (&'static str, Vec<u8>) {
    const KINDS: &[&str] = &["html", "js", "css", "json", "svg", "png", "webp"];
    const WORDS: &[&str] = &[
        "const ",
        "return ",
        "<div class=\"",
        "\">",
        "function",
        "margin:0;",
        "0x",
        "\n",
        " = ",
        "item",
    ];
    let extension = random.one_of(KINDS);
    let mut bytes = format!("{index} ").into_bytes();
    while bytes.len() < size {
        if matches!(*extension, "png" | "webp") {
            bytes.extend_from_slice(&random.next().to_le_bytes());
        } else {
            bytes.extend_from_slice(random.one_of(WORDS).as_bytes());
            bytes.extend_from_slice(random.below(1_000_000).to_string().as_bytes());
        }
    }
    bytes.truncate(size);
    (extension, bytes)
}

fn page(version: usize) -> String {
    format!("<!doctype html><title>version {version}</title>\n")
}

/// Seconds from the start of the command to its end, which is after the answer that all is durable and served.
fn time_deploy(lab: &Lab, server: &HolmProcess, site: &Path) -> Result<f64> {
    let start = Instant::now();
    lab.holm.deploy(server, site, PROJECT)?;
    Ok(start.elapsed().as_secs_f64())
}

/// Changes one page, deploys, and gives the seconds from the start of the command to the first answer with the
/// new content at the live URL. Each round has its own content.
pub(super) fn time_change(
    lab: &Lab,
    server: &HolmProcess,
    site: &Path,
    project: &str,
    round: usize,
) -> Result<f64> {
    let wanted = page(round + 1);
    write_file(&site.join(CHANGING), wanted.as_bytes())?;
    let folder: PathBuf = site.to_owned();
    let words = server.deploy_words(
        folder.to_str().context("the folder's name is not UTF-8")?,
        project,
    )?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut command = lab.holm.command(&words);
    let log = File::create(site.with_file_name("deploy.log")).context("make the log")?;
    let start = Instant::now();
    let child = command.stdout(Stdio::null()).stderr(log).spawn();
    let child = child.context("start holm deploy")?;
    let seconds = wait_for_content(server, project, &wanted, start)?;
    match timed::wait(child, CHANGE_TIME_MAX)? {
        Some(status) if status.success() => Ok(seconds),
        outcome => bail!("holm deploy ended with {outcome:?}; deploy.log beside the site says why"),
    }
}

fn wait_for_content(
    server: &HolmProcess,
    project: &str,
    wanted: &str,
    start: Instant,
) -> Result<f64> {
    let host = server.production_host(project);
    let request = Request::get(&host, &format!("/{CHANGING}"));
    let mut connection = Connection::open(server.site())?;
    while start.elapsed() < CHANGE_TIME_MAX {
        if connection.send(&request)?.body == wanted.as_bytes() {
            return Ok(start.elapsed().as_secs_f64());
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    bail!(
        "the new content was not live within {} s",
        CHANGE_TIME_MAX.as_secs()
    )
}
