//! `bench static`: server CPU per request against nginx (decision record: docs/adr/0006-hyper.md).
//!
//! Each server has one worker on core 0, the load generator is on core 1, the two take turns, and the
//! figure is the median over the rounds of user and system time of the whole process tree per request.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::nginx::Nginx;
use super::verdict::Verdicts;
use super::wrk::Load;
use crate::lab::{
    Lab, Launch, Request, Series, cpu_ticks, fetch, require, ticks_to_seconds, write_file,
};
use crate::options::Options;

const SERVER_CORE: usize = 0;
const LOAD_CORE: usize = 1;
const PROJECT: &str = "bench";

/// One kind of request, and how much of nginx's CPU it may take.
struct Scenario {
    name: &'static str,
    path: &'static str,
    is_conditional: bool,
    status: u16,
    missing: Missing,
    share_max: f64,
}

/// What the two servers do about a file that is not there; nginx has three ways that cost differently.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    /// nginx as it comes, with only the access log off: it writes a line to its error log. Holm writes
    /// its access record, as always.
    Logged,
    /// nginx writes nothing at all and sends its built-in page of 153 bytes; Holm sends its own page.
    Silent,
    /// Both send the site's `404.html`; nginx writes nothing.
    SitePage,
}

const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "1 KB html",
        path: "/page.html",
        is_conditional: false,
        status: 200,
        missing: Missing::Silent,
        share_max: 1.0 / 1.6,
    },
    Scenario {
        name: "304",
        path: "/page.html",
        is_conditional: true,
        status: 304,
        missing: Missing::Silent,
        share_max: 1.0 / 1.4,
    },
    Scenario {
        name: "404, error log on",
        path: "/missing",
        is_conditional: false,
        status: 404,
        missing: Missing::Logged,
        share_max: 1.0 / 1.4,
    },
    Scenario {
        name: "404, site's page",
        path: "/missing",
        is_conditional: false,
        status: 404,
        missing: Missing::SitePage,
        share_max: 1.0 / 1.4,
    },
    Scenario {
        name: "404, silent nginx",
        path: "/missing",
        is_conditional: false,
        status: 404,
        missing: Missing::Silent,
        share_max: 1.0 / 1.4,
    },
];

/// A server under measurement.
struct Subject {
    address: SocketAddr,
    /// The host to name for each way of missing a file.
    hosts: fn(&str, Missing) -> String,
    base: String,
    pid: u32,
}

impl Subject {
    fn host(&self, scenario: &Scenario) -> String {
        (self.hosts)(&self.base, scenario.missing)
    }
}

/// nginx has a server block for each way.
fn nginx_host(base: &str, missing: Missing) -> String {
    match missing {
        Missing::Logged => format!("logged.{base}"),
        Missing::Silent => base.to_owned(),
        Missing::SitePage => format!("page.{base}"),
    }
}

/// Holm has two projects: one with a `404.html` and one without.
fn holm_host(base: &str, missing: Missing) -> String {
    match missing {
        Missing::Logged | Missing::Silent => base.to_owned(),
        Missing::SitePage => format!("page-{base}"),
    }
}

/// CPU per request in microseconds and requests a second, one value a round.
#[derive(Default)]
struct Figures {
    cpu_us: Series,
    rate: Series,
}

/// Measures both servers in turns and compares. `--only TEXT` measures the scenarios whose name has it.
pub(crate) fn run(root: &Path, mut options: Options) -> Result<()> {
    let rounds: usize = options.take_or("rounds", 5)?;
    let seconds: u32 = options.take_or("seconds", 4)?;
    let only: String = options.take_or("only", String::new())?;
    ensure!(
        rounds >= 1 && seconds >= 1,
        "--rounds and --seconds are at least 1"
    );
    for program in [
        ("nginx", "nginx"),
        ("wrk", "wrk"),
        ("taskset", "util-linux"),
    ] {
        require(program.0, program.1)?;
    }
    let lab = Lab::open(root, options)?;
    let folder = lab.empty_folder("bench-static")?;
    let site = folder.join("site");
    write_site(&site)?;

    let launch = Launch::new(&lab.holm, &folder.join("data"))?
        .pinned(1, SERVER_CORE)
        .with_token()?;
    let server = launch.start()?;
    lab.holm.deploy(&server, &site, PROJECT)?;
    let with_page = folder.join("with-page");
    write_site(&with_page)?;
    write_file(&with_page.join("404.html"), &page())?;
    lab.holm
        .deploy(&server, &with_page, &format!("page-{PROJECT}"))?;
    let host = server.production_host(PROJECT);
    let nginx = Nginx::start(&folder, [&site, &with_page], &host, SERVER_CORE)?;
    let holm = Subject {
        address: server.site(),
        hosts: holm_host,
        base: host.clone(),
        pid: server.pid(),
    };
    let anchor = Subject {
        address: nginx.address,
        hosts: nginx_host,
        base: host,
        pid: nginx.pid(),
    };

    println!(
        "{rounds} rounds of {seconds} s each, alternating; server on core {SERVER_CORE}, load on core {LOAD_CORE}"
    );
    let mut verdicts = Verdicts::default();
    for scenario in SCENARIOS.iter().filter(|one| one.name.contains(&only)) {
        compare(scenario, [&anchor, &holm], rounds, seconds, &mut verdicts)
            .with_context(|| format!("scenario {}", scenario.name))?;
    }
    verdicts.finish()
}

/// A page of 1,024 bytes, its neighbours, and no rules.
fn write_site(site: &Path) -> Result<()> {
    write_file(&site.join("page.html"), &page())?;
    write_file(
        &site.join("index.html"),
        b"<!doctype html><title>index</title>\n",
    )
}

fn page() -> Vec<u8> {
    let head = "<!doctype html><title>bench</title>\n";
    format!("{head}{}\n", "x".repeat(1_024 - head.len() - 1)).into_bytes()
}

fn compare(
    scenario: &Scenario,
    [anchor, holm]: [&Subject; 2],
    rounds: usize,
    seconds: u32,
    verdicts: &mut Verdicts,
) -> Result<()> {
    let loads = [
        prepare(scenario, anchor, seconds)?,
        prepare(scenario, holm, seconds)?,
    ];
    let mut figures = [Figures::default(), Figures::default()];
    for _ in 0..rounds {
        for ((subject, load), figures) in [anchor, holm].iter().zip(&loads).zip(&mut figures) {
            measure(subject, load, figures)?;
        }
    }
    let [anchor, holm] = &figures;
    let share = holm.cpu_us.median() / anchor.cpu_us.median();
    for (name, figures) in [("nginx", anchor), ("holm", holm)] {
        println!(
            "{:18} {name:6} {:7.2} us CPU a request (median of {}), {:8.0} requests/s",
            scenario.name,
            figures.cpu_us.median(),
            figures.cpu_us.count(),
            figures.rate.median()
        );
    }
    println!(
        "{:18} nginx uses {:.2} times the CPU",
        scenario.name,
        1.0 / share
    );
    verdicts.at_most(
        &format!("{} holm/nginx", scenario.name),
        share,
        scenario.share_max,
        "of nginx",
    );
    Ok(())
}

/// Asks once to see that the answer is the right one; gives the load.
fn prepare(scenario: &Scenario, subject: &Subject, seconds: u32) -> Result<Load> {
    let host = subject.host(scenario);
    let mut headers = vec![format!("Host: {host}")];
    let mut request = Request::get(&host, scenario.path);
    if scenario.is_conditional {
        let tag = fetch(subject.address, &request)?
            .header("etag")
            .context("the page has no ETag")?;
        headers.push(format!("If-None-Match: {tag}"));
        request = request.header("if-none-match", &tag);
    }
    let answer = fetch(subject.address, &request)?;
    ensure!(
        answer.status == scenario.status,
        "the answer is {}, not {}",
        answer.status,
        scenario.status
    );
    Ok(Load {
        url: format!("http://{}{}", subject.address, scenario.path),
        headers,
        seconds,
        core: LOAD_CORE,
        is_error: scenario.status >= 400,
        connections: 64,
    })
}

fn measure(subject: &Subject, load: &Load, figures: &mut Figures) -> Result<()> {
    let before = cpu_ticks(subject.pid)?;
    let outcome = load.run()?;
    let spent = ticks_to_seconds(cpu_ticks(subject.pid)? - before);
    let count = u32::try_from(outcome.request_count).context("count the requests")?;
    figures.cpu_us.push(spent * 1e6 / f64::from(count));
    figures.rate.push(outcome.requests_per_second);
    Ok(())
}
