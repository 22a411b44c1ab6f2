//! From the database to the edge's snapshot: which host answers with what.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use holm_site::guard::ProjectGuard;
use holm_site::{EdgeSnapshot, HostEntry, HostTarget, codec};
use holm_storage::{PublishedSnapshot, SnapshotStore, SnapshotStoreError};
use holm_types::{DeploymentId, DeploymentState, Environment, ProjectId, VisitorCode};
use tokio::sync::Mutex;

use super::Report;
use crate::app::{deployment_label, production_label, read_protection, read_rules};
use crate::db::{AliasKind, AliasRow, Db, DbError, GuardRow, HostRow, ProjectHost, View};
use crate::error::ApiError;

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

    /// Publishes if the database is ahead of what is published.
    pub(crate) async fn run_once(&self) -> Result<Report, PublishError> {
        let _turn = self.turn.lock().await;
        let publisher = self.clone();
        tokio::task::spawn_blocking(move || publisher.publish_if_behind())
            .await
            .map_err(|_| PublishError::Stopping)?
    }

    /// Returns once a snapshot of at least this version is published.
    pub(crate) async fn reach(&self, version: u64) -> Result<(), PublishError> {
        if self.published_version() < version {
            self.run_once().await?;
        }
        Ok(())
    }

    /// At start: publishes if the hosts are not those that are published, whatever the numbers say:
    /// after a crash between commit and publish, after a restored back-up, with another base domain.
    pub(crate) fn publish_at_start(&self) -> Result<Report, PublishError> {
        let wanted = self.read()?;
        let published = self.store.newest();
        let is_same = published.as_ref().is_some_and(|published| {
            codec::decode_snapshot(&published.bytes).is_ok_and(|snapshot| {
                snapshot.hosts == wanted.hosts && snapshot.guards == wanted.guards
            })
        });
        let published_version = published.map_or(0, |published| published.version);
        if is_same && published_version == wanted.version {
            return Ok(Report::default());
        }
        self.db.write_blocking::<_, DbError>(move |change| {
            change.raise_snapshot_version(published_version)?;
            change.hosts_changed()
        })?;
        self.publish_if_behind()
    }

    fn publish_if_behind(&self) -> Result<Report, PublishError> {
        let published_version = self.published_version();
        let wanted_version = self.db.read_blocking(|view| view.snapshot_version())?;
        if self.store.newest().is_some() && published_version >= wanted_version {
            return Ok(Report::default());
        }
        let snapshot = self.read()?;
        self.store.publish(PublishedSnapshot {
            version: snapshot.version,
            bytes: Bytes::from(codec::encode_snapshot(&snapshot)),
        })?;
        Ok(Report { changed_count: 1 })
    }

    fn published_version(&self) -> u64 {
        self.store.newest().map_or(0, |published| published.version)
    }

    fn read(&self) -> Result<EdgeSnapshot, DbError> {
        self.db.read_blocking(|view| self.build(view))
    }

    fn build(&self, view: &View<'_>) -> Result<EdgeSnapshot, DbError> {
        let mut hosts = hosts(
            &view.project_hosts()?,
            &view.deployment_hosts()?,
            &view.aliases()?,
        );
        for entry in &mut hosts {
            entry.host.push('.');
            entry.host.push_str(&self.base_domain);
        }
        hosts.sort_unstable_by(|a, b| a.host.cmp(&b.host));
        Ok(EdgeSnapshot {
            version: view.snapshot_version()?,
            hosts,
            guards: guards(view.guards()?)?,
        })
    }
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
