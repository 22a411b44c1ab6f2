//! `check openapi`: every operation of the document called with generated requests, good and bad, by
//! schemathesis; nothing may answer 500, and nothing that the document does not declare.

mod fixture;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use self::fixture::Fixture;
use crate::lab::{Lab, Launch, python_program, write_file};
use crate::options::Options;
use crate::timed;

/// Pinned, because a newer one finds other things on another day.
const REQUIREMENT: &str = "schemathesis==4.32.5";

/// What schemathesis has to know about Holm.
const HOOKS: &str = "xtask/src/check/openapi/hooks.py";

/// A project that is there for most of the calls.
const PROJECT: &str = "openapi";

/// How long the run may take.
const RUN_TIME_MAX: Duration = Duration::from_mins(20);

/// What must hold of every answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_schema_conformance,response_headers_conformance";

/// Starts a server with one site and lets schemathesis at it as the owner.
pub(crate) fn run(root: &Path, mut options: Options) -> Result<()> {
    let examples: u32 = options.take_or("examples", 50)?;
    let seed: u64 = options.take_or("seed", 1)?;
    ensure!(examples >= 1, "--examples is at least 1");
    let lab = Lab::open(root, options)?;
    let schemathesis = python_program(&lab.work, REQUIREMENT, "schemathesis")?;
    let folder = lab.empty_folder("openapi")?;
    let site = folder.join("site");
    write_file(
        &site.join("index.html"),
        b"<!doctype html><title>openapi</title>\n",
    )?;
    let server = Launch::new(&lab.holm, &folder.join("data"))?
        .up(&site)
        .start()?;
    let deployed = lab.holm.deploy(&server, &site, PROJECT)?;
    let fixture = Fixture::make(&server, PROJECT, &deployed.id)?;
    let mut command = Command::new(schemathesis);
    command
        .arg("run")
        .arg(format!("{}/v1/openapi.json", server.api_url()))
        .args([
            "--header",
            &format!("Authorization: Bearer {}", fixture.token),
        ])
        .args(["--checks", CHECKS])
        .args(["--max-examples", &examples.to_string()])
        .args(["--seed", &seed.to_string()])
        // The hooks filter what would end the run itself.
        .args(["--suppress-health-check", "filter_too_much"])
        .args(["--generation-database", "none", "--request-timeout", "20"])
        .env("SCHEMATHESIS_HOOKS", lab.root.join(HOOKS))
        .env("HOLM_CHECK_KNOWN", fixture.known.to_string())
        .env("HOLM_CHECK_KEPT", fixture.kept.join(" "))
        .env(
            "HOLM_CHECK_SITE",
            format!("http://{}", server.production_host(PROJECT)),
        )
        .current_dir(&folder);
    timed::run(&mut command, RUN_TIME_MAX).context("schemathesis found something")
}
