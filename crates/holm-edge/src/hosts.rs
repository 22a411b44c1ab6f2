//! Which site answers to which host. Replaced whole when a newer snapshot arrives.

use std::sync::Arc;

use hashbrown::HashMap;
use holm_site::guard::{Guard, Protection};
use holm_site::{EdgeSnapshot, HostEntry, HostTarget};
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

/// One version of the snapshot, with its look-up built.
#[derive(Debug, Default)]
pub(crate) struct HostTable {
    /// Which version. Only grows from one table to the next.
    pub(crate) version: u64,
    rows: HashMap<Arc<str>, Arc<HostRow>>,
}

impl HostTable {
    /// Builds the look-up. Sites that `sites` knows are taken over, loaded or not.
    pub(crate) fn new(version: u64, snapshot: EdgeSnapshot, sites: &SiteTable) -> Self {
        let guards = snapshot.guards.into_iter();
        let guards: HashMap<ProjectId, Arc<Guard>> = guards
            .map(|guard| (guard.project_id, Arc::new(Guard::new(guard))))
            .collect();
        let rows = snapshot
            .hosts
            .into_iter()
            .map(|entry| {
                let guard = guards.get(&entry.project_id).map(Arc::clone);
                let row = Arc::new(HostRow::new(entry, guard, sites));
                (Arc::clone(&row.host), row)
            })
            .collect();
        Self { version, rows }
    }

    /// How many hosts answer with a deployment.
    pub(crate) fn site_count(&self) -> usize {
        let targets = self.rows.values().map(|row| &row.target);
        targets
            .filter(|target| matches!(target, RowTarget::Site(_)))
            .count()
    }

    /// The row of a host.
    pub(crate) fn find(&self, host: &str) -> Option<&Arc<HostRow>> {
        self.rows.get(host)
    }
}

impl HostRow {
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
