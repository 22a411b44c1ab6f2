//! `cargo xtask bench NAME`: the figures of docs/reference/performance.md, each with its bound.

mod deploy;
mod edge;
mod fleet;
mod footprint;
mod h2load;
mod nginx;
mod scale;
mod static_files;
mod verdict;
mod wrk;

use std::path::Path;

use anyhow::{Result, bail};

use crate::options::Options;

/// What `cargo xtask` prints about this.
pub(crate) const USAGE: &str = "  bench static    server CPU per request against nginx                          [--rounds N] [--seconds N]
  bench edge      encoded and large bodies, HTTP/2, slow readers against nginx  [--rounds N] [--seconds N] [--only css|js|large|http2|slow]
  bench deploy    10,000 files: first, the same again, one changed              [--rounds N] [--files N]
  bench footprint memory and start-up with 100 projects of 100 files            [--rounds N] [--projects N]
  bench scale     10,000 projects, 100,000 deployments: start, lists, memory, a deploy  [--projects N] [--deployments N] [--rounds N]
  bench rules     100,000 rules in one site: memory, time of a match              [--rules N]
  bench files     1,000 to 1,000,000 files in one site: memory, time of a look-up
";

/// Runs one benchmark.
pub(crate) fn run(root: &Path, name: &str, options: Options) -> Result<()> {
    match name {
        "static" => static_files::run(root, options),
        "edge" => edge::run(root, options),
        "deploy" => deploy::run(root, options),
        "footprint" => footprint::run(root, options),
        "scale" => fleet::run(root, options),
        "rules" => scale::rules(root, options),
        "files" => scale::files(root, options),
        unknown => bail!("there is no benchmark `{unknown}`\n{USAGE}"),
    }
}
