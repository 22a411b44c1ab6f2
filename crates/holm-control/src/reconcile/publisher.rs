//! From the database to the edge's snapshot: which host answers with what. What is published is a change of the
//! snapshot where the database knows whose hosts changed, otherwise all of it.

use std::collections::HashMap;
use std::sync::Arc;

use holm_site::codec;
use holm_site::guard::ProjectGuard;
use holm_site::{EdgeSnapshot, HostEntry, HostTarget, SnapshotChange};
use holm_storage::{PublishedChange, PublishedSnapshot, SnapshotStore, SnapshotStoreError};
use holm_types::{DeploymentId, DeploymentState, Environment, ProjectId, VisitorCode};
use tokio::sync::Mutex;

use super::Report;
use crate::app::{deployment_label, production_label, read_protection, read_rules};
use crate::db::{
    AliasKind, AliasRow, Db, DbError, GuardRow, HostChanges, HostRow, ProjectHost, View,
};
use crate::error::ApiError;
use crate::published::read_published;

/// Projects that one change of the snapshot replaces; when more have changed, all of it is published.
const CHANGED_PROJECTS_MAX: u32 = 1000;

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
    base_domain: Arc<str>,
    turn: Arc<Mutex<()>>,
}

impl SnapshotPublisher {
    pub(crate) fn new(db: Db, store: SnapshotStore, base_domain: String) -> Self {
        Self {
            db,
            store,
            base_domain: base_domain.into(),
            turn: Arc::default(),
        }
    }

    /// Publishes if the database is ahead of what is published, and folds changes that have become many.
    pub(crate) async fn run_once(&self) -> Result<Report, PublishError> {
        let report = self.publish().await?;
        let publisher = self.clone();
        // Nobody waits for folding, and it keeps nobody from publishing.
        on_blocking_thread(move || publisher.fold_if_many()).await?;
        Ok(report)
    }

    pub(crate) async fn publish(&self) -> Result<Report, PublishError> {
        let _turn = self.turn.lock().await;
        let publisher = self.clone();
        on_blocking_thread(move || publisher.publish_if_behind()).await
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
        let is_same = published
            .as_ref()
            .is_some_and(|published| is_same(published, &wanted));
        drop(wanted);
        if is_same {
            return Ok(Report::default());
        }
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
            match view.host_changes(since, CHANGED_PROJECTS_MAX)? {
                HostChanges::Everything => Ok(None),
                HostChanges::Of(projects) => self.change(view, projects).map(Some),
            }
        })?;
        let Some(change) = change else {
            return Ok(false);
        };
        Ok(self.store.publish_change(PublishedChange {
            since,
            version: change.snapshot.version,
            bytes: codec::encode_change(&change).into(),
        })?)
    }

    fn publish_everything(&self) -> Result<(), PublishError> {
        let snapshot = self.db.read_blocking(|view| self.everything(view))?;
        let version = snapshot.version;
        let bytes = codec::encode_snapshot(&snapshot).into();
        self.store.publish(version, bytes)?;
        self.db
            .write_blocking(move |change| change.forget_host_changes(version))?;
        Ok(())
    }

    fn fold_if_many(&self) -> Result<(), PublishError> {
        let newest = self.store.newest();
        let Some(published) = newest.filter(PublishedSnapshot::is_to_be_folded) else {
            return Ok(());
        };
        let version = published.version;
        let folded = read_published(&published).map(|snapshot| codec::encode_snapshot(&snapshot));
        let Ok(folded) = folded else {
            // What cannot be read any more is replaced from the database.
            self.db.write_blocking(|change| change.hosts_changed())?;
            return self.publish_if_behind().map(drop);
        };
        self.store.fold(version, folded.into())?;
        self.db
            .write_blocking(move |change| change.forget_host_changes(version))?;
        Ok(())
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

/// Equal snapshots have equal bytes, so that the usual case needs no second one in memory.
fn is_same(published: &PublishedSnapshot, wanted: &EdgeSnapshot) -> bool {
    let (whole, changes) = published.parts();
    if changes.is_empty() {
        return *whole == codec::encode_snapshot(wanted);
    }
    read_published(published).is_ok_and(|snapshot| snapshot == *wanted)
}

/// What stands before the hosts, in order; nothing for projects that have set nothing.
fn guards(rows: Vec<GuardRow>) -> Result<Vec<ProjectGuard>, DbError> {
    let mut guards = Vec::with_capacity(rows.len());
    for row in rows {
        let damaged = |_| DbError::Damaged {
            what: "access rule",
        };
        let guard = ProjectGuard {
            project_id: row.project_id,
            protection: row.protection.as_ref().and_then(read_protection),
            access: read_rules(&row.access_rules).map_err(damaged)?,
        };
        if guard.protection.is_some() || !guard.access.is_empty() {
            guards.push(guard);
        }
    }
    guards.sort_unstable_by_key(|guard| guard.project_id);
    Ok(guards)
}

/// Every host of every project; the names are still without the base domain.
fn hosts(
    projects: &[ProjectHost],
    deployments: &[HostRow],
    aliases: &[AliasRow],
) -> Vec<HostEntry> {
    let by_id: HashMap<DeploymentId, &HostRow> =
        deployments.iter().map(|row| (row.id, row)).collect();
    let names: HashMap<ProjectId, &ProjectHost> = projects
        .iter()
        .map(|project| (project.id, project))
        .collect();
    let own = deployments.iter().filter_map(|row| {
        let label = deployment_label(&names.get(&row.project_id)?.name, &row.label);
        // Whatever it was made for: the address of one deployment is for looking at it, and a search
        // engine that kept it would show old production deployments beside the new (S-37).
        Some(entry(
            label,
            row.project_id,
            Environment::Preview,
            own_target(row)?,
        ))
    });
    let pointed_at = aliases.iter().filter_map(|alias| {
        let target = site(by_id.get(&alias.deployment_id)?)?;
        let environment = match alias.kind {
            AliasKind::Production => Environment::Production,
            AliasKind::Branch => Environment::Preview,
        };
        Some(entry(
            alias.label.clone(),
            alias.project_id,
            environment,
            target,
        ))
    });
    let gates = first_deployments(projects, deployments, aliases).into_iter();
    own.chain(pointed_at).chain(gates).collect()
}

fn entry(
    label: String,
    project_id: ProjectId,
    environment: Environment,
    target: HostTarget,
) -> HostEntry {
    HostEntry {
        host: label,
        project_id,
        environment,
        is_custom_domain: false,
        target,
    }
}

/// What a deployment's own host shows: the deployment, or why there is nothing to show.
fn own_target(row: &HostRow) -> Option<HostTarget> {
    let code = match row.state {
        DeploymentState::Sealed => return site(row),
        DeploymentState::Queued | DeploymentState::Building | DeploymentState::Uploading => {
            VisitorCode::Deploying
        }
        DeploymentState::Failed | DeploymentState::Cancelled | DeploymentState::TimedOut => {
            VisitorCode::Failed
        }
        DeploymentState::Expired => VisitorCode::Unauthorized,
        DeploymentState::Deleted => VisitorCode::Deleted,
    };
    Some(HostTarget::Gate {
        code,
        deployment_id: Some(row.id),
    })
}

/// `None` when the row is not of a sealed deployment.
fn site(row: &HostRow) -> Option<HostTarget> {
    if row.state != DeploymentState::Sealed {
        return None;
    }
    Some(HostTarget::Site {
        deployment_id: row.id,
        document: row.document?,
        sealed_at: row.sealed_at?,
    })
}

/// The production hosts of projects without a success: 423 while a production deployment is under
/// way, 424 when the newest one ended without success, no host at all when there was none.
fn first_deployments(
    projects: &[ProjectHost],
    deployments: &[HostRow],
    aliases: &[AliasRow],
) -> Vec<HostEntry> {
    let mut waiting: HashMap<ProjectId, Option<HostTarget>> =
        projects.iter().map(|project| (project.id, None)).collect();
    for alias in aliases {
        if alias.kind == AliasKind::Production {
            waiting.remove(&alias.project_id);
        }
    }
    // Oldest first, so that the newest has the last word; one under way is not overruled.
    for row in deployments {
        let is_production = row.environment == Environment::Production;
        let Some(gate) = waiting.get_mut(&row.project_id).filter(|_| is_production) else {
            continue;
        };
        let is_under_way = matches!(
            gate,
            Some(HostTarget::Gate {
                code: VisitorCode::Deploying,
                ..
            })
        );
        if !is_under_way && row.state != DeploymentState::Deleted {
            *gate = own_target(row).filter(|target| matches!(target, HostTarget::Gate { .. }));
        }
    }
    projects
        .iter()
        .filter_map(|project| {
            let target = waiting.remove(&project.id)??;
            let label = production_label(&project.name);
            Some(entry(label, project.id, Environment::Production, target))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use holm_types::{BlobDigest, Timestamp};

    use super::*;

    fn project() -> ProjectHost {
        ProjectHost {
            id: ProjectId::from_bytes([1; 16]),
            name: "blog".parse().unwrap(),
        }
    }

    fn deployment(number: u8, state: DeploymentState) -> HostRow {
        let is_sealed = state == DeploymentState::Sealed;
        HostRow {
            id: DeploymentId::from_bytes([number; 16]),
            project_id: project().id,
            label: format!("label{number}"),
            state,
            environment: Environment::Production,
            document: is_sealed.then(|| BlobDigest::of(b"document")),
            sealed_at: is_sealed.then(Timestamp::default),
        }
    }

    fn alias(to: u8) -> AliasRow {
        AliasRow {
            branch: None,
            project_id: project().id,
            kind: AliasKind::Production,
            label: "blog".to_owned(),
            deployment_id: DeploymentId::from_bytes([to; 16]),
            move_id: 1,
        }
    }

    /// What each host answers with: a status for a gate, 200 for a site.
    fn check(deployments: &[HostRow], aliases: &[AliasRow], want: &[(&str, u16)]) {
        let mut got: Vec<(String, u16)> = hosts(&[project()], deployments, aliases)
            .into_iter()
            .map(|entry| match entry.target {
                HostTarget::Site { .. } => (entry.host, 200),
                HostTarget::Gate { code, .. } => (entry.host, code.status()),
            })
            .collect();
        got.sort();
        let got: Vec<(&str, u16)> = got
            .iter()
            .map(|(host, code)| (host.as_str(), *code))
            .collect();
        assert_eq!(got, want);
    }

    #[test]
    fn every_state_has_its_host() {
        use DeploymentState as S;
        check(&[], &[], &[]);
        let uploading = deployment(2, S::Uploading);
        check(&[uploading], &[], &[("blog", 423), ("blog--label2", 423)]);
        let failed = deployment(2, S::Failed);
        check(
            std::slice::from_ref(&failed),
            &[],
            &[("blog", 424), ("blog--label2", 424)],
        );
        check(
            &[
                failed,
                deployment(3, S::Uploading),
                deployment(4, S::TimedOut),
            ],
            &[],
            &[
                ("blog", 423),
                ("blog--label2", 424),
                ("blog--label3", 423),
                ("blog--label4", 424),
            ],
        );
        check(&[deployment(2, S::Deleted)], &[], &[("blog--label2", 410)]);
        check(
            &[
                deployment(2, S::Sealed),
                deployment(3, S::Failed),
                deployment(4, S::Expired),
            ],
            &[alias(2)],
            &[
                ("blog", 200),
                ("blog--label2", 200),
                ("blog--label3", 424),
                ("blog--label4", 401),
            ],
        );
    }

    #[test]
    fn a_preview_says_nothing_about_production() {
        let mut preview = deployment(2, DeploymentState::Uploading);
        preview.environment = Environment::Preview;
        check(&[preview], &[], &[("blog--label2", 423)]);
    }
}
