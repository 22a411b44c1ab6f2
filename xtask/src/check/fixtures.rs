//! `check fixtures`: each sample project of the repository is deployed and asked what its
//! `expect.json` says.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::lab::{HolmProcess, Lab, Launch, Tally, copy_folder, run_check_file};
use crate::options::Options;

/// Where the sample projects are: `NAME/site/` is deployed, `NAME/expect.json` lies beside it.
const PROJECTS: &str = "fixtures/projects";

/// Every project, or `--only` one.
pub(crate) fn run(root: &Path, mut options: Options) -> Result<()> {
    let only = options.take::<String>("only")?;
    run_some(&Lab::open(root, options)?, only.as_deref())
}

/// The patterns that the official example of `edgeone.json` expects to work, row by row.
pub(crate) fn run_rules(root: &Path, options: Options) -> Result<()> {
    run_some(&Lab::open(root, options)?, Some("custom-rules"))
}

/// `holm up` with the sample project: it deploys, prints a URL, and the URL answers.
pub(crate) fn run_up(root: &Path, options: Options) -> Result<()> {
    let lab = Lab::open(root, options)?;
    let folder = lab.empty_folder("up")?;
    let hello = lab.root.join(PROJECTS).join("hello");
    let site = folder.join("hello");
    copy_folder(&hello.join("site"), &site)?;
    let launch = Launch::new(&lab.holm, &folder.join("data"))?.up(&site);
    let server = launch.start()?;
    let tally = run_check_file(
        &hello.join("expect.json"),
        server.site(),
        &server.up_host()?,
    )?;
    server.stop()?;
    println!("{tally}");
    tally.verdict()
}

/// Deploys and asks every project, or only one.
pub(crate) fn run_some(lab: &Lab, only: Option<&str>) -> Result<()> {
    let folder = lab.empty_folder("fixtures")?;
    let server = Launch::new(&lab.holm, &folder.join("data"))?
        .with_token()?
        .start()?;
    let mut tally = Tally::default();
    for project in projects(&lab.root.join(PROJECTS))? {
        let name = project
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if only.is_none_or(|only| only == name) {
            tally.add(check_project(lab, &server, &project, name)?);
        }
    }
    println!("{tally}");
    tally.verdict()
}

fn projects(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut projects = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let path = entry?.path();
        if path.join("expect.json").is_file() {
            projects.push(path);
        }
    }
    projects.sort();
    Ok(projects)
}

fn check_project(lab: &Lab, server: &HolmProcess, project: &Path, name: &str) -> Result<Tally> {
    // A copy, because deploying leaves a link to the project beside the files.
    let site = lab.empty_folder(&format!("fixtures/{name}"))?;
    copy_folder(&project.join("site"), &site)?;
    lab.holm.deploy(server, &site, name)?;
    let host = server.production_host(name);
    run_check_file(&project.join("expect.json"), server.site(), &host)
}
