//! `bench scale`: very many projects and deployments: start, lists and look-ups, memory at rest, and what one
//! more deployment costs.
//!
//! The rows, documents and blobs are made by `crates/holm-control/examples/seed.rs`, which says how.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::deploy::time_change;
use super::footprint::time_to_first_answer;
use super::verdict::Verdicts;
use crate::lab::{
    HolmProcess, Lab, Launch, Random, Request, Response, Series, cpu_ticks, resident_bytes,
    ticks_to_seconds, write_file,
};
use crate::options::Options;
use crate::timed;
use crate::workspace::cargo;

/// A list or a look-up at most, in milliseconds.
const PAGE_MS_MAX: f64 = 200.0;

/// Start to first answered request at most, in milliseconds.
const START_MS_MAX: f64 = 2_000.0;

/// One small deployment from the command's start to the live URL at most, in milliseconds.
const DEPLOY_MS_MAX: f64 = 400.0;

/// Processor time of an idle server at most, in seconds a minute.
const IDLE_SECONDS_MAX: f64 = 0.6;

/// How often the server is started.
const STARTS: usize = 5;

/// Deployments that the one deep project has, at most a tenth of all.
const DEEP_DEPLOYMENTS: u64 = 1_000;

/// Deployments that are timed: enough that changes of the snapshot are folded between.
const TIMED_DEPLOYMENTS: usize = 300;

/// Changes of the snapshot that a start has to read: nearly as many as there can be. At 256 they are folded, and one
/// deployment makes up to three.
const PENDING_CHANGES: usize = 250;

/// How long filling the data folder may take, the build included.
const SEED_TIME_MAX: Duration = Duration::from_hours(1);

/// How long the server is left alone before it is measured at rest, and for how long it is watched.
const REST_TIME: Duration = Duration::from_secs(10);

/// Items of a page of a list.
const PAGE_ITEMS: u64 = 100;

/// The bench asks more often than a person may; and there are more projects than the default permits.
const SETTINGS: &str = "[limits]
\"control.projects_max\" = 1000000
\"control.actor_requests_max\" = 10000000
\"control.address_requests_max\" = 10000000
";

/// Measures everything.
pub(crate) fn run(root: &Path, mut options: Options) -> Result<()> {
    let projects: u64 = options.take_or("projects", 10_000)?;
    let deployments: u64 = options.take_or("deployments", 100_000)?;
    let rounds: usize = options.take_or("rounds", 100)?;
    ensure!(
        projects >= 2 && deployments >= projects && rounds >= 1,
        "--projects is at least 2, --deployments at least as many, --rounds at least 1"
    );
    let lab = Lab::open(root, options)?;
    let folder = lab.empty_folder("bench-scale")?;
    let data = folder.join("data");
    write_file(&data.join("holm.toml"), SETTINGS.as_bytes())?;
    let launch = Launch::new(&lab.holm, &data)?.with_token()?;
    let fleet = Fleet {
        projects,
        deep: DEEP_DEPLOYMENTS.min(deployments / 10),
        rounds,
    };
    seed(root, &data, projects, deployments, fleet.deep)?;
    println!("{projects} projects, {deployments} deployments");
    let mut verdicts = Verdicts::default();
    let server = fleet.start(&launch, &mut verdicts)?;
    at_rest("after the start", &server, &mut verdicts)?;
    fleet.ask(&server, &mut verdicts)?;
    fleet.visit(&server, &mut verdicts)?;
    resident("after the requests", &server)?;
    fleet.deploy(&lab, &server, &folder.join("site"), &mut verdicts)?;
    at_rest("after the deployments", &server, &mut verdicts)?;
    let server = fleet.start_with_changes(&lab, server, &launch, &folder, &mut verdicts)?;
    server.stop()?;
    verdicts.finish()
}

fn seed(root: &Path, data: &Path, projects: u64, deployments: u64, deep: u64) -> Result<()> {
    let start = Instant::now();
    let mut command = Command::new(cargo());
    command
        .args(["run", "--quiet", "--locked", "--package", "holm-control"])
        .args(["--features", "seed", "--example", "seed", "--"])
        .arg(data)
        .args([projects, deployments, deep].map(|number| number.to_string()))
        .current_dir(root);
    timed::run(&mut command, SEED_TIME_MAX)?;
    println!("seeded in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// What was made, and how often each thing is asked.
struct Fleet {
    projects: u64,
    /// Deployments of the first project.
    deep: u64,
    rounds: usize,
}

/// A deployment as a list shows it.
struct Listed {
    id: String,
    /// Host and port of its URL.
    host: String,
    url: String,
}

impl Fleet {
    fn name(index: u64) -> String {
        format!("scale-{index:05}")
    }

    fn start(&self, launch: &Launch, verdicts: &mut Verdicts) -> Result<HolmProcess> {
        let host = launch.production_host(&Self::name(self.projects - 1));
        // The first start finds everything unpublished, which never happens by itself.
        let (ms, server) = time_to_first_answer(launch, &host)?;
        println!("the first start, which publishes everything: {ms:.0} ms");
        server.stop()?;
        let mut series = Series::default();
        for _ in 1..STARTS {
            let (ms, server) = time_to_first_answer(launch, &host)?;
            series.push(ms);
            server.stop()?;
        }
        let (ms, server) = time_to_first_answer(launch, &host)?;
        series.push(ms);
        let what = "start to first answered request, median";
        verdicts.at_most(what, series.median(), START_MS_MAX, "ms");
        Ok(server)
    }

    /// Every kind of list and look-up.
    fn ask(&self, server: &HolmProcess, verdicts: &mut Verdicts) -> Result<()> {
        let mut random = Random::seeded(7);
        let lists = [
            ("project_list", "/v1/projects".to_owned(), self.projects),
            (
                "deployment_list",
                format!("/v1/projects/{}/deployments", Self::name(0)),
                self.deep,
            ),
        ];
        for (what, path, count) in lists {
            for (place, page) in pages(server, &path, count)? {
                self.time(&format!("{what}, {place} page"), verdicts, |_| {
                    succeeded(server.call("GET", &page)?)
                })?;
            }
        }
        let ids = project_ids(server)?;
        let name = |random: &mut Random| Self::name(random.below(self.projects));
        self.time("project_view by name", verdicts, |_| {
            succeeded(server.call("GET", &format!("/v1/projects/{}", name(&mut random)))?)
        })?;
        self.time("project_view by id", verdicts, |round| {
            let id = &ids[round % ids.len()];
            succeeded(server.call("GET", &format!("/v1/projects/{id}"))?)
        })?;
        let listed = self.some_deployments(server)?;
        self.time("deployment_view", verdicts, |round| {
            let (project, deployment) = &listed[round % listed.len()];
            let path = format!("/v1/projects/{project}/deployments/{}", deployment.id);
            succeeded(server.call("GET", &path)?)
        })?;
        self.time("explain_view", verdicts, |round| {
            let (_, deployment) = &listed[round % listed.len()];
            let path = format!(
                "/v1/explain?url={}/index.html",
                deployment.url.trim_end_matches('/')
            );
            succeeded(server.call("GET", &path)?)
        })?;
        let cookie = sign_in(server)?;
        self.time("status page", verdicts, |_| {
            let request = Request::get("", "/").header("cookie", &cookie);
            let answer = succeeded(server.browse(request)?)?;
            ensure!(
                answer.text().contains("Newest deployments"),
                "the status page does not know its owner"
            );
            Ok(answer)
        })
    }

    /// A visitor's requests, each to another deployment that nobody has asked for yet.
    fn visit(&self, server: &HolmProcess, verdicts: &mut Verdicts) -> Result<()> {
        let listed = self.some_deployments(server)?;
        self.time("a visitor's first request", verdicts, |round| {
            let (_, deployment) = &listed[round % listed.len()];
            succeeded(server.visit(&deployment.host, "/")?)
        })
    }

    /// A few deployments of projects all over the place.
    fn some_deployments(&self, server: &HolmProcess) -> Result<Vec<(String, Listed)>> {
        let mut random = Random::seeded(11);
        let mut found = Vec::new();
        for _ in 0..self.rounds {
            let project = Self::name(random.below(self.projects));
            let path = format!("/v1/projects/{project}/deployments?limit={PAGE_ITEMS}");
            let page = json(&server.call("GET", &path)?)?;
            let items = page["data"].as_array().context("a page has no data")?;
            let item = random.one_of(items);
            let url = item["url"].as_str().context("a deployment has no URL")?;
            let host = url.trim_start_matches("http://").trim_end_matches('/');
            let listed = Listed {
                id: item["id"].as_str().unwrap_or_default().to_owned(),
                host: host.to_owned(),
                url: url.to_owned(),
            };
            found.push((project, listed));
        }
        Ok(found)
    }

    fn time(
        &self,
        what: &str,
        verdicts: &mut Verdicts,
        mut ask: impl FnMut(usize) -> Result<Response>,
    ) -> Result<()> {
        let mut series = Series::default();
        for round in 0..self.rounds {
            let start = Instant::now();
            ask(round).with_context(|| what.to_owned())?;
            series.push(start.elapsed().as_secs_f64() * 1e3);
        }
        let what = format!(
            "{what}, p95 of {} (p50 {:.1} ms)",
            self.rounds,
            series.median()
        );
        verdicts.at_most(&what, series.percentile(95), PAGE_MS_MAX, "ms");
        Ok(())
    }

    fn deploy(
        &self,
        lab: &Lab,
        server: &HolmProcess,
        site: &Path,
        verdicts: &mut Verdicts,
    ) -> Result<()> {
        write_file(
            &site.join("index.html"),
            b"<!doctype html><title>one more</title>\n",
        )?;
        let project = Self::name(self.projects / 2);
        let mut series = Series::default();
        // The first changes every file of the project.
        time_change(lab, server, site, &project, 0)?;
        for round in 1..=TIMED_DEPLOYMENTS {
            series.push(time_change(lab, server, site, &project, round)? * 1e3);
        }
        let what = format!(
            "one small deployment, command start to live URL, p95 of {} (p50 {:.0} ms)",
            series.count(),
            series.median()
        );
        verdicts.at_most(&what, series.percentile(95), DEPLOY_MS_MAX, "ms");
        Ok(())
    }

    /// A start after a crash that has left as many changes of the snapshot as there can be.
    fn start_with_changes(
        &self,
        lab: &Lab,
        server: HolmProcess,
        launch: &Launch,
        folder: &Path,
        verdicts: &mut Verdicts,
    ) -> Result<HolmProcess> {
        let (site, snapshots) = (folder.join("site"), folder.join("data").join("snapshots"));
        let mut pending = pending_changes(&snapshots)?;
        for round in 0..TIMED_DEPLOYMENTS {
            if pending >= PENDING_CHANGES {
                break;
            }
            // Another project each time, so that no change is large.
            let project = Self::name(1 + round as u64 % (self.projects - 1));
            time_change(lab, &server, &site, &project, TIMED_DEPLOYMENTS + 1 + round)?;
            pending = pending_changes(&snapshots)?;
        }
        server.kill_now()?;
        drop(server);
        let host = launch.production_host(&Self::name(self.projects - 1));
        let (ms, server) = time_to_first_answer(launch, &host)?;
        let what = format!("start to first answered request with {pending} changes");
        verdicts.at_most(&what, ms, START_MS_MAX, "ms");
        Ok(server)
    }
}

/// Changes that lie on the newest whole snapshot.
fn pending_changes(snapshots: &Path) -> Result<usize> {
    let (mut newest_whole, mut changes) = (0, Vec::new());
    for entry in std::fs::read_dir(snapshots).context("list the snapshots")? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix(".bin") else {
            continue;
        };
        if let Some(version) = stem.strip_prefix("snapshot-") {
            newest_whole = newest_whole.max(version.parse::<u64>()?);
        } else if let Some(version) = stem.strip_prefix("change-") {
            changes.push(version.parse::<u64>()?);
        }
    }
    Ok(changes
        .iter()
        .filter(|version| **version > newest_whole)
        .count())
}

fn json(answer: &Response) -> Result<Value> {
    serde_json::from_slice(&answer.body).context("read the answer")
}

fn succeeded(answer: Response) -> Result<Response> {
    ensure!(
        answer.status == 200,
        "the answer is {}: {}",
        answer.status,
        answer.text()
    );
    Ok(answer)
}

/// The first page of a list, one in the middle and the last one, by their cursors.
fn pages(server: &HolmProcess, path: &str, count: u64) -> Result<[(&'static str, String); 3]> {
    let first = format!("{path}?limit={PAGE_ITEMS}");
    let (mut page, mut middle) = (first.clone(), first.clone());
    for number in 1.. {
        let answer = json(&succeeded(server.call("GET", &page)?)?)?;
        let Some(cursor) = answer["next_cursor"].as_str() else {
            break;
        };
        page = format!("{first}&cursor={cursor}");
        if number == count / PAGE_ITEMS / 2 {
            middle.clone_from(&page);
        }
    }
    Ok([("first", first), ("middle", middle), ("last", page)])
}

fn project_ids(server: &HolmProcess) -> Result<Vec<String>> {
    let path = format!("/v1/projects?limit={PAGE_ITEMS}");
    let page = json(&server.call("GET", &path)?)?;
    let items = page["data"].as_array().context("a page has no data")?;
    let ids = items.iter().filter_map(|item| item["id"].as_str());
    Ok(ids.map(str::to_owned).collect())
}

/// Becomes the owner and gives the session's cookie.
fn sign_in(server: &HolmProcess) -> Result<String> {
    let link = server.owner_link()?;
    let (_, code) = link
        .split_once("code=")
        .context("an owner link has a code")?;
    let mut request = Request::new("POST", "", "/claim")
        .header("content-type", "application/x-www-form-urlencoded");
    request.body = format!("code={code}").into_bytes();
    let answer = succeeded(server.browse(request)?)?;
    let cookie = answer.header("set-cookie").context("no session came")?;
    Ok(cookie.split(';').next().unwrap_or_default().to_owned())
}

/// Processor time and memory of a server that nobody asks anything.
fn at_rest(when: &str, server: &HolmProcess, verdicts: &mut Verdicts) -> Result<()> {
    std::thread::sleep(REST_TIME);
    let before = cpu_ticks(server.pid())?;
    std::thread::sleep(REST_TIME);
    let spent = ticks_to_seconds(cpu_ticks(server.pid())? - before);
    let a_minute = spent * 60.0 / REST_TIME.as_secs_f64();
    let what = format!("idle processor time {when}");
    verdicts.at_most(&what, a_minute, IDLE_SECONDS_MAX, "s a minute");
    resident(when, server)
}

/// Prints the memory; it is documented, and has no bound.
fn resident(when: &str, server: &HolmProcess) -> Result<()> {
    let megabytes = f64::from(u32::try_from(resident_bytes(server.pid())? / 1_000)?) / 1_000.0;
    println!("      resident memory {when}: {megabytes:.0} MB");
    Ok(())
}
