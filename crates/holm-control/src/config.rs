//! What the control plane is told and what it is given.

use std::path::PathBuf;
use std::sync::Arc;

use holm_site::limits::RuleLimits;
use holm_storage::{BlobStore, SnapshotStore, VariantIndex};
use holm_types::{Clock, Entropy, IpNetworkSet, LimitInForce};

use crate::limits::ControlLimits;

/// What the control plane is told at start.
#[derive(Clone, Debug)]
pub struct ControlConfig {
    /// The domain that project hosts end with, for example `localhost`: lower case, no dots at the ends.
    pub base_domain: String,
    /// The scheme of project URLs as visitors use them, `http` or `https`.
    pub public_scheme: String,
    /// The port in project URLs as visitors use them. `None` is the scheme's own.
    pub public_port: Option<u16>,
    /// Where this control plane is reached, for example `http://127.0.0.1:8089`: for the owner link
    /// and to tell its own pages from others'.
    pub control_origin: String,
    /// Proxies of the operator's whose `X-Forwarded-For` is believed.
    pub trusted_proxies: IpNetworkSet,
    /// The version of the program.
    pub version: &'static str,
    /// The maxima.
    pub limits: ControlLimits,
    /// The maxima of the rooms that this one does not know, for the list of what holds.
    pub other_limits: Vec<LimitInForce>,
    /// What a deployment's files of rules may hold.
    pub rule_limits: RuleLimits,
}

impl ControlConfig {
    /// The full host name for a label, for example `blog.localhost`.
    pub(crate) fn host(&self, label: &str) -> String {
        format!("{label}.{}", self.base_domain)
    }

    /// Whether browsers reach this control plane over TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.control_origin.starts_with("https://")
    }

    /// The URL for a label, without a slash at the end.
    pub(crate) fn url(&self, label: &str) -> String {
        let host = self.host(label);
        match self.public_port {
            Some(port) => format!("{}://{host}:{port}", self.public_scheme),
            None => format!("{}://{host}", self.public_scheme),
        }
    }
}

/// A file that goes into a back-up as it is, when it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupFile {
    /// Its name in the back-up, such as `holm.toml`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Whether it is a key that opens secrets: such a file goes in only when that is asked for.
    pub is_key: bool,
}

/// The parts that the control plane works with.
#[derive(Clone, Debug)]
pub struct ControlParts {
    /// Where blobs are.
    pub blobs: Arc<dyn BlobStore>,
    /// Where encoded variants are remembered.
    pub variants: VariantIndex,
    /// Where the snapshot is published.
    pub snapshots: SnapshotStore,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for ids and secrets.
    pub entropy: Arc<dyn Entropy>,
}
