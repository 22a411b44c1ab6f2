//! `cargo xtask check NAME`: the release program shown to do what it must, from outside.

mod acceptance;
mod crash;
mod faults;
mod fixtures;
mod flips;
mod framing;
mod node;
mod openapi;
mod rawhttp;
mod s3;
mod sites;
mod upgrade;
mod visitors;

pub(crate) use acceptance::Acceptance;
pub(crate) use faults::unable as unable_to_check_faults;
pub(crate) use s3::Moto;

use std::path::Path;

use anyhow::{Result, bail};

use crate::options::Options;

/// What `cargo xtask` prints about this.
pub(crate) const USAGE: &str = "  check fixtures  deploy fixtures/projects and ask what their expect.json says  [--only NAME]
  check rules     the same for custom-rules alone
  check up        `holm up` with the sample project
  check sites     build Vite, Eleventy and Astro sites with npm, deploy, ask   [--acceptance DIR]
  check rawhttp   raw HTTP/1.1 cases before and after load                      [--acceptance DIR]
  check framing   heads that can be read in two ways, sent to Holm and Node's http [--cases N] [--seed N]
  check openapi   schemathesis on /v1/openapi.json: no 500, no undeclared answer [--examples N] [--seed N]
  check faults    a disk that is full, runs over at every moment, is read-only (as root)
  check s3        blobs in a real S3 server (moto), started here; pip installs it into the target folder
  check crash     kill -9 at random moments; nothing torn, nothing lost         [--rounds N] [--seed N]
  check flips     promote and roll back under load; no answer fails or mixes   [--count N]
  check upgrade   `serve --take-over` under load; no request fails             [--rounds N]
";

/// Runs one check.
pub(crate) fn run(root: &Path, name: &str, options: Options) -> Result<()> {
    match name {
        "fixtures" => fixtures::run(root, options),
        "rules" => fixtures::run_rules(root, options),
        "up" => fixtures::run_up(root, options),
        "sites" => sites::run(root, options),
        "rawhttp" => rawhttp::run(root, options),
        "framing" => framing::run(root, options),
        "openapi" => openapi::run(root, options),
        "faults" => faults::run(root, options),
        "s3" => s3::run(root, options),
        "crash" => crash::run(root, options),
        "flips" => flips::run(root, options),
        "upgrade" => upgrade::run(root, options),
        unknown => bail!("there is no check `{unknown}`\n{USAGE}"),
    }
}
