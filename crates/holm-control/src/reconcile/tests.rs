//! Every reconciler can be run again: the second run finds nothing to do.

mod collecting;
mod publishing;

use std::sync::Arc;
use std::time::Duration;

use holm_site::EdgeSnapshot;
use holm_storage::{
    BestEncoder, ContentCoding, LocalBlobStore, SnapshotStore, Variant, VariantIndex, Variants,
    compress,
};
use holm_types::{
    AliasId, BlobDigest, Clock, DeploymentId, Entropy, Environment, ProjectId, Timestamp,
};

use super::*;
use crate::config::{ControlConfig, ControlParts};
use crate::db::{AliasKind, AliasRow, Db, DbError, HostChanges, MoveCause, NewDeployment, Sealing};
use crate::limits::ControlLimits;
use crate::published::read_published;
use crate::secret_key::SecretKey;

/// A clock that says the same always, and entropy of one byte.
#[derive(Debug)]
struct Fixed;

const NOW: Timestamp = Timestamp::from_unix_ms(1_700_000_000_000);

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

impl Entropy for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

fn core(folder: &std::path::Path) -> Core {
    core_with(folder, ControlLimits::default())
}

fn core_with(folder: &std::path::Path, limits: ControlLimits) -> Core {
    let db = Db::open(&folder.join("control.db"), &limits, 0).unwrap();
    let config = ControlConfig {
        base_domain: "localhost".to_owned(),
        public_scheme: "http".to_owned(),
        public_port: None,
        control_origin: "http://127.0.0.1:1".to_owned(),
        trusted_proxies: holm_types::IpNetworkSet::default(),
        version: "test",
        rule_limits: crate::RuleLimits::DEFAULT,
        limits,
        other_limits: Vec::new(),
    };
    let parts = ControlParts {
        blobs: Arc::new(LocalBlobStore::open(&folder.join("blobs")).unwrap()),
        variants: VariantIndex::open(&folder.join("variants")).unwrap(),
        snapshots: SnapshotStore::open(&folder.join("snapshots")).unwrap(),
        clock: Arc::new(Fixed),
        entropy: Arc::new(Fixed),
    };
    let key = SecretKey::make(&folder.join("secrets.key"), &Fixed).unwrap();
    Core::new(config, parts, db, key)
}

/// What an edge would have taken up, and how many changes that took.
fn published(core: &Core) -> (EdgeSnapshot, usize) {
    let newest = core.snapshots.newest().unwrap();
    let snapshot = read_published(&newest).unwrap();
    assert_eq!(snapshot.version, newest.version);
    (snapshot, newest.parts().1.len())
}

/// A sealed production deployment with its alias, in a project of this number.
fn deploy(core: &Core, project: u8, number: u8) {
    deploy_document(core, project, number, BlobDigest::of(&[number]));
}

fn deploy_document(core: &Core, project: u8, number: u8, document: BlobDigest) {
    let (project_id, id) = (
        ProjectId::from_bytes([project; 16]),
        DeploymentId::from_bytes([number; 16]),
    );
    let name = format!("site-{project}");
    core.db
        .write_blocking::<_, ApiError>(move |change| {
            change.insert_project(project_id, &name.parse().unwrap(), NOW)?;
            change.insert_deployment(&NewDeployment {
                id,
                project_id,
                environment: Environment::Production,
                source: holm_api::DeploymentSource::default(),
                file_count: 0,
                size_bytes: 0,
                redeployed_from: None,
                created_at: NOW,
            })?;
            let sealing = Sealing {
                document,
                sealed_at: NOW,
                diagnostics: Vec::new(),
            };
            assert!(change.seal_deployment(id, &sealing)?);
            let cause = MoveCause::Deploy;
            let move_id = change.insert_alias_move(project_id, &name, id, cause, None, NOW)?;
            let row = AliasRow {
                project_id,
                kind: AliasKind::Production,
                label: name,
                deployment_id: id,
                move_id,
                branch: None,
            };
            change.put_alias(AliasId::from_bytes([project; 16]), &row)?;
            change.project_hosts_changed(project_id)?;
            Ok(())
        })
        .unwrap();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// A project with one upload that began this long ago, and a token that has expired.
fn fill(core: &Core, age: Duration) {
    let project_id = ProjectId::from_bytes([1; 16]);
    core.db
        .write_blocking::<_, ApiError>(move |change| {
            change.insert_project(project_id, &"blog".parse().unwrap(), NOW)?;
            change.insert_deployment(&NewDeployment {
                id: DeploymentId::from_bytes([2; 16]),
                project_id,
                environment: Environment::Production,
                source: holm_api::DeploymentSource::default(),
                file_count: 0,
                size_bytes: 0,
                redeployed_from: None,
                created_at: NOW.minus(age),
            })?;
            Ok(change.hosts_changed()?)
        })
        .unwrap();
    crate::app::instance::new_local_token(core, "gone", Duration::ZERO).unwrap();
}

#[test]
fn a_second_run_finds_nothing_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let core = core(folder.path());
    fill(&core, Duration::from_hours(25));
    let (_sender, stop) = watch::channel(false);
    let runtime = runtime();
    runtime.block_on(async {
        for want in [1, 0] {
            let uploads = UploadSweeper::new(&core).run_once().await.unwrap();
            assert_eq!(uploads.changed_count, want, "uploads");
            let credentials = CredentialSweeper::new(&core).run_once().await.unwrap();
            assert_eq!(credentials.changed_count, want, "credentials");
            let published = core.publisher.run_once().await.unwrap();
            assert_eq!(published.changed_count, want, "snapshot");
            let variants = VariantMaker::new(&core).run_once(&stop).await.unwrap();
            assert_eq!(variants.changed_count, 0, "variants: nothing is sealed");
        }
    });
}

#[test]
fn quick_forms_are_improved_once() {
    let folder = tempfile::tempdir().unwrap();
    let core = core(folder.path());
    let (_sender, stop) = watch::channel(false);
    let runtime = runtime();
    let text = (0..2000_u32).map(|at| format!("word-{} ", at * at % 61));
    let text = bytes::Bytes::from(text.collect::<String>());
    let source = BlobDigest::of(&text);
    let gone = BlobDigest::of(b"collected meanwhile");
    runtime.block_on(async {
        let quick = bytes::Bytes::from(compress(&text, ContentCoding::Br).unwrap());
        let early = Variants {
            br: Some(Variant {
                digest: BlobDigest::of(&quick),
                size_bytes: quick.len() as u64,
            }),
            ..Variants::default()
        };
        let mut upload = core.blobs.upload();
        upload.put(source, text.clone()).await.unwrap();
        upload.put(BlobDigest::of(&quick), quick).await.unwrap();
        upload.finish().await.unwrap();
        core.variants.record(source, early).unwrap();
        core.variants.record(gone, early).unwrap();
        let encoder = BestEncoder::start().unwrap();
        for want in [2, 0] {
            let improver = VariantImprover::new(&core, &encoder);
            let report = improver.run_once(&stop).await.unwrap();
            assert_eq!(report.changed_count, want);
        }
        let best = core.variants.get(&source).unwrap();
        assert!(best.is_best && best.br.unwrap().size_bytes < early.br.unwrap().size_bytes);
        for form in [best.br.unwrap(), best.zstd.unwrap()] {
            let stored = core.blobs.read_verified(form.digest).await.unwrap();
            assert_eq!(stored.len() as u64, form.size_bytes);
        }
        // Of what is no longer there the quick forms are kept, and nobody tries again.
        let kept = core.variants.get(&gone).unwrap();
        assert_eq!((kept.br, kept.zstd, kept.is_best), (early.br, None, true));
        assert_eq!(core.variants.take_early(), None);
    });
}

#[test]
fn a_deployment_that_cannot_be_looked_after_costs_no_other_its_variants() {
    let folder = tempfile::tempdir().unwrap();
    let core = core(folder.path());
    let (_sender, stop) = watch::channel(false);
    runtime().block_on(async {
        let small = collecting::stored_document(&core, "small").await;
        deploy(&core, 1, 1);
        deploy_document(&core, 2, 2, small);
        // The newest first; the document of the other is not there.
        assert!(VariantMaker::new(&core).run_once(&stop).await.is_err());
        let left = core
            .db
            .read_blocking(|view| view.deployments_without_variants(9));
        let left: Vec<_> = left.unwrap().into_iter().map(|(id, _)| id).collect();
        assert_eq!(left, [DeploymentId::from_bytes([1; 16])]);
    });
}

#[test]
fn a_panic_ends_one_run_only() {
    let runtime = runtime();
    let runs = std::cell::Cell::new(0);
    let (stop, stopped) = watch::channel(false);
    let nudge = Notify::new();
    runtime.block_on(repeat(
        "test",
        stopped,
        Some(&nudge),
        Duration::from_hours(1),
        async || {
            runs.set(runs.get() + 1);
            match runs.get() {
                1 => {
                    nudge.notify_one();
                    panic!("a bug in a reconciler");
                }
                2 => {
                    nudge.notify_one();
                    Err(ApiError::new(holm_types::ErrorCode::Internal, "failed"))
                }
                _ => {
                    stop.send_replace(true);
                    Ok(Report::default())
                }
            }
        },
    ));
    assert_eq!(runs.get(), 3);
}
