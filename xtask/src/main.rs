//! Chores: `cargo xtask NAME`. Each chore is one file or folder here, named for it.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    reason = "a chore speaks to the person who runs it"
)]

mod architecture;
mod arrows;
mod finding;
mod root;
mod test;
mod tidy;
mod timed;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask CHORE

  arrows          compare architecture.toml with the crates' dependencies
  tidy            headers, sizes, documents, manifests, stray files
  test            everything that CI runs, in its order
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
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        [unknown, ..] => bail!("there is no chore `{unknown}`\n{USAGE}"),
    }
}
