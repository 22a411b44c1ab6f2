//! Words about what stands before a project's hosts: `protect`, `rules`, `share`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use holm_api::{ProtectionCoverage, ProtectionModeName, RefusalName};

use super::{Connection, ProjectChoice};

/// `holm protect`.
#[derive(Debug, Args)]
pub(crate) struct ProtectArgs {
    /// What a visitor must show; without it and any flag, the protection is only printed
    #[arg(value_name = "MODE")]
    pub mode: Option<Mode>,
    /// Which hosts; custom domains never are
    #[arg(long, value_name = "HOSTS")]
    pub covers: Option<Covers>,
    /// What a visitor sees who may not come in
    #[arg(long, value_name = "PAGE")]
    pub refusal: Option<Refusal>,
    /// Read the new password from standard input
    #[arg(long)]
    pub password_stdin: bool,
    /// Make a new key: all links and cookies so far stop working
    #[arg(long)]
    pub rotate_key: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub project: ProjectChoice,
    #[command(flatten)]
    pub connection: Connection,
}

impl ProtectArgs {
    /// Whether anything is to be changed.
    pub(crate) fn changes(&self) -> bool {
        self.mode.is_some()
            || self.covers.is_some()
            || self.refusal.is_some()
            || self.password_stdin
            || self.rotate_key
    }
}

/// What a visitor must show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Nothing
    Public,
    /// A link of `holm share`
    Signed,
    /// The password, or a link
    Password,
}

impl From<Mode> for ProtectionModeName {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Public => Self::Public,
            Mode::Signed => Self::Signed,
            Mode::Password => Self::Password,
        }
    }
}

/// Which hosts are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Covers {
    /// Deployments and branches
    Previews,
    /// The production host under the base domain too
    All,
}

impl From<Covers> for ProtectionCoverage {
    fn from(covers: Covers) -> Self {
        match covers {
            Covers::Previews => Self::Previews,
            Covers::All => Self::All,
        }
    }
}

/// What a visitor sees who may not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Refusal {
    /// 401, or the form for the password
    Unauthorized,
    /// The 404 of a host that does not exist
    NotFound,
}

impl From<Refusal> for RefusalName {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unauthorized => Self::Unauthorized,
            Refusal::NotFound => Self::NotFound,
        }
    }
}

/// `holm rules`.
#[derive(Debug, Args)]
pub(crate) struct RulesArgs {
    /// Replace the rules by those of this JSON file; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub set: Option<PathBuf>,
    /// Print one JSON object, in the form that --set takes
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub project: ProjectChoice,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm share`.
#[derive(Debug, Args)]
pub(crate) struct ShareArgs {
    /// A deployment's id, label or URL; without it the production host
    #[arg(value_name = "DEPLOYMENT")]
    pub deployment: Option<String>,
    /// The newest deployment of a branch
    #[arg(long, value_name = "BRANCH", conflicts_with = "deployment")]
    pub branch: Option<String>,
    /// Where on the host the link leads
    #[arg(long, value_name = "PATH")]
    pub path: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub project: ProjectChoice,
    #[command(flatten)]
    pub connection: Connection,
}
