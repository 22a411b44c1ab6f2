//! The hosts of a snapshot on the wire: all of format 1, the beginning of format 2.

use holm_types::{BlobDigest, DeploymentId, Environment, ProjectId, Timestamp, VisitorCode};
use serde::{Deserialize, Serialize};

use super::NotAWord;
use crate::{EdgeSnapshot, HostEntry, HostTarget};

#[derive(Serialize, Deserialize)]
pub(super) struct WireSnapshot<'b> {
    version: u64,
    #[serde(borrow)]
    hosts: Vec<WireHost<'b>>,
}

#[derive(Serialize, Deserialize)]
struct WireHost<'b> {
    host: &'b str,
    project_id: [u8; 16],
    is_production: bool,
    is_custom_domain: bool,
    #[serde(borrow)]
    target: WireTarget<'b>,
}

#[derive(Serialize, Deserialize)]
enum WireTarget<'b> {
    Site {
        deployment_id: [u8; 16],
        document: [u8; 32],
        sealed_at_unix_ms: i64,
    },
    Gate {
        /// The word that visitors see, which never changes.
        #[serde(borrow)]
        code: &'b str,
        deployment_id: Option<[u8; 16]>,
    },
}

impl WireSnapshot<'_> {
    pub(super) fn keep_only(&mut self, host: &str) {
        self.hosts.retain(|wire| wire.host == host);
    }
}

impl<'s> From<&'s EdgeSnapshot> for WireSnapshot<'s> {
    fn from(snapshot: &'s EdgeSnapshot) -> Self {
        Self {
            version: snapshot.version,
            hosts: snapshot.hosts.iter().map(WireHost::from).collect(),
        }
    }
}

impl<'s> From<&'s HostEntry> for WireHost<'s> {
    fn from(entry: &'s HostEntry) -> Self {
        Self {
            host: &entry.host,
            project_id: *entry.project_id.as_bytes(),
            is_production: entry.environment == Environment::Production,
            is_custom_domain: entry.is_custom_domain,
            target: WireTarget::from(&entry.target),
        }
    }
}

impl From<&HostTarget> for WireTarget<'static> {
    fn from(target: &HostTarget) -> Self {
        match target {
            HostTarget::Site {
                deployment_id,
                document,
                sealed_at,
            } => Self::Site {
                deployment_id: *deployment_id.as_bytes(),
                document: *document.as_bytes(),
                sealed_at_unix_ms: sealed_at.unix_ms(),
            },
            HostTarget::Gate {
                code,
                deployment_id,
            } => Self::Gate {
                code: code.word(),
                deployment_id: deployment_id.map(|id| *id.as_bytes()),
            },
        }
    }
}

impl TryFrom<WireSnapshot<'_>> for EdgeSnapshot {
    type Error = NotAWord;

    fn try_from(wire: WireSnapshot<'_>) -> Result<Self, NotAWord> {
        let hosts = wire.hosts.into_iter().map(HostEntry::try_from);
        Ok(Self {
            version: wire.version,
            hosts: hosts.collect::<Result<_, _>>()?,
            guards: Vec::new(),
        })
    }
}

impl TryFrom<WireHost<'_>> for HostEntry {
    type Error = NotAWord;

    fn try_from(wire: WireHost<'_>) -> Result<Self, NotAWord> {
        Ok(Self {
            host: wire.host.to_owned(),
            project_id: ProjectId::from_bytes(wire.project_id),
            environment: if wire.is_production {
                Environment::Production
            } else {
                Environment::Preview
            },
            is_custom_domain: wire.is_custom_domain,
            target: HostTarget::try_from(wire.target)?,
        })
    }
}

impl TryFrom<WireTarget<'_>> for HostTarget {
    type Error = NotAWord;

    fn try_from(wire: WireTarget<'_>) -> Result<Self, NotAWord> {
        match wire {
            WireTarget::Site {
                deployment_id,
                document,
                sealed_at_unix_ms,
            } => Ok(Self::Site {
                deployment_id: DeploymentId::from_bytes(deployment_id),
                document: BlobDigest::from_bytes(document),
                sealed_at: Timestamp::from_unix_ms(sealed_at_unix_ms),
            }),
            WireTarget::Gate {
                code,
                deployment_id,
            } => Ok(Self::Gate {
                code: VisitorCode::all()
                    .find(|known| known.word() == code)
                    .ok_or(NotAWord)?,
                deployment_id: deployment_id.map(DeploymentId::from_bytes),
            }),
        }
    }
}
