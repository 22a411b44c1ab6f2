//! The launcher of function processes alone, for this room's own tests; users have it within `holm`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    holm_functions::launcher::run(std::env::args_os().skip(2))
}
