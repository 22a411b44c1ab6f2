//! What the command line takes from the process around it: environment, folders, terminals. Read once.

use std::env;
use std::io::IsTerminal;
use std::path::PathBuf;

/// The environment of one run, as values, so that everything below can be given another one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    /// `HOLM_TOKEN`.
    pub token: Option<String>,
    /// `HOLM_API`.
    pub api: Option<String>,
    /// `HOLM_CA`, else `SSL_CERT_FILE`: the variable and the file.
    pub ca: Option<(&'static str, PathBuf)>,
    /// `EDGEONE_PAGES_API_TOKEN`: what `holm pages` takes for `HOLM_TOKEN` when that is absent.
    pub edgeone_token: Option<String>,
    /// Whether `edgeone_token` counts: only for `holm pages`.
    pub takes_edgeone_token: bool,
    /// `EDGEONE_PAGES_PROJECT_NAME`: what `holm pages` takes for `--name` when that is absent.
    pub edgeone_project: Option<String>,
    /// `GITHUB_OUTPUT`: where a step of a GitHub workflow leaves its results.
    pub github_output: Option<PathBuf>,
    /// Where settings of the user live: `$XDG_CONFIG_HOME/holm` or `~/.config/holm`. `None` without a home.
    pub config_folder: Option<PathBuf>,
    /// Where caches of the user live: `$XDG_CACHE_HOME/holm` or `~/.cache/holm`. `None` without a home.
    pub cache_folder: Option<PathBuf>,
    /// The folder that the command was started in.
    pub current_folder: PathBuf,
    /// Whether this is a run by a machine (`CI`).
    pub is_ci: bool,
    /// Colours as asked for by `NO_COLOR`, `FORCE_COLOR` and `TERM=dumb`. `None`: as the terminal can.
    pub colour: Option<bool>,
    /// `TERM=dumb`: no moving progress.
    pub is_dumb: bool,
    /// Whether each is a terminal.
    pub stdin_is_terminal: bool,
    /// As above.
    pub stdout_is_terminal: bool,
    /// As above.
    pub stderr_is_terminal: bool,
}

impl Surroundings {
    /// Those of this process.
    pub(crate) fn read() -> Self {
        Self {
            token: text("HOLM_TOKEN"),
            api: text("HOLM_API"),
            ca: ["HOLM_CA", "SSL_CERT_FILE"]
                .into_iter()
                .find_map(|name| Some((name, PathBuf::from(text(name)?)))),
            edgeone_token: text("EDGEONE_PAGES_API_TOKEN"),
            takes_edgeone_token: false,
            edgeone_project: text("EDGEONE_PAGES_PROJECT_NAME"),
            github_output: text("GITHUB_OUTPUT").map(PathBuf::from),
            config_folder: user_folder("XDG_CONFIG_HOME", ".config"),
            cache_folder: user_folder("XDG_CACHE_HOME", ".cache"),
            current_folder: env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            is_ci: is_on("CI"),
            colour: colour(),
            is_dumb: is_dumb(),
            stdin_is_terminal: std::io::stdin().is_terminal(),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Whether someone is there to answer a question.
    pub(crate) fn can_ask(&self) -> bool {
        self.stdin_is_terminal && self.stderr_is_terminal && !self.is_ci
    }
}

/// A variable that is set to something.
fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// A variable that is set and does not say no.
fn is_on(name: &str) -> bool {
    text(name).is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
}

fn is_dumb() -> bool {
    text("TERM").is_some_and(|term| term == "dumb")
}

/// <https://no-color.org> wins over `FORCE_COLOR`, which wins over what the terminal says.
fn colour() -> Option<bool> {
    if text("NO_COLOR").is_some() {
        return Some(false);
    }
    if let Some(value) = text("FORCE_COLOR") {
        return Some(value != "0");
    }
    is_dumb().then_some(false)
}

/// The XDG base folder specification: a relative path in the variable is to be ignored.
fn user_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let base = named.or_else(|| {
        let home = env::var_os("HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())?;
        Some(home.join(below_home))
    })?;
    Some(base.join("holm"))
}
