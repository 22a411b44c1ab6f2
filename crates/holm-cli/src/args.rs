//! The words and flags of the command line.

mod guard;
mod project;
mod who;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use holm_types::ProjectName;

pub(crate) use project::{
    AliasesArgs, DeleteArgs, EnvAction, EnvAddArgs, EnvArgs, EnvLsArgs, EnvPullArgs, EnvRmArgs,
    EnvironmentChoice, LimitsArgs, OneDeploymentArgs, ProjectsAction, ProjectsSetArgs,
    RedeployArgs, SettingName,
};
pub(crate) use who::{
    AuditArgs, InviteArgs, ListArgs, LogoutArgs, MembersArgs, MembersVerb, RemoveArgs, RevokeArgs,
    RoleArgs, TokenCreateArgs, TokensArgs, TokensVerb, WhoamiArgs,
};

use crate::exit::Exit;

pub(crate) use guard::{ProtectArgs, RulesArgs, ShareArgs};

/// Deploys sites to a Holm server and looks after them.
#[derive(Debug, Parser)]
#[command(
    name = "holm",
    version,
    after_help = Exit::help(),
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub word: Word,
}

/// The client's words.
#[derive(Debug, Subcommand)]
pub(crate) enum Word {
    /// Keep a token for a server
    #[command(
        after_help = "The token is kept in $XDG_CONFIG_HOME/holm/credentials.json (or ~/.config), readable by you alone.\nCommands take the server from --api, then HOLM_API, then .holm/project.json, then the last login, then http://127.0.0.1:8089;\nthe token from --token, then HOLM_TOKEN, then the logins. HOLM_TOKEN is never sent to an address from .holm/project.json."
    )]
    Login(LoginArgs),
    /// Forget the token for a server, and revoke it there
    Logout(LogoutArgs),
    /// Say who you are to a server, and what your token may do
    Whoami(WhoamiArgs),
    /// Deploy a folder or a ZIP file; prints its URL
    #[command(
        after_help = "PATH is a ZIP file of the built site, a built folder, or a project whose edgeone.json names `outputDirectory`.\nThe deployment goes to preview unless --prod is given.\nFiles are sent as they are: nothing is built here, dot files and node_modules are left out, links may not lead out of the folder."
    )]
    Deploy(DeployArgs),
    /// Make this folder a project's: writes .holm/project.json
    #[command(
        after_help = "Nothing that is there is overwritten, and no server is asked: the first deployment makes the project."
    )]
    Init(InitArgs),
    /// Link this folder to a project of the server
    Link(LinkArgs),
    /// Forget which project this folder belongs to
    Unlink(UnlinkArgs),
    /// The commands of `edgeone pages`, for scripts that move
    #[command(
        visible_alias = "makers",
        after_help = "Flags and printed lines are those of `edgeone pages`; exit codes are 0 and 1.\nThe token is taken from -t, HOLM_TOKEN or EDGEONE_PAGES_API_TOKEN, the last only for a server named by --api, HOLM_API or `holm login`."
    )]
    Pages(PagesArgs),
    /// List the projects, or change one's settings
    Projects(ProjectsArgs),
    /// List, set, delete and pull a project's environment variables
    Env(EnvArgs),
    /// List a project's production and branch URLs
    Aliases(AliasesArgs),
    /// List a project's deployments
    Deployments(DeploymentsArgs),
    /// Say everything about a deployment
    Inspect(OneDeploymentArgs),
    /// Point production at a deployment
    Promote(PromoteArgs),
    /// Point production at the deployment before
    Rollback(RollbackArgs),
    /// Make a new deployment from an old one's files, with the present variables
    Redeploy(RedeployArgs),
    /// Keep a deployment whatever retention says
    Pin(OneDeploymentArgs),
    /// Leave a deployment to retention again
    Unpin(OneDeploymentArgs),
    /// Delete a project or a deployment
    Delete(DeleteArgs),
    /// Print a project's URL, and open it when there is a terminal
    Open(OpenArgs),
    /// Print a link that opens a protected host for three hours
    Share(ShareArgs),
    /// Say, or set, who is shown a project's hosts
    #[command(
        after_help = "public: everybody. signed: who has a link of `holm share`. password: who knows it, or has a link.\nOnly deployments and branches are covered unless --covers all is given; custom domains never are."
    )]
    Protect(ProtectArgs),
    /// Print, or replace, whom a project's hosts refuse and slow down
    Rules(RulesArgs),
    /// Say why a URL answers as it does
    Explain(ExplainArgs),
    /// Say which server, who you are, and this folder's project
    Status(StatusArgs),
    /// List, make and revoke tokens
    #[command(arg_required_else_help = true)]
    Tokens(TokensArgs),
    /// List, invite and remove members, change their roles
    #[command(arg_required_else_help = true)]
    Members(MembersArgs),
    /// List who changed what
    Audit(AuditArgs),
    /// List every limit: what holds, the default, and the setting
    Limits(LimitsArgs),
    /// Say how full the server's storage is, or collect what nobody wants
    Storage(StorageArgs),
    /// Save everything on the server in one file, while it serves
    #[command(
        after_help = "The file holds the database, every file of every deployment, and the configuration; `holm restore FILE --data DIR` makes a data folder of it.\nWithout --with-keys the secrets in it cannot be read by anybody; keep the server's key files elsewhere."
    )]
    Backup(BackupArgs),
    /// Print a completion script for a shell
    Completion(CompletionArgs),
}

/// Which server, as whom.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Connection {
    /// The server.
    #[arg(
        long,
        value_name = "URL",
        help = "Address of the server's API [env: HOLM_API] [default: http://127.0.0.1:8089]"
    )]
    pub api: Option<String>,
    /// The token.
    #[arg(
        long,
        short = 't',
        value_name = "TOKEN",
        help = "Token; other users can see it in the list of processes, HOLM_TOKEN they cannot [env: HOLM_TOKEN]"
    )]
    pub token: Option<String>,
    /// Trust the authorities in this PEM file, and no others, about the server's name [env: `HOLM_CA`]
    #[arg(
        long,
        value_name = "FILE",
        help = "Trust the certificate authorities in this PEM file, and no others [env: HOLM_CA, SSL_CERT_FILE]"
    )]
    pub ca: Option<PathBuf>,
    /// Say on stderr which server, token and project are used, and where each comes from
    #[arg(long)]
    pub verbose: bool,
    /// Send the token over plain http to another machine
    #[arg(long)]
    pub insecure_http: bool,
}

/// Which project.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ProjectChoice {
    /// The project; without it the one in .holm/project.json
    #[arg(long, short = 'n', visible_alias = "name", value_name = "NAME")]
    pub project: Option<ProjectName>,
}

/// How much of a list.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ListChoice {
    /// All pages, not only the newest
    #[arg(long)]
    pub all: bool,
    /// Items a page, 1 to 100
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub limit: Option<u32>,
}

/// `holm login`.
#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    #[command(flatten)]
    pub connection: Connection,
    /// Read the token from standard input
    #[arg(long, conflicts_with = "token")]
    pub token_stdin: bool,
    /// Sign in with this e-mail and its password instead of a token; a token for 90 days is made and kept
    #[arg(long, value_name = "EMAIL", conflicts_with_all = ["token", "token_stdin"])]
    pub email: Option<String>,
    /// Read the password from standard input
    #[arg(long, requires = "email")]
    pub password_stdin: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `holm deploy`.
#[derive(Debug, Args)]
pub(crate) struct DeployArgs {
    /// The folder or the ZIP file
    #[arg(value_name = "PATH", default_value = ".")]
    pub folder: PathBuf,
    /// The project; made when there is none. Without it the one in .holm/project.json, else the folder's name
    #[arg(long, short = 'n', visible_alias = "name", value_name = "NAME")]
    pub project: Option<ProjectName>,
    /// Deploy to production
    #[arg(long, visible_alias = "production")]
    pub prod: bool,
    /// The Git branch; gives the deployment a branch URL
    #[arg(long, value_name = "BRANCH")]
    pub branch: Option<String>,
    /// The Git commit
    #[arg(long, value_name = "HASH")]
    pub commit: Option<String>,
    /// What the deployment is about
    #[arg(long, short = 'm', value_name = "TEXT")]
    pub message: Option<String>,
    /// Only say what would be deployed, what would be sent and what is wrong with it
    #[arg(long)]
    pub dry_run: bool,
    /// Print what happens as lines of JSON; the last line is the result
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm init`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The project; without it the folder's name
    #[arg(long, short = 'n', visible_alias = "name", value_name = "NAME")]
    pub project: Option<ProjectName>,
    /// Write a starter edgeone.json too, unless there is one
    #[arg(long)]
    pub edgeone_json: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm link`.
#[derive(Debug, Args)]
pub(crate) struct LinkArgs {
    /// The project; asked for when there is a terminal
    #[arg(value_name = "PROJECT")]
    pub project: Option<ProjectName>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm unlink`.
#[derive(Debug, Args)]
pub(crate) struct UnlinkArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `holm pages`.
#[derive(Debug, Args)]
pub(crate) struct PagesArgs {
    /// Which of them.
    #[command(subcommand)]
    pub word: PagesWord,
}

/// The words of `edgeone pages`.
#[derive(Debug, Subcommand)]
pub(crate) enum PagesWord {
    /// Deploy a folder or a ZIP file, to production unless told otherwise
    Deploy(PagesDeployArgs),
    /// Link this folder to a project
    Link(PagesLinkArgs),
    /// Make this folder a project's
    Init(PagesInitArgs),
    /// List, set, delete and pull environment variables
    Env(PagesEnvArgs),
    /// Words that are EdgeOne's and not Holm's.
    #[command(external_subcommand)]
    Other(Vec<String>),
}

/// `holm pages deploy`.
#[derive(Debug, Args)]
pub(crate) struct PagesDeployArgs {
    /// The folder or the ZIP file; without it this folder's output folder
    #[arg(value_name = "DIRECTORY_OR_ZIP")]
    pub path: Option<PathBuf>,
    /// The project; made when there is none
    #[arg(long, short = 'n', value_name = "NAME")]
    pub name: Option<String>,
    /// The environment
    #[arg(long, short = 'e', value_enum, default_value_t = PagesEnvironment::Production)]
    pub env: PagesEnvironment,
    /// Accepted and without effect: a site is served where its server is
    #[arg(long, short = 'a', value_enum)]
    pub area: Option<PagesArea>,
    /// Accepted and without effect: there is one kind of account
    #[arg(long, value_enum)]
    pub site: Option<PagesSite>,
    /// Refused: deploying needs a token
    #[arg(long)]
    pub anonymous: bool,
    /// Print the result as one JSON object on the last line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm pages link`.
#[derive(Debug, Args)]
pub(crate) struct PagesLinkArgs {
    /// The project; asked for when there is a terminal
    #[arg(long, short = 'n', value_name = "NAME")]
    pub name: Option<ProjectName>,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm pages env`.
#[derive(Debug, Args)]
pub(crate) struct PagesEnvArgs {
    #[command(subcommand)]
    pub word: PagesEnvWord,
}

/// The words of `edgeone pages env`.
#[derive(Debug, Subcommand)]
pub(crate) enum PagesEnvWord {
    /// List the variables
    Ls(EnvLsArgs),
    /// Set a variable
    #[command(visible_alias = "add")]
    Set(EnvAddArgs),
    /// Delete a variable
    Rm(EnvRmArgs),
    /// Write the variables to a .env file
    Pull(PagesEnvPullArgs),
}

/// `holm pages env pull`.
#[derive(Debug, Args)]
pub(crate) struct PagesEnvPullArgs {
    /// The file
    #[arg(long, short = 'f', value_name = "FILE", default_value = ".env")]
    pub file: PathBuf,
    #[command(flatten)]
    pub project: ProjectChoice,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm pages init`.
#[derive(Debug, Args)]
pub(crate) struct PagesInitArgs {
    #[command(flatten)]
    pub connection: Connection,
}

/// EdgeOne's environments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PagesEnvironment {
    /// Production
    Production,
    /// Preview
    Preview,
}

/// EdgeOne's areas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PagesArea {
    /// Everywhere
    Global,
    /// Everywhere but the Chinese mainland
    Overseas,
}

/// EdgeOne's kinds of accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PagesSite {
    /// The Chinese site
    China,
    /// The international site
    Global,
}

/// `holm projects`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ProjectsArgs {
    #[command(subcommand)]
    pub action: Option<ProjectsAction>,
    #[command(flatten)]
    pub list: ListChoice,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm deployments`.
#[derive(Debug, Args)]
pub(crate) struct DeploymentsArgs {
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

/// `holm promote`.
#[derive(Debug, Args)]
pub(crate) struct PromoteArgs {
    /// Its id, its 12-character label or its URL
    #[arg(value_name = "DEPLOYMENT")]
    pub deployment: String,
    #[command(flatten)]
    pub project: ProjectChoice,
    /// Only say what would be promoted
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm rollback`.
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    #[command(flatten)]
    pub project: ProjectChoice,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm open`.
#[derive(Debug, Args)]
pub(crate) struct OpenArgs {
    /// A deployment's id or label; without it the production URL
    #[arg(value_name = "DEPLOYMENT")]
    pub deployment: Option<String>,
    #[command(flatten)]
    pub project: ProjectChoice,
    /// As a link that opens the host for three hours if it is protected
    #[arg(long)]
    pub share: bool,
    /// Only print the URL
    #[arg(long)]
    pub no_browser: bool,
    /// Print one JSON object, and open nothing
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The URL.
    #[arg(
        value_name = "URL",
        help = "The URL, for example http://blog.localhost:8080/docs/"
    )]
    pub url: String,
    /// Ask this deployment instead of the one that the host points at
    #[arg(long, value_name = "ID")]
    pub deployment: Option<String>,
    /// The visitor's address to suppose
    #[arg(long, value_name = "ADDRESS")]
    pub ip: Option<std::net::IpAddr>,
    /// The visitor's Referer to suppose
    #[arg(long, value_name = "URL")]
    pub referer: Option<String>,
    /// The visitor's User-Agent to suppose
    #[arg(long, value_name = "TEXT")]
    pub user_agent: Option<String>,
    /// Go on where access rules or protection would end the request
    #[arg(long)]
    pub past_gate: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm storage`.
#[derive(Debug, Args)]
pub(crate) struct StorageArgs {
    /// Remove the blobs that nobody wants, now
    #[arg(long)]
    pub collect: bool,
    /// Only say what would be removed
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm backup`.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The file to save
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Put in the keys that open the secrets: whoever has the file has the secrets
    #[arg(long)]
    pub with_keys: bool,
    /// Replace a file of this name
    #[arg(long)]
    pub force: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: Connection,
}

/// `holm completion`.
#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// The shells that completion scripts are made for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Shell {
    /// Bash
    Bash,
    /// Zsh
    Zsh,
    /// Fish
    Fish,
}

impl Word {
    /// Whether the result is to be one JSON object, failures too.
    pub(crate) fn wants_json(&self) -> bool {
        match self {
            Self::Login(args) => args.json,
            Self::Logout(args) => args.json,
            Self::Whoami(args) => args.json,
            Self::Tokens(args) => args.wants_json(),
            Self::Members(args) => args.wants_json(),
            Self::Audit(args) => args.json,
            Self::Deploy(args) => args.json,
            Self::Projects(args) => match &args.action {
                Some(ProjectsAction::Set(args)) => args.json,
                None => args.json,
            },
            Self::Env(args) => match &args.action {
                EnvAction::Ls(args) => args.json,
                EnvAction::Add(args) => args.json,
                EnvAction::Rm(_) | EnvAction::Pull(_) => false,
            },
            Self::Aliases(args) => args.json,
            Self::Inspect(args) | Self::Pin(args) | Self::Unpin(args) => args.json,
            Self::Redeploy(args) => args.json,
            Self::Limits(args) => args.json,
            Self::Deployments(args) => args.json,
            Self::Promote(args) => args.json,
            Self::Rollback(args) => args.json,
            Self::Share(args) => args.json,
            Self::Protect(args) => args.json,
            Self::Rules(args) => args.json,
            Self::Explain(args) => args.json,
            Self::Status(args) => args.json,
            Self::Storage(args) => args.json,
            Self::Backup(args) => args.json,
            Self::Open(args) => args.json,
            Self::Init(args) => args.json,
            Self::Link(args) => args.json,
            Self::Unlink(args) => args.json,
            // It has a form of its own for failures.
            Self::Pages(_) | Self::Delete(_) | Self::Completion(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn deploy_takes_the_spellings_of_the_peers() {
        let parse = |words: &[&str]| match Cli::try_parse_from(words).map(|cli| cli.word) {
            Ok(Word::Deploy(args)) => args,
            other => panic!("{other:?}"),
        };
        let args = parse(&["holm", "deploy", "./dist", "-n", "blog", "-t", "holm_x"]);
        assert_eq!(args.project.unwrap().as_str(), "blog");
        assert!(!args.prod, "preview unless asked for");
        assert!(parse(&["holm", "deploy", "--production"]).prod);
        assert!(parse(&["holm", "deploy", "--prod"]).prod);
        assert!(Cli::try_parse_from(["holm", "deploy", "-n", "Not a name"]).is_err());
    }
}
