//! `check sites`: real sites, made by their frameworks' own commands, built by npm, deployed, asked.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::acceptance::Acceptance;
use super::{fixtures, node};
use crate::lab::{HolmProcess, Lab, Launch};
use crate::options::Options;
use crate::timed;

/// The static sites among the framework projects of the acceptance material.
const SITES: &[&str] = &["fw-vite-react-ts", "fw-eleventy", "fw-astro7-static"];

/// The checks of all framework projects.
const CHECKS: &str = "frameworks.json";

/// How long one command of a site may take; `npm install` is the longest.
const COMMAND_TIME_MAX: Duration = Duration::from_mins(8);

/// One framework project, as far as this check reads it.
#[derive(Debug, Deserialize)]
struct Site {
    project: String,
    /// The Node.js it wants, as a major version.
    node: u64,
    /// Shell commands, in order.
    prepare: Vec<String>,
    build: String,
    /// The folder that the build makes.
    output: String,
    /// The folder that the first command makes; the others run in it.
    folder_after_create: Option<String>,
    requests: Vec<serde_json::Value>,
}

/// Builds, deploys and asks every site.
pub(crate) fn run(root: &Path, mut options: Options) -> Result<()> {
    let acceptance = Acceptance::find(root, &mut options)?;
    let lab = Lab::open(root, options)?;
    let Some(acceptance) = acceptance else {
        println!("running the smaller projects of fixtures/projects instead");
        return fixtures::run_some(&lab, None);
    };
    let data = lab.empty_folder("sites-data")?.join("data");
    let server = Launch::new(&lab.holm, &data)?.with_token()?.start()?;
    let mut failures = Vec::new();
    for name in SITES {
        let start = Instant::now();
        let outcome = check_site(&lab, &acceptance, &server, name);
        let verdict = outcome.as_ref().map_or("FAILED", |()| "passed");
        println!(
            "{name}: {verdict} in {:.1} s",
            start.elapsed().as_secs_f64()
        );
        failures.extend(outcome.err().map(|error| format!("{name}: {error:#}")));
    }
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    println!("{} passed, 0 failed", SITES.len());
    Ok(())
}

fn check_site(lab: &Lab, acceptance: &Acceptance, server: &HolmProcess, name: &str) -> Result<()> {
    let site = find_site(acceptance, name)?;
    // The script passes over requests that need the internet, and a run of none has not passed.
    let asks = |request: &serde_json::Value| request["offline"] != false;
    ensure!(
        site.requests.iter().any(asks),
        "{CHECKS} asks nothing of {name}"
    );
    let output = build(lab, acceptance, &site)?;
    lab.holm.deploy(server, &output, name)?;
    let base = format!("http://{}", server.site());
    let host = server.production_host(name);
    let checks = acceptance.path(CHECKS);
    let checks = checks
        .to_str()
        .context("the acceptance folder's name is not UTF-8")?;
    acceptance.python(
        "tools/runchecks.py",
        &["--base", &base, "--host", &host, "--project", name, checks],
    )
}

fn find_site(acceptance: &Acceptance, name: &str) -> Result<Site> {
    let all = acceptance.json(CHECKS)?;
    let found = all
        .as_array()
        .into_iter()
        .flatten()
        .find(|site| site["project"] == name);
    let found = found.with_context(|| format!("{CHECKS} has no project {name}"))?;
    serde_json::from_value(found.clone()).with_context(|| format!("read {name} in {CHECKS}"))
}

/// Runs the site's own commands in an empty work folder and gives the folder to deploy.
fn build(lab: &Lab, acceptance: &Acceptance, site: &Site) -> Result<PathBuf> {
    let work = lab.empty_folder(&format!("sites/{}", site.project))?;
    let shell = Shell {
        path: node::path_with_node(site.node, &lab.work)?,
        acceptance: acceptance.path(""),
        work: work.clone(),
    };
    let mut folder = work;
    for (index, command) in site.prepare.iter().enumerate() {
        shell.run(command, &folder)?;
        if let (0, Some(made)) = (index, &site.folder_after_create) {
            folder = folder.join(made);
        }
    }
    shell.run(&site.build, &folder)?;
    let output = folder.join(&site.output);
    ensure!(
        output.is_dir(),
        "the build of {} made no folder {}",
        site.project,
        site.output
    );
    Ok(output)
}

struct Shell {
    path: OsString,
    acceptance: PathBuf,
    work: PathBuf,
}

impl Shell {
    fn run(&self, script: &str, folder: &Path) -> Result<()> {
        println!("$ {script}");
        let mut command = Command::new("sh");
        command
            .args(["-c", script])
            .current_dir(folder)
            .env("PATH", &self.path)
            .env("ACCEPTANCE", &self.acceptance)
            .env("W", &self.work)
            .env("CI", "true")
            .env("NO_COLOR", "1")
            .env("ASTRO_TELEMETRY_DISABLED", "1");
        timed::run(&mut command, COMMAND_TIME_MAX)
    }
}
