//! `holm completion`: a script for a shell.

use clap_complete::{generate, shells};

use super::Session;
use crate::args::{CompletionArgs, Shell};

pub(super) fn run(session: &Session<'_>, args: &CompletionArgs, mut whole: clap::Command) {
    let mut script = Vec::new();
    match args.shell {
        Shell::Bash => generate(shells::Bash, &mut whole, "holm", &mut script),
        Shell::Zsh => generate(shells::Zsh, &mut whole, "holm", &mut script),
        Shell::Fish => generate(shells::Fish, &mut whole, "holm", &mut script),
    }
    session
        .printer
        .result_text(&String::from_utf8_lossy(&script));
}
