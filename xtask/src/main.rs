//! Chores: `cargo xtask NAME`. Each chore is one file or folder here, named for it.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    reason = "a chore speaks to the person who runs it"
)]

mod architecture;
mod arrows;
mod bench;
mod check;
mod finding;
mod fuzz;
mod lab;
mod options;
mod root;
mod test;
mod tidy;
mod timed;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::options::Options;

const USAGE: &str = "\
usage: cargo xtask CHORE

  arrows          compare architecture.toml with the crates' dependencies
  tidy            headers, sizes, documents, manifests, stray files
  test            everything that CI runs, in its order; `test STEP...` runs some of it
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let root = root::find()?;
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["arrows"] => arrows::run(&root),
        ["tidy"] => tidy::run(&root),
        ["test", options @ ..] => test::run(&root, options),
        ["check", name, options @ ..] => check::run(&root, name, Options::parse(options)?),
        ["bench", name, options @ ..] => bench::run(&root, name, Options::parse(options)?),
        ["fuzz", options @ ..] => fuzz::run(&root, options),
        [] | ["help" | "--help" | "-h"] => {
            print!(
                "{USAGE}{}{}{}\nEvery check and benchmark takes `--holm PATH`; without it the release program is built.\n",
                fuzz::USAGE,
                check::USAGE,
                bench::USAGE
            );
            Ok(())
        }
        [unknown, ..] => bail!("there is no chore `{unknown}`; `cargo xtask help` lists them"),
    }
}
