//! The server's words and flags as they are typed.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};

/// Flags that `serve`, `up` and `serve config` share. A flag wins over its environment variable,
/// which wins over `holm.toml`, which wins over the default.
#[derive(Args, Clone, Debug, Default)]
pub struct ServerArgs {
    /// Where everything is kept.
    #[arg(long, value_name = "DIR", env = "HOLM_DATA")]
    pub data: Option<PathBuf>,
    /// The address that sites are served on; port 0 takes any free one.
    #[arg(long, value_name = "ADDR", env = "HOLM_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// The address that sites are served on over TLS, HTTP/2 included; without it there is no TLS. The
    /// certificate is a self-signed one for development, or that of `[tls]` in the configuration file.
    #[arg(long, value_name = "ADDR", env = "HOLM_TLS_LISTEN")]
    pub tls_listen: Option<SocketAddr>,
    /// The address of the API and console; loopback until the server is claimed.
    #[arg(long, value_name = "ADDR", env = "HOLM_CONTROL_LISTEN")]
    pub control_listen: Option<SocketAddr>,
    /// The https address under which a TLS proxy shows the API and console.
    #[arg(long, value_name = "URL", env = "HOLM_CONTROL_URL")]
    pub control_url: Option<String>,
    /// The domain that project host names end with.
    #[arg(long, value_name = "NAME", env = "HOLM_BASE_DOMAIN")]
    pub base_domain: Option<String>,
    /// Threads that serve requests.
    #[arg(long, value_name = "N", env = "HOLM_THREADS")]
    pub threads: Option<usize>,
    /// A Deno of your own to run functions, instead of the one that Holm fetches.
    #[arg(long, value_name = "FILE", env = "HOLM_DENO")]
    pub deno: Option<PathBuf>,
    /// A configuration file; without it, `holm.toml` in the data folder if there is one.
    #[arg(long, value_name = "FILE", env = "HOLM_CONFIG")]
    pub config: Option<PathBuf>,
    /// One line of JSON on stdout instead of words.
    #[arg(long)]
    pub json: bool,
}

/// Flags of `serve`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ServeArgs {
    /// Take the place of the server that runs on the data folder, without a moment in which visitors are
    /// not served; where none runs, start as usual.
    #[arg(long)]
    pub(crate) take_over: bool,
    /// What the server is told.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Flags of `up`.
#[derive(Args, Clone, Debug, Default)]
pub struct UpArgs {
    /// The folder to deploy to production; the sample project when absent.
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// The project's name; from the folder's name when absent.
    #[arg(long, short = 'n', value_name = "NAME")]
    pub project: Option<String>,
    /// What the server is told.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Flags of `restore`.
#[derive(Args, Clone, Debug)]
pub(crate) struct RestoreArgs {
    /// The back-up, as `holm backup` made it.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The data folder to restore into; empty or not there yet.
    #[arg(long, value_name = "DIR", env = "HOLM_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// A configuration file to take the place of the one in the back-up.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// One JSON object on stdout instead of words.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Flags of `doctor`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct DoctorArgs {
    /// The data folder to check.
    #[arg(long, value_name = "DIR", env = "HOLM_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// One JSON object on stdout instead of words.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The words below `runtimes`.
#[derive(Args, Clone, Debug)]
pub(crate) struct RuntimesArgs {
    #[command(subcommand)]
    pub(crate) word: RuntimesWord,
}

/// What to do with the engines.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum RuntimesWord {
    /// Say which engines there are.
    List(EngineArgs),
    /// Fetch the engine of edge functions with npm, if it is not there.
    Install(EngineArgs),
    /// Print the program that runs edge functions.
    Path(EngineArgs),
}

/// Flags of the words below `runtimes`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct EngineArgs {
    /// The data folder that has the engines.
    #[arg(long, value_name = "DIR", env = "HOLM_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// A Deno of your own, instead of the installed one.
    #[arg(long, value_name = "FILE", env = "HOLM_DENO")]
    pub(crate) deno: Option<PathBuf>,
}

#[derive(Parser, Debug)]
#[command(name = "holm", version, about = "Deploy sites on a machine you own")]
struct Root {
    #[command(subcommand)]
    word: Word,
}

#[derive(Subcommand, Debug)]
enum Word {
    /// Start the server.
    #[command(args_conflicts_with_subcommands = true)]
    Serve {
        #[command(flatten)]
        args: ServeArgs,
        #[command(subcommand)]
        word: Option<ServeWord>,
    },
    /// Start the server and deploy a folder (the sample project when none is named) to production.
    Up(UpArgs),
    /// Restore a back-up into an empty data folder.
    Restore(RestoreArgs),
    /// Check a data folder: every blob, every deployment, every pointer. Changes nothing.
    Doctor(DoctorArgs),
    /// The engines that run functions: list them, install them, say where they are.
    Runtimes(RuntimesArgs),
}

#[derive(Subcommand, Debug)]
enum ServeWord {
    /// Print every setting with its value and where it came from.
    Config(ServerArgs),
}

/// The whole command, for parsing.
pub(crate) fn command() -> clap::Command {
    Root::command()
}

/// The server's words, to be shown beside the client's in `holm --help` and completions.
pub fn commands() -> Vec<clap::Command> {
    Root::command().get_subcommands().cloned().collect()
}
