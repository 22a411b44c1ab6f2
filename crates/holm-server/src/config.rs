//! What the server is told, from flags, environment, file and defaults, each value with its origin.
//!
//! Flags and environment arrive as [`ServerArgs`] (clap reads both); the file is `holm.toml`.
//! [`ServerConfig`] has no `Option` where there is a default.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use holm_control::{ControlLimits, RuleLimits};
use holm_edge::EdgeLimits;
use holm_functions::FunctionLimits;
use holm_types::{IpNetwork, IpNetworkError};
use serde::Deserialize;

use crate::args::ServerArgs;
use crate::certificate::CertificateFiles;
use crate::console;
use crate::control_url::parse_origin;
use crate::exit::ServerError;
use crate::functions_config::{FunctionSettings, FunctionsFile};
use crate::storage_config::{StorageConfig, StorageFile, variable};

/// Where a setting's value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag or its environment variable.
    FlagOrEnvironment,
    /// A line of the configuration file.
    File(PathBuf),
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FlagOrEnvironment => f.write_str("flag or environment"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value that holds.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

/// Everything the server is told.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where everything is kept. Default: `holm` in the user's data folder.
    pub data: Setting<PathBuf>,
    /// The address of sites. Default: 127.0.0.1:8088.
    pub listen: Setting<SocketAddr>,
    /// The address of sites over TLS. `None` (the default): no TLS.
    pub tls_listen: Setting<Option<SocketAddr>>,
    /// The certificate for it. `None` (the default): one for development, made at first use.
    pub tls_files: Setting<Option<CertificateFiles>>,
    /// The address of the API and console. Default: 127.0.0.1:8089.
    pub control_listen: Setting<SocketAddr>,
    /// The address under which a TLS proxy shows the API and console. `None`: no proxy.
    pub control_url: Setting<Option<String>>,
    /// The domain that project hosts end with. Default: `localhost`, which works without DNS.
    pub base_domain: Setting<String>,
    /// Whether the base domain is on the Public Suffix List, so that browsers keep the cookies of its sites
    /// apart. Default: no.
    pub base_domain_is_public_suffix: Setting<bool>,
    /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. Default: none.
    pub trusted_proxies: Setting<Vec<IpNetwork>>,
    /// Whether access records keep only the network of a visitor's address. Default: no.
    pub addresses_are_shortened: Setting<bool>,
    /// Threads that serve requests, 1 to 256. Default: one per processor.
    pub threads: Setting<usize>,
    /// Where blobs are kept. Default: in the data folder.
    pub storage: Setting<StorageConfig>,
    /// The maxima of the data plane, with what `[limits]` of the file changes.
    pub edge_limits: EdgeLimits,
    /// The maxima of the control plane, with what `[limits]` of the file changes.
    pub control_limits: ControlLimits,
    /// What a deployment's files of rules may hold, with what `[limits]` of the file changes.
    pub rule_limits: RuleLimits,
    /// The maxima of function processes, with what `[limits]` of the file changes.
    pub function_limits: FunctionLimits,
    /// By what functions are run, and where they may reach.
    pub functions: FunctionSettings,
    /// The lines of `[limits]`, by name.
    limits: BTreeMap<String, u64>,
    file: PathBuf,
}

/// Why the configuration cannot be used. Every finding names the setting and the place.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("read the configuration file {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("the configuration file {} is wrong:\n{message}", path.display())]
    Parse {
        /// Which.
        path: PathBuf,
        /// What is wrong, with the line.
        message: String,
    },
    /// A value is out of range.
    #[error("the setting `{name}` (from {origin}) is {value}, but {rule}")]
    Range {
        /// The setting.
        name: &'static str,
        /// Where it came from.
        origin: String,
        /// What it is.
        value: String,
        /// What it may be.
        rule: &'static str,
    },
    /// `[limits]` names a limit that does not exist, or that the file may not change.
    #[error("`{name}` in [limits] of {} is no limit that can be set", path.display())]
    UnknownLimit {
        /// What it says.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// There is no home folder to put the data into.
    #[error("there is no home folder to keep data in; say where with --data DIR")]
    NoHome,
}

/// `holm.toml`. Unknown keys are errors.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerFile {
    data: Option<PathBuf>,
    listen: Option<SocketAddr>,
    control_listen: Option<SocketAddr>,
    control_url: Option<String>,
    #[serde(default)]
    tls: TlsFile,
    base_domain: Option<String>,
    base_domain_is_public_suffix: Option<bool>,
    /// Addresses and blocks of them, such as `10.0.0.0/8`.
    trusted_proxies: Option<Vec<String>>,
    addresses_are_shortened: Option<bool>,
    threads: Option<usize>,
    storage: Option<StorageFile>,
    #[serde(default)]
    functions: FunctionsFile,
    /// `"control.files_max" = 50000`: names as in docs/reference/limits.md.
    #[serde(default)]
    limits: BTreeMap<String, u64>,
}

/// `[tls]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsFile {
    listen: Option<SocketAddr>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl TlsFile {
    /// The two files, seen from the folder of the configuration file. `None` when neither is named.
    fn files(&self, config: &Path) -> Result<Option<CertificateFiles>, ConfigError> {
        let folder = config.parent().unwrap_or_else(|| Path::new(""));
        match (&self.certificate, &self.key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Ok(Some(CertificateFiles {
                certificate: folder.join(certificate),
                key: folder.join(key),
            })),
            (Some(one), None) | (None, Some(one)) => Err(ConfigError::Range {
                name: "tls",
                origin: config.display().to_string(),
                value: format!("`{}` alone", one.display()),
                rule: "`certificate` and `key` belong together: name both, or neither",
            }),
        }
    }
}

impl ServerConfig {
    /// Combines flags and environment with the file and the defaults, and checks every value.
    pub fn combine(args: &ServerArgs) -> Result<Self, ConfigError> {
        let default_data = default_data_folder();
        let assumed = args.data.clone().or_else(|| default_data.clone());
        let (file, path) = read_file(args.config.as_deref(), assumed.as_deref())?;
        let limits = read_limits(&file.limits, &path)?;
        let tls_files = file.tls.files(&path)?;
        let mut config = Self {
            storage: storage_setting(file.storage, &path)?,
            edge_limits: limits.edge,
            control_limits: limits.control,
            rule_limits: limits.rules,
            function_limits: limits.functions,
            functions: FunctionSettings::read(args.deno.clone(), file.functions, &path)?,
            limits: file.limits,
            file: path.clone(),
            data: pick(args.data.clone(), file.data, &path, default_data)
                .ok_or(ConfigError::NoHome)?,
            listen: or_default(args.listen, file.listen, &path, loopback(8088)),
            tls_listen: or_default(
                args.tls_listen.map(Some),
                file.tls.listen.map(Some),
                &path,
                None,
            ),
            tls_files: or_default(None, tls_files.map(Some), &path, None),
            control_listen: or_default(
                args.control_listen,
                file.control_listen,
                &path,
                loopback(8089),
            ),
            control_url: or_default(
                args.control_url.clone().map(Some),
                file.control_url.map(Some),
                &path,
                None,
            ),
            base_domain: or_default(
                args.base_domain.clone(),
                file.base_domain,
                &path,
                "localhost".to_owned(),
            ),
            base_domain_is_public_suffix: or_default(
                None,
                file.base_domain_is_public_suffix,
                &path,
                false,
            ),
            trusted_proxies: or_default(
                None,
                read_networks("trusted_proxies", file.trusted_proxies, &path)?,
                &path,
                Vec::new(),
            ),
            addresses_are_shortened: or_default(None, file.addresses_are_shortened, &path, false),
            threads: or_default(
                args.threads,
                file.threads,
                &path,
                std::thread::available_parallelism().map_or(1, usize::from),
            ),
        };
        config.check()?;
        read_control_url(&mut config.control_url)?;
        Ok(config)
    }

    /// The configuration file, whether or not there is one.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    fn check(&self) -> Result<(), ConfigError> {
        let range = |name, origin: &Origin, value: String, rule| ConfigError::Range {
            name,
            origin: origin.to_string(),
            value,
            rule,
        };
        if !(1..=256).contains(&self.threads.value) {
            return Err(range(
                "threads",
                &self.threads.origin,
                self.threads.value.to_string(),
                "it must be between 1 and 256",
            ));
        }
        let domain = &self.base_domain;
        let is_name = holm_types::Hostname::parse(&domain.value)
            .is_ok_and(|host| host.as_str() == domain.value && !host.as_str().starts_with('.'));
        if !is_name {
            return Err(range(
                "base_domain",
                &domain.origin,
                format!("`{}`", domain.value),
                "it must be a host name in lower case without a port, such as sites.example.org",
            ));
        }
        Ok(())
    }

    /// Every setting: name, value, origin.
    fn rows(&self) -> Vec<(&'static str, String, &Origin)> {
        let control_url = self.control_url.value.clone().unwrap_or_default();
        let tls_listen = self.tls_listen.value;
        let files = self.tls_files.value.as_ref();
        let file = |path: Option<&PathBuf>| path.map(|path| path.display().to_string());
        vec![
            (
                "data",
                self.data.value.display().to_string(),
                &self.data.origin,
            ),
            ("listen", self.listen.value.to_string(), &self.listen.origin),
            (
                "tls.listen",
                tls_listen.map_or_else(String::new, |address| address.to_string()),
                &self.tls_listen.origin,
            ),
            (
                "tls.certificate",
                file(files.map(|files| &files.certificate)).unwrap_or_default(),
                &self.tls_files.origin,
            ),
            (
                "tls.key",
                file(files.map(|files| &files.key)).unwrap_or_default(),
                &self.tls_files.origin,
            ),
            (
                "control_listen",
                self.control_listen.value.to_string(),
                &self.control_listen.origin,
            ),
            ("control_url", control_url, &self.control_url.origin),
            (
                "base_domain",
                self.base_domain.value.clone(),
                &self.base_domain.origin,
            ),
            (
                "base_domain_is_public_suffix",
                self.base_domain_is_public_suffix.value.to_string(),
                &self.base_domain_is_public_suffix.origin,
            ),
            (
                "trusted_proxies",
                joined(&self.trusted_proxies.value),
                &self.trusted_proxies.origin,
            ),
            (
                "addresses_are_shortened",
                self.addresses_are_shortened.value.to_string(),
                &self.addresses_are_shortened.origin,
            ),
            (
                "threads",
                self.threads.value.to_string(),
                &self.threads.origin,
            ),
            (
                "storage",
                self.storage.value.to_string(),
                &self.storage.origin,
            ),
        ]
    }
}

pub(crate) fn joined(networks: &[IpNetwork]) -> String {
    let texts: Vec<String> = networks.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

/// The blocks of addresses that a list names. `None` where there is no list.
pub(crate) fn read_networks(
    name: &str,
    list: Option<Vec<String>>,
    path: &Path,
) -> Result<Option<Vec<IpNetwork>>, ConfigError> {
    let read = |text: &String| {
        text.parse().map_err(|error: IpNetworkError| {
            let message = format!("`{name}` has `{text}`: {error}");
            ConfigError::Parse {
                path: path.to_owned(),
                message,
            }
        })
    };
    list.map(|list| list.iter().map(read).collect()).transpose()
}

/// The limits of all rooms that have some to set.
#[derive(Debug, Default, PartialEq, Eq)]
struct Limits {
    edge: EdgeLimits,
    control: ControlLimits,
    rules: RuleLimits,
    functions: FunctionLimits,
}

/// The limits with what the file changes.
fn read_limits(lines: &BTreeMap<String, u64>, path: &Path) -> Result<Limits, ConfigError> {
    let mut limits = Limits::default();
    for (name, number) in lines {
        let is_set = match name.split_once('.') {
            Some(("edge", limit)) => limits.edge.set(limit, *number),
            Some(("control", limit)) => limits.control.set(limit, *number),
            Some(("site", limit)) => limits.rules.set(limit, *number),
            Some(("functions", limit)) => limits.functions.set(limit, *number),
            _ => false,
        };
        if !is_set {
            return Err(ConfigError::UnknownLimit {
                name: name.clone(),
                path: path.to_owned(),
            });
        }
    }
    Ok(limits)
}

/// `holm serve config`: every setting with its origin.
pub(crate) fn show(args: &ServerArgs) -> Result<(), ServerError> {
    let config = ServerConfig::combine(args)?;
    let from_file = Origin::File(config.file.clone());
    let rows = config.rows().into_iter().chain(config.functions.rows());
    let limits = config.limits.iter();
    let limits = limits.map(|(name, number)| (name.as_str(), number.to_string(), &from_file));
    for (name, value, origin) in rows.chain(limits) {
        if args.json {
            let line =
                serde_json::json!({"name": name, "value": value, "origin": origin.to_string()});
            console::out(&line);
        } else {
            console::out(&format!("{name:<16} {value:<40} ({origin})"));
        }
    }
    Ok(())
}

/// Takes the address as an origin, in the form that browsers send.
fn read_control_url(setting: &mut Setting<Option<String>>) -> Result<(), ConfigError> {
    if let Some(url) = &mut setting.value {
        *url = parse_origin(url).map_err(|rule| ConfigError::Range {
            name: "control_url",
            origin: setting.origin.to_string(),
            value: format!("`{url}`"),
            rule,
        })?;
    }
    Ok(())
}

/// The first of flag and file. `None` when neither says anything.
fn said<T>(flag: Option<T>, file: Option<T>, path: &Path) -> Option<Setting<T>> {
    let origin = match &flag {
        Some(_) => Origin::FlagOrEnvironment,
        None => Origin::File(path.to_owned()),
    };
    let value = flag.or(file)?;
    Some(Setting { value, origin })
}

/// The first of flag, file and default. `None` when there is no default either.
fn pick<T>(
    flag: Option<T>,
    file: Option<T>,
    path: &Path,
    default: Option<T>,
) -> Option<Setting<T>> {
    said(flag, file, path).or_else(|| {
        default.map(|value| Setting {
            value,
            origin: Origin::Default,
        })
    })
}

/// The first of flag, file and default.
pub(crate) fn or_default<T>(
    flag: Option<T>,
    file: Option<T>,
    path: &Path,
    default: T,
) -> Setting<T> {
    said(flag, file, path).unwrap_or(Setting {
        value: default,
        origin: Origin::Default,
    })
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// The file named, or `holm.toml` in the data folder if there is one.
fn read_file(
    named: Option<&Path>,
    data: Option<&Path>,
) -> Result<(ServerFile, PathBuf), ConfigError> {
    let path = match (named, data) {
        (Some(named), _) => named.to_owned(),
        (None, Some(data)) => data.join("holm.toml"),
        (None, None) => return Ok((ServerFile::default(), PathBuf::new())),
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(source) if named.is_none() && source.kind() == std::io::ErrorKind::NotFound => {
            return Ok((ServerFile::default(), path));
        }
        Err(source) => return Err(ConfigError::Read { path, source }),
    };
    match toml::from_str(&text) {
        Ok(file) => Ok((file, path)),
        Err(error) => Err(ConfigError::Parse {
            path,
            message: error.to_string(),
        }),
    }
}

/// `holm` in the user's data folder (XDG base directory specification). `None` without a home.
fn default_data_folder() -> Option<PathBuf> {
    let from = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    from("XDG_DATA_HOME")
        .or_else(|| from("HOME").map(|home| home.join(".local/share")))
        .map(|folder| folder.join("holm"))
}

/// Where blobs are kept: the file says so, or nobody.
fn storage_setting(
    storage: Option<StorageFile>,
    path: &Path,
) -> Result<Setting<StorageConfig>, ConfigError> {
    Ok(match storage {
        None => Setting {
            value: StorageConfig::Local,
            origin: Origin::Default,
        },
        Some(storage) => Setting {
            value: storage.read(path, variable)?,
            origin: Origin::File(path.to_owned()),
        },
    })
}

/// Where a configuration file says that blobs are kept; a file that is not there says nothing.
pub(crate) fn storage_of(file: &Path) -> Result<StorageConfig, ConfigError> {
    if !file.is_file() {
        return Ok(StorageConfig::Local);
    }
    let (read, path) = read_file(Some(file), None)?;
    let storage = read.storage.map(|storage| storage.read(&path, variable));
    Ok(storage.transpose()?.unwrap_or_default())
}

/// The data folder that `doctor` checks when none is named.
pub(crate) fn data_folder(named: Option<PathBuf>) -> Result<PathBuf, ConfigError> {
    named
        .or_else(default_data_folder)
        .ok_or(ConfigError::NoHome)
}

#[cfg(test)]
mod tests;
