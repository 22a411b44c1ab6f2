//! Which site answers to which host. Replaced by another table when a newer snapshot arrives.

use std::hash::BuildHasher as _;
use std::sync::Arc;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use holm_site::guard::{Guard, Protection};
use holm_site::{EdgeSnapshot, HostEntry, HostTarget, SnapshotChange};
use holm_types::{DeploymentId, Environment, ProjectId, Timestamp, VisitorCode};
use http::HeaderValue;

use crate::site_table::{SiteSlot, SiteTable};

/// One host and what it answers with, ready to be used.
#[derive(Debug)]
pub(crate) struct HostRow {
    /// The name, shared with every access record of this host.
    pub(crate) host: Arc<str>,
    /// Whose host it is.
    pub(crate) project_id: ProjectId,
    /// Whether search engines are told to stay away.
    pub(crate) is_preview: bool,
    /// Whether a person brought this name.
    pub(crate) is_custom_domain: bool,
    /// What stands before it. `None` when nothing does.
    pub(crate) guard: Option<Arc<Guard>>,
    /// What it answers with.
    pub(crate) target: RowTarget,
}

/// What a host answers with.
#[derive(Debug)]
pub(crate) enum RowTarget {
    /// A deployment.
    Site(SiteRow),
    /// A page of Holm's.
    Gate {
        /// Which page.
        code: VisitorCode,
        /// Which deployment it is about.
        deployment_id: Option<DeploymentId>,
    },
}

/// A deployment behind a host.
#[derive(Debug)]
pub(crate) struct SiteRow {
    /// Which one.
    pub(crate) deployment_id: DeploymentId,
    /// Where its built form is, or will be.
    pub(crate) slot: Arc<SiteSlot>,
    /// When it was sealed.
    pub(crate) sealed_at: Timestamp,
    /// The same, ready to be sent.
    pub(crate) last_modified: HeaderValue,
}

/// Parts of the look-up. A newer table shares those with the older one in which nothing changed.
const SHARD_COUNT: usize = 256;

/// Rows by host name, in a part of the look-up.
type Shard = HashTable<Arc<HostRow>>;

/// One version of the snapshot, with its look-up built.
#[derive(Clone, Debug)]
pub(crate) struct HostTable {
    /// Which version. Only grows from one table to the next.
    pub(crate) version: u64,
    hasher: DefaultHashBuilder,
    shards: Box<[Arc<Shard>]>,
    by_project: HashMap<ProjectId, Arc<[Arc<HostRow>]>>,
    site_count: usize,
    /// The projects whose hosts changed since the version that was taken up before. Empty where that is not
    /// known.
    pub(crate) changed: Vec<ProjectId>,
}

impl Default for HostTable {
    fn default() -> Self {
        let nothing = Arc::new(Shard::new());
        Self {
            version: 0,
            hasher: DefaultHashBuilder::default(),
            shards: vec![nothing; SHARD_COUNT].into_boxed_slice(),
            by_project: HashMap::new(),
            site_count: 0,
            changed: Vec::new(),
        }
    }
}

impl HostTable {
    /// Builds the look-up. Sites that `sites` knows are taken over, loaded or not.
    pub(crate) fn new(snapshot: EdgeSnapshot, sites: &SiteTable) -> Self {
        let mut table = Self::default();
        table.add(snapshot, sites);
        table
    }

    /// Becomes the table of the version that the change makes. What a clone of it was made from stays as it is;
    /// the two share what did not change.
    pub(crate) fn apply(&mut self, change: SnapshotChange, sites: &SiteTable) {
        for project_id in &change.projects {
            self.remove(*project_id);
        }
        self.changed.extend(&change.projects);
        self.add(change.snapshot, sites);
    }

    fn add(&mut self, snapshot: EdgeSnapshot, sites: &SiteTable) {
        self.version = snapshot.version;
        let guards = snapshot.guards.into_iter();
        let guards: HashMap<ProjectId, Arc<Guard>> = guards
            .map(|guard| (guard.project_id, Arc::new(Guard::new(guard))))
            .collect();
        let mut by_project: HashMap<ProjectId, Vec<Arc<HostRow>>> = HashMap::new();
        for entry in snapshot.hosts {
            let guard = guards.get(&entry.project_id).map(Arc::clone);
            let row = Arc::new(HostRow::new(entry, guard, sites));
            let of_project = by_project.entry(row.project_id).or_default();
            of_project.push(Arc::clone(&row));
            self.site_count += usize::from(row.is_site());
            self.put(row);
        }
        let rows = by_project.into_iter();
        self.by_project
            .extend(rows.map(|(project_id, rows)| (project_id, rows.into())));
    }

    /// Puts a row in, in the place of one of the same name.
    fn put(&mut self, row: Arc<HostRow>) {
        let hash = self.hasher.hash_one(&*row.host);
        let hasher = self.hasher.clone();
        let shard = Arc::make_mut(&mut self.shards[place(hash)]);
        let found = shard.entry(
            hash,
            |other| other.host == row.host,
            |other| hasher.hash_one(&*other.host),
        );
        match found {
            Entry::Occupied(mut there) => {
                let before = std::mem::replace(there.get_mut(), row);
                self.site_count -= usize::from(before.is_site());
            }
            Entry::Vacant(place) => drop(place.insert(row)),
        }
    }

    /// Takes out what a project has.
    fn remove(&mut self, project_id: ProjectId) {
        let rows = self.by_project.remove(&project_id);
        for row in rows.iter().flat_map(|rows| rows.iter()) {
            let hash = self.hasher.hash_one(&*row.host);
            let shard = Arc::make_mut(&mut self.shards[place(hash)]);
            // Only this very row: the name may be another project's by now.
            if let Ok(found) = shard.find_entry(hash, |other| Arc::ptr_eq(other, row)) {
                found.remove();
                self.site_count -= usize::from(row.is_site());
            }
        }
    }

    /// What a project's hosts show.
    pub(crate) fn of_project(&self, project: ProjectId) -> &[Arc<HostRow>] {
        self.by_project.get(&project).map_or(&[], |rows| rows)
    }

    /// How many hosts answer with a deployment.
    pub(crate) fn site_count(&self) -> usize {
        self.site_count
    }

    /// The row of a host.
    pub(crate) fn find(&self, host: &str) -> Option<&Arc<HostRow>> {
        let hash = self.hasher.hash_one(host);
        self.shards[place(hash)].find(hash, |row| &*row.host == host)
    }
}

/// Which part a hash belongs to. The tables themselves go by its lowest and its seven highest bits.
fn place(hash: u64) -> usize {
    usize::from(hash.to_le_bytes()[4])
}

impl HostRow {
    fn is_site(&self) -> bool {
        matches!(self.target, RowTarget::Site(_))
    }

    /// When its deployment was sealed, ready to be sent. `None` for a gate.
    pub(crate) fn last_modified(&self) -> Option<&HeaderValue> {
        match &self.target {
            RowTarget::Site(site) => Some(&site.last_modified),
            RowTarget::Gate { .. } => None,
        }
    }

    /// The deployment that answers, or that a gate is about.
    pub(crate) fn deployment_id(&self) -> Option<DeploymentId> {
        match &self.target {
            RowTarget::Site(site) => Some(site.deployment_id),
            RowTarget::Gate { deployment_id, .. } => *deployment_id,
        }
    }

    /// What protects it. `None` when it is public.
    pub(crate) fn protection(&self) -> Option<&Protection> {
        self.guard
            .as_ref()?
            .protection_of(!self.is_preview, self.is_custom_domain)
    }

    fn new(entry: HostEntry, guard: Option<Arc<Guard>>, sites: &SiteTable) -> Self {
        let target = match entry.target {
            HostTarget::Site {
                deployment_id,
                document,
                sealed_at,
            } => RowTarget::Site(SiteRow {
                deployment_id,
                slot: sites.slot(document),
                sealed_at,
                last_modified: http_date(sealed_at),
            }),
            HostTarget::Gate {
                code,
                deployment_id,
            } => RowTarget::Gate {
                code,
                deployment_id,
            },
        };
        Self {
            host: entry.host.into(),
            project_id: entry.project_id,
            is_preview: entry.environment == Environment::Preview,
            is_custom_domain: entry.is_custom_domain,
            guard,
            target,
        }
    }
}

/// An HTTP date (RFC 9110 section 5.6.7). Times that have none (after 9999) become the epoch.
fn http_date(at: Timestamp) -> HeaderValue {
    // The last second of the year 9999, the last that the format can say.
    const LAST_SECOND: u64 = 253_402_300_799;
    let seconds = Some(at.unix_seconds()).filter(|seconds| *seconds <= LAST_SECOND);
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds.unwrap_or(0));
    HeaderValue::try_from(httpdate::fmt_http_date(at)).expect("an HTTP date may be sent")
}
