//! The client's words as a program of their own, for this room's tests; people get `holm`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    holm_cli::run(std::env::args_os())
}
