//! From the database to the edge's snapshot: which host answers with what. What is published is a change of the
//! snapshot where the database knows whose hosts changed, otherwise all of it.

mod folding;
mod hosts;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holm_site::{EdgeSnapshot, HostEntry, SnapshotChange, codec};
use holm_storage::{PublishedChange, PublishedSnapshot, SnapshotStore, SnapshotStoreError};
use holm_telemetry::event::TaskFailed;
use holm_types::{Clock, ProjectId};
use tokio::sync::Mutex;

use super::Report;
use crate::db::{Db, DbError, HostChanges, View};
use crate::error::{ApiError, chain};
use crate::limits::ControlLimits;
use crate::published::read_published;
use folding::Waiting;
use hosts::{guards, hosts};

/// How often what is published is compared with a database that changes meanwhile.
const COMPARISONS_MAX: usize = 10;

/// Why a snapshot could not be published. The publisher tries again by itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishError {
    /// The database did not answer.
    #[error("read the hosts")]
    Read(#[from] DbError),
    /// The disk refused.
    #[error("write the snapshot")]
    Write(#[from] SnapshotStoreError),
    /// The server is stopping.
    #[error("run on a blocking thread")]
    Stopping,
}

impl From<PublishError> for ApiError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Read(error) => error.into(),
            PublishError::Write(error) => error.into(),
            PublishError::Stopping => Self::new(
                holm_types::ErrorCode::ServerStopping,
                "The server is stopping",
            ),
        }
    }
}

/// Publishes what the database says. Cheap to clone. One publication at a time: those who wait while
/// one runs find their change published by the next, together with everybody else's.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotPublisher {
    db: Db,
    store: SnapshotStore,
    clock: Arc<dyn Clock>,
    base_domain: Arc<str>,
    /// Projects that one change replaces; when more have changed, everything is published.
    changed_projects_max: u32,
    /// How long changes may lie on a whole snapshot.
    changes_time_max: Duration,
    turn: Arc<Mutex<()>>,
    waiting: Arc<Waiting>,
}

impl SnapshotPublisher {
    pub(crate) fn new(
        db: Db,
        store: SnapshotStore,
        clock: Arc<dyn Clock>,
        base_domain: &str,
        limits: &ControlLimits,
    ) -> Self {
        Self {
            db,
            store,
            clock,
            base_domain: base_domain.into(),
            changed_projects_max: limits.changed_projects_max,
            changes_time_max: limits.snapshot_changes_time_max,
            turn: Arc::default(),
            waiting: Arc::default(),
        }
    }

    /// Publishes if the database is ahead of what is published, then tidies up behind it. Nobody waits for that,
    /// and what is published is published if it fails.
    pub(crate) async fn run_once(&self) -> Result<Report, PublishError> {
        let report = self.publish().await?;
        if let Err(error) = self.tidy().await {
            failed("snapshot_fold", chain(&error));
        }
        Ok(report)
    }

    /// Publishes if the database is ahead of what is published.
    pub(crate) async fn publish(&self) -> Result<Report, PublishError> {
        let _turn = self.turn.lock().await;
        let publisher = self.clone();
        on_blocking_thread(move || publisher.publish_if_behind()).await
    }

    /// Publishes what waits and compares what is published with all that the database says. `None` when the
    /// database changed each time before it was read.
    pub(crate) async fn is_true(&self) -> Result<Option<bool>, PublishError> {
        let _turn = self.turn.lock().await;
        let publisher = self.clone();
        on_blocking_thread(move || {
            for _ in 0..COMPARISONS_MAX {
                publisher.publish_if_behind()?;
                let wanted = publisher
                    .db
                    .read_blocking(|view| publisher.everything(view))?;
                let published = publisher.store.newest();
                let same_version = published.filter(|found| found.version == wanted.version);
                if let Some(published) = same_version {
                    return Ok(Some(is_same(&published, &wanted)));
                }
            }
            Ok(None)
        })
        .await
    }

    /// Returns once a snapshot of at least this version is published.
    pub(crate) async fn reach(&self, version: u64) -> Result<(), PublishError> {
        if self.published_version() < version {
            self.publish().await?;
        }
        Ok(())
    }

    /// At start: publishes if the hosts are not those that are published, whatever the numbers say:
    /// after a crash between commit and publish, after a restored back-up, with another base domain.
    pub(crate) fn publish_at_start(&self) -> Result<Report, PublishError> {
        let wanted = self.db.read_blocking(|view| self.everything(view))?;
        let published = self.store.newest();
        let same = published
            .as_ref()
            .filter(|published| is_same(published, &wanted));
        if let Some(same) = same {
            self.fold_at_start(same, &wanted);
            return Ok(Report::default());
        }
        drop(wanted);
        let published_version = published.map_or(0, |published| published.version);
        self.db.write_blocking::<_, DbError>(move |change| {
            change.raise_snapshot_version(published_version)?;
            change.hosts_changed()
        })?;
        self.publish_if_behind()
    }

    fn publish_if_behind(&self) -> Result<Report, PublishError> {
        let published_version = self.store.newest_version();
        let wanted_version = self.db.read_blocking(|view| view.snapshot_version())?;
        if published_version >= Some(wanted_version) {
            return Ok(Report::default());
        }
        let is_published = match published_version {
            Some(since) => self.publish_change(since)?,
            None => false,
        };
        if !is_published {
            self.publish_everything()?;
        }
        Ok(Report { changed_count: 1 })
    }

    /// False when everything has to be published.
    fn publish_change(&self, since: u64) -> Result<bool, PublishError> {
        let change = self.db.read_blocking::<_, DbError>(|view| {
            match view.host_changes(since, self.changed_projects_max)? {
                HostChanges::Everything => Ok(None),
                HostChanges::Of(projects) => self.change(view, projects).map(Some),
            }
        })?;
        let Some(change) = change else {
            return Ok(false);
        };
        let Some(bytes) = readable(&change) else {
            failed(
                "snapshot_publisher",
                "a change cannot be read back".to_owned(),
            );
            return Ok(false);
        };
        Ok(self.store.publish_change(PublishedChange {
            since,
            version: change.snapshot.version,
            bytes,
        })?)
    }

    fn publish_everything(&self) -> Result<(), PublishError> {
        let snapshot = self.db.read_blocking(|view| self.everything(view))?;
        let version = snapshot.version;
        let bytes = codec::encode_snapshot(&snapshot).into();
        Ok(self.store.publish(version, bytes)?)
    }

    fn published_version(&self) -> u64 {
        self.store.newest_version().unwrap_or(0)
    }

    fn everything(&self, view: &View<'_>) -> Result<EdgeSnapshot, DbError> {
        let hosts = hosts(
            &view.project_hosts()?,
            &view.deployment_hosts()?,
            &view.aliases()?,
        );
        Ok(EdgeSnapshot {
            version: view.snapshot_version()?,
            hosts: self.named(hosts),
            guards: guards(view.guards()?)?,
        })
    }

    /// What these projects have, which are in order and each once; nothing for one that is gone.
    fn change(&self, view: &View<'_>, projects: Vec<ProjectId>) -> Result<SnapshotChange, DbError> {
        let (mut found, mut set) = (Vec::new(), Vec::new());
        for id in &projects {
            let project = view.project_host(*id)?;
            set.extend(view.guard(*id)?);
            found.extend(hosts(
                project.as_slice(),
                &view.deployment_hosts_of(*id)?,
                &view.project_aliases(*id)?,
            ));
        }
        let snapshot = EdgeSnapshot {
            version: view.snapshot_version()?,
            hosts: self.named(found),
            guards: guards(set)?,
        };
        Ok(SnapshotChange { projects, snapshot })
    }

    /// Under the base domain, in order.
    fn named(&self, mut hosts: Vec<HostEntry>) -> Vec<HostEntry> {
        for entry in &mut hosts {
            entry.host.reserve_exact(1 + self.base_domain.len());
            entry.host.push('.');
            entry.host.push_str(&self.base_domain);
        }
        hosts.sort_unstable_by(|a, b| a.host.cmp(&b.host));
        hosts
    }
}

async fn on_blocking_thread<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, PublishError> + Send + 'static,
) -> Result<T, PublishError> {
    let done = tokio::task::spawn_blocking(act).await;
    done.map_err(|_| PublishError::Stopping)?
}

fn failed(task: &str, reason: String) {
    TaskFailed {
        task: task.to_owned(),
        reason,
    }
    .emit();
}

/// The bytes of a change, if an edge can read them. One that it cannot read would keep all that come behind it
/// from being seen.
fn readable(change: &SnapshotChange) -> Option<Bytes> {
    let bytes = codec::encode_change(change);
    codec::decode_change(&bytes).is_ok().then(|| bytes.into())
}

/// Equal snapshots have equal bytes, so that the usual case needs no second one in memory.
fn is_same(published: &PublishedSnapshot, wanted: &EdgeSnapshot) -> bool {
    let (whole, changes) = published.parts();
    if changes.is_empty() {
        return *whole == codec::encode_snapshot(wanted);
    }
    read_published(published).is_ok_and(|snapshot| snapshot == *wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_no_edge_could_read_is_not_written() {
        let id = |number| ProjectId::from_bytes([number; 16]);
        let mut change = SnapshotChange {
            projects: vec![id(1), id(2)],
            snapshot: EdgeSnapshot::default(),
        };
        let bytes = readable(&change).unwrap();
        assert_eq!(codec::decode_change(&bytes).unwrap(), change);
        change.projects.reverse();
        assert_eq!(readable(&change), None);
    }
}
