//! The words about a project: variables, settings, aliases, deletion, retention, limits.

use std::path::PathBuf;

use clap::{ArgAction, Args, Subcommand, ValueEnum};
use holm_types::Environment;

use super::{Connection, ListChoice, ProjectChoice};

/// One of a project's environments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EnvironmentChoice {
    /// What visitors see
    Production,
    /// Everything else
    Preview,
}

impl From<EnvironmentChoice> for Environment {
    fn from(choice: EnvironmentChoice) -> Self {
        match choice {
            EnvironmentChoice::Production => Self::Production,
            EnvironmentChoice::Preview => Self::Preview,
        }
    }
}

/// `holm env`.
#[derive(Debug, Args)]
pub(crate) struct EnvArgs {
    #[command(subcommand)]
    pub action: EnvAction,
}

/// What to do with variables.
#[derive(Debug, Subcommand)]
pub(crate) enum EnvAction {
    /// List the variables
    #[command(visible_alias = "list")]
    Ls(EnvLsArgs),
    /// Set a variable, or with --file all of a .env file
    #[command(visible_alias = "set")]
    Add(EnvAddArgs),
    /// Delete a variable
    Rm(EnvRmArgs),
    /// Write the variables to a .env file
    #[command(
        after_help = "What the file has and the server has not stays. Secrets come as comments: their values are never shown again."
    )]
    Pull(EnvPullArgs),
}

/// `holm env ls`.
#[derive(Debug, Args)]
pub(crate) struct EnvLsArgs {
    /// Only those of one environment
    #[arg(long = "env", short = 'e', value_enum, value_name = "ENVIRONMENT")]
    pub environment: Option<EnvironmentChoice>,
    #[command(flatten)]
    pub project: ProjectChoice,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm env add`.
#[derive(Debug, Args)]
pub(crate) struct EnvAddArgs {
    /// The name: a letter, then letters, digits and underscores
    #[arg(value_name = "NAME", required_unless_present = "file")]
    pub name: Option<String>,
    /// The value; other users can see it in the list of processes. Without it, it is asked for or read from standard input
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    pub value: Option<String>,
    /// Encrypt it at rest and never show it again
    #[arg(long)]
    pub secret: bool,
    /// Only in one environment; without it in both
    #[arg(long = "env", short = 'e', value_enum, value_name = "ENVIRONMENT")]
    pub environment: Option<EnvironmentChoice>,
    /// Set every variable of a .env file, all of them or none
    #[arg(long, short = 'f', value_name = "FILE", conflicts_with_all = ["name", "value"])]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub project: ProjectChoice,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm env rm`.
#[derive(Debug, Args)]
pub(crate) struct EnvRmArgs {
    /// The name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Only from one environment; without it from both
    #[arg(long = "env", short = 'e', value_enum, value_name = "ENVIRONMENT")]
    pub environment: Option<EnvironmentChoice>,
    #[command(flatten)]
    pub project: ProjectChoice,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm env pull`.
#[derive(Debug, Args)]
pub(crate) struct EnvPullArgs {
    /// The file
    #[arg(value_name = "FILE", default_value = ".env")]
    pub file: PathBuf,
    /// Of which environment
    #[arg(
        long = "env",
        short = 'e',
        value_enum,
        value_name = "ENVIRONMENT",
        default_value = "preview"
    )]
    pub environment: EnvironmentChoice,
    #[command(flatten)]
    pub project: ProjectChoice,
    #[command(flatten)]
    pub connection: Connection,
}

/// What `holm projects` does beside listing.
#[derive(Debug, Subcommand)]
pub(crate) enum ProjectsAction {
    /// Change a project's settings; they act on later deployments
    Set(Box<ProjectsSetArgs>),
}

/// `holm projects set`.
#[derive(Debug, Args)]
pub(crate) struct ProjectsSetArgs {
    #[command(flatten)]
    pub project: ProjectChoice,
    /// A name for people
    #[arg(long, value_name = "TEXT")]
    pub display_name: Option<String>,
    /// The region: mainland, overseas or global
    #[arg(long, short = 'a', value_name = "AREA")]
    pub area: Option<String>,
    /// The Git branch that production is made from
    #[arg(long, value_name = "BRANCH")]
    pub production_branch: Option<String>,
    /// How many of the newest deployments are kept
    #[arg(long, value_name = "N")]
    pub deployments_kept: Option<u64>,
    /// The command that installs dependencies
    #[arg(long, value_name = "COMMAND")]
    pub install_command: Option<String>,
    /// The command that builds
    #[arg(long, value_name = "COMMAND")]
    pub build_command: Option<String>,
    /// The folder that the build fills
    #[arg(long, value_name = "DIR")]
    pub output_directory: Option<String>,
    /// The version of Node.js
    #[arg(long, value_name = "VERSION")]
    pub node_version: Option<String>,
    /// The folder of the source that holds the project
    #[arg(long, value_name = "DIR")]
    pub root_directory: Option<String>,
    /// Whether a function is asked before a file on the same path
    #[arg(long, value_name = "BOOL")]
    pub functions_before_files: Option<bool>,
    /// Bring a setting back to its default; may be given several times
    #[arg(long, value_enum, value_name = "SETTING", action = ArgAction::Append)]
    pub unset: Vec<SettingName>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// A setting that can be brought back to its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SettingName {
    /// As --display-name
    DisplayName,
    /// As --area
    Area,
    /// As --production-branch
    ProductionBranch,
    /// As --deployments-kept
    DeploymentsKept,
    /// As --install-command
    InstallCommand,
    /// As --build-command
    BuildCommand,
    /// As --output-directory
    OutputDirectory,
    /// As --node-version
    NodeVersion,
    /// As --root-directory
    RootDirectory,
    /// As --functions-before-files
    FunctionsBeforeFiles,
}

/// `holm aliases`.
#[derive(Debug, Args)]
pub(crate) struct AliasesArgs {
    #[command(flatten)]
    pub project: ProjectChoice,
    #[command(flatten)]
    pub list: ListChoice,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm delete`.
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// A project's name, or a deployment's id, label or URL; without it the linked project
    #[arg(value_name = "PROJECT|DEPLOYMENT")]
    pub target: Option<String>,
    #[command(flatten)]
    pub project: ProjectChoice,
    /// Do not ask
    #[arg(long, short = 'y')]
    pub yes: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm redeploy`.
#[derive(Debug, Args)]
pub(crate) struct RedeployArgs {
    /// Its id, its 12-character label or its URL
    #[arg(value_name = "DEPLOYMENT")]
    pub deployment: String,
    /// For which environment; without it for the same
    #[arg(long = "env", short = 'e', value_enum, value_name = "ENVIRONMENT")]
    pub environment: Option<EnvironmentChoice>,
    #[command(flatten)]
    pub project: ProjectChoice,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm inspect`, `holm pin` and `holm unpin`.
#[derive(Debug, Args)]
pub(crate) struct OneDeploymentArgs {
    /// Its id, its 12-character label or its URL
    #[arg(value_name = "DEPLOYMENT")]
    pub deployment: String,
    #[command(flatten)]
    pub project: ProjectChoice,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm limits`.
#[derive(Debug, Args)]
pub(crate) struct LimitsArgs {
    /// Only those whose name has this in it
    #[arg(value_name = "TEXT")]
    pub filter: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}
