//! Everything the edge knows, one version: which host answers with which deployment.

use std::collections::HashMap;

use crate::guard::ProjectGuard;
use holm_types::{BlobDigest, DeploymentId, Environment, ProjectId, Timestamp, VisitorCode};

/// Which host answers with what. Versions only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EdgeSnapshot {
    /// Grows by at least one with every change.
    pub version: u64,
    /// Every host, sorted by name, each once.
    pub hosts: Vec<HostEntry>,
    /// What stands before the hosts of projects, sorted by project, each once. Projects without an entry
    /// are public and have no rules.
    pub guards: Vec<ProjectGuard>,
}

impl EdgeSnapshot {
    /// What stands before the hosts of a project. `None` when nothing does.
    pub fn guard(&self, project_id: ProjectId) -> Option<&ProjectGuard> {
        let found = self
            .guards
            .binary_search_by_key(&project_id, |guard| guard.project_id);
        found.ok().and_then(|index| self.guards.get(index))
    }
}

/// What changed from one version to a later one: everything about some projects, as it is then.
///
/// A project is replaced whole, so a change can be applied to the version that it was made for and to each one
/// up to its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotChange {
    /// Whose hosts are replaced, in order, each once.
    pub projects: Vec<ProjectId>,
    /// Their hosts, and the version.
    pub snapshot: EdgeSnapshot,
}

impl SnapshotChange {
    /// Whether it says what this project has.
    pub fn replaces(&self, project_id: ProjectId) -> bool {
        self.projects.binary_search(&project_id).is_ok()
    }
}

impl EdgeSnapshot {
    /// Becomes the version that the last of these changes makes, which are in order.
    ///
    /// A project is what the last change says that replaces it. So everything is gone through once, however many
    /// changes there are.
    pub fn apply(&mut self, changes: Vec<SnapshotChange>) {
        let Some(last) = changes.last() else {
            return;
        };
        self.version = last.snapshot.version;
        let mut last_word: HashMap<ProjectId, usize> = HashMap::new();
        for (place, change) in changes.iter().enumerate() {
            last_word.extend(change.projects.iter().map(|id| (*id, place)));
        }
        self.hosts
            .retain(|entry| !last_word.contains_key(&entry.project_id));
        self.guards
            .retain(|guard| !last_word.contains_key(&guard.project_id));
        for (place, change) in changes.into_iter().enumerate() {
            let has_last_word = |id| last_word.get(&id) == Some(&place);
            let hosts = change.snapshot.hosts.into_iter();
            self.hosts
                .extend(hosts.filter(|entry| has_last_word(entry.project_id)));
            let guards = change.snapshot.guards.into_iter();
            self.guards
                .extend(guards.filter(|guard| has_last_word(guard.project_id)));
        }
        // Sorted runs, which a stable sort merges.
        self.hosts.sort_by(|one, other| one.host.cmp(&other.host));
        self.guards.sort_by_key(|guard| guard.project_id);
    }

    /// The entry of a host.
    pub fn host(&self, host: &str) -> Option<&HostEntry> {
        let place = self
            .hosts
            .binary_search_by(|entry| entry.host.as_str().cmp(host));
        self.hosts.get(place.ok()?)
    }
}

/// One host and what it answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostEntry {
    /// The full host name, lower case, without port.
    pub host: String,
    /// Whose host it is.
    pub project_id: ProjectId,
    /// Which environment the host shows.
    pub environment: Environment,
    /// Whether a person brought this name (as against `<project>.<base>`).
    pub is_custom_domain: bool,
    /// What it answers with.
    pub target: HostTarget,
}

/// What a host answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostTarget {
    /// A sealed deployment.
    Site {
        /// Which one.
        deployment_id: DeploymentId,
        /// The blob that holds its [`crate::DeploymentDocument`], as `codec::encode_document` made it.
        document: BlobDigest,
        /// When it was sealed: `Last-Modified` of all its files.
        sealed_at: Timestamp,
    },
    /// A page of Holm's: 401, 410, 423, 424 or 451.
    Gate {
        /// Why there is no site.
        code: VisitorCode,
        /// Which deployment the gate is about. `None` when it is about the project.
        deployment_id: Option<DeploymentId>,
    },
}
