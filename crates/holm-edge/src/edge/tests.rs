//! Taking up snapshots: only newer ones, and sites stay built across them.

use std::time::Duration;

use bytes::Bytes;
use holm_site::{
    CompileInput, EdgeSnapshot, FileEntry, HostEntry, HostTarget, SnapshotChange, compile,
};
use holm_storage::LocalBlobStore;
use holm_types::{BlobDigest, DeploymentId, Environment, ProjectId, Timestamp};

use super::*;
use crate::hosts::{HostRow, RowTarget};

#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

impl Entropy for Still {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(1);
    }
}

struct Scene {
    edge: Edge,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn new(site_table_bytes_max: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let parts = EdgeParts {
            blobs: Arc::new(LocalBlobStore::open(&folder.path().join("blobs")).unwrap()),
            variants: VariantIndex::open(&folder.path().join("variants")).unwrap(),
            snapshots: SnapshotStore::open(&folder.path().join("snapshots")).unwrap(),
            records: RecordSink::in_memory(),
            clock: Arc::new(Still),
            entropy: Arc::new(Still),
            functions: None,
        };
        let limits = EdgeLimits {
            site_table_bytes_max,
            ..EdgeLimits::default()
        };
        Self {
            edge: Edge::new(
                EdgeConfig {
                    limits,
                    ..EdgeConfig::default()
                },
                parts,
            ),
            _folder: folder,
        }
    }

    async fn document(&self, text: &str) -> BlobDigest {
        let mut upload = self.edge.inner.parts.blobs.upload();
        let file = Bytes::copy_from_slice(text.as_bytes());
        let digest = BlobDigest::of(&file);
        let files = vec![FileEntry {
            path: "/index.html".to_owned(),
            digest,
            size_bytes: file.len() as u64,
        }];
        let compiled = compile(CompileInput {
            files,
            ..CompileInput::default()
        });
        let document = Bytes::from(codec::encode_document(&compiled.value.unwrap()));
        let document_digest = BlobDigest::of(&document);
        upload.put(digest, file).await.unwrap();
        upload.put(document_digest, document).await.unwrap();
        upload.finish().await.unwrap();
        document_digest
    }

    fn take_up(&self, version: u64, hosts: &[(&str, BlobDigest)]) {
        let snapshot = Self::snapshot(version, 1, hosts);
        let bytes = codec::encode_snapshot(&snapshot).into();
        self.take_up_parts(PublishedSnapshot::whole(version, bytes), &[]);
    }

    fn take_up_parts(&self, whole: PublishedSnapshot, changes: &[PublishedChange]) {
        let changes = changes.iter().cloned();
        let published = changes.fold(whole, PublishedSnapshot::with);
        self.edge.inner.take_up(&published);
    }

    /// What one project has.
    fn snapshot(version: u64, project: u8, hosts: &[(&str, BlobDigest)]) -> EdgeSnapshot {
        let entry = |(host, document): &(&str, BlobDigest)| HostEntry {
            host: (*host).to_owned(),
            project_id: ProjectId::from_bytes([project; 16]),
            environment: Environment::Production,
            is_custom_domain: false,
            target: HostTarget::Site {
                deployment_id: DeploymentId::from_bytes([2; 16]),
                document: *document,
                sealed_at: Timestamp::default(),
            },
        };
        EdgeSnapshot {
            version,
            hosts: hosts.iter().map(entry).collect(),
            guards: Vec::new(),
        }
    }

    /// A project's hosts from the version before this one on.
    fn change(version: u64, project: u8, hosts: &[(&str, BlobDigest)]) -> PublishedChange {
        let change = SnapshotChange {
            projects: vec![ProjectId::from_bytes([project; 16])],
            snapshot: Self::snapshot(version, project, hosts),
        };
        PublishedChange {
            since: version - 1,
            version,
            bytes: codec::encode_change(&change).into(),
        }
    }

    /// Each host and whether it is there.
    fn check(&self, version: u64, hosts: &[(&str, bool)]) {
        let table = self.edge.inner.hosts.load();
        assert_eq!(table.version, version);
        for (host, is_there) in hosts {
            assert_eq!(table.find(host).is_some(), *is_there, "{host} in {version}");
        }
        let count = hosts.iter().filter(|(_, is_there)| *is_there).count();
        assert_eq!(table.site_count(), count, "in {version}");
    }

    fn row(&self, host: &str) -> Arc<HostRow> {
        Arc::clone(self.edge.inner.hosts.load().find(host).unwrap())
    }

    fn is_built(&self, host: &str) -> bool {
        match &self.row(host).target {
            RowTarget::Site(site) => site.slot.built(&self.edge.inner.sites).is_some(),
            RowTarget::Gate { .. } => false,
        }
    }

    async fn build(&self, host: &str) {
        let row = self.row(host);
        if let RowTarget::Site(site) = &row.target {
            let blobs = &*self.edge.inner.parts.blobs;
            self.edge.inner.sites.load(&site.slot, blobs).await.unwrap();
        }
    }
}

#[tokio::test]
async fn older_snapshot_is_ignored() {
    let scene = Scene::new(1 << 20);
    let (old, new) = (scene.document("old").await, scene.document("new").await);
    scene.take_up(5, &[("a.test", new)]);
    for version in [4, 5, 0] {
        scene.take_up(version, &[("a.test", old), ("b.test", old)]);
        assert_eq!(scene.edge.version(), 5);
        assert!(scene.edge.inner.hosts.load().find("b.test").is_none());
    }
    scene.take_up(6, &[("b.test", old)]);
    assert_eq!(scene.edge.version(), 6);
    assert!(scene.edge.inner.hosts.load().find("a.test").is_none());
}

#[tokio::test]
async fn a_change_replaces_what_its_projects_have_and_nothing_else() {
    let scene = Scene::new(1 << 20);
    let (one, two) = (scene.document("one").await, scene.document("two").await);
    let whole = codec::encode_snapshot(&Scene::snapshot(1, 1, &[("a.test", one), ("b.test", one)]));
    let whole = PublishedSnapshot::whole(1, whole.into());
    let publish = |changes: &[PublishedChange]| scene.take_up_parts(whole.clone(), changes);
    publish(&[]);
    scene.check(1, &[("a.test", true), ("b.test", true)]);
    scene.build("a.test").await;
    let row = scene.row("a.test");
    // Another project's hosts, with one of the same name: the newer one stands.
    let mut changes = vec![Scene::change(2, 2, &[("b.test", two), ("c.test", two)])];
    publish(&changes);
    scene.check(2, &[("a.test", true), ("b.test", true), ("c.test", true)]);
    assert!(
        Arc::ptr_eq(&row, &scene.row("a.test")),
        "it is shared with the older table"
    );
    // The first project loses both its hosts; the second one keeps the name that it took.
    changes.push(Scene::change(3, 1, &[]));
    changes.push(Scene::change(4, 3, &[("d.test", one)]));
    publish(&changes);
    let wanted = [
        ("a.test", false),
        ("b.test", true),
        ("c.test", true),
        ("d.test", true),
    ];
    scene.check(4, &wanted);
    // Somebody who starts now reads everything.
    let fresh = Scene::new(1 << 20);
    fresh.take_up_parts(whole.clone(), &changes);
    fresh.check(4, &wanted);
    // A change that is damaged is refused, and what was served is served on.
    let mut damaged = Scene::change(5, 3, &[]);
    damaged.bytes = damaged.bytes.slice(1..);
    publish(&[changes, vec![damaged]].concat());
    scene.check(4, &wanted);
    assert_eq!(scene.edge.counts().snapshots_refused_total, 1);
}

#[tokio::test]
async fn a_site_that_stays_is_not_built_again() {
    let scene = Scene::new(1 << 20);
    let (one, two) = (scene.document("one").await, scene.document("two").await);
    scene.take_up(1, &[("a.test", one), ("b.test", two)]);
    assert!(!scene.is_built("a.test"), "sites are built when asked for");
    scene.build("a.test").await;
    scene.take_up(2, &[("a.test", two), ("c.test", one)]);
    assert!(
        scene.is_built("c.test"),
        "the same document under another name"
    );
    assert!(!scene.is_built("a.test"));
    scene.take_up(3, &[]);
    scene.take_up(4, &[("a.test", one)]);
    assert!(!scene.is_built("a.test"), "nothing kept it");
}

#[tokio::test]
async fn the_sites_that_were_used_longest_ago_make_room() {
    let scene = Scene::new(1 << 20);
    let document = scene.document("0").await;
    scene.take_up(1, &[("0.test", document)]);
    scene.build("0.test").await;
    let weight = match &scene.row("0.test").target {
        RowTarget::Site(site) => site
            .slot
            .built(&scene.edge.inner.sites)
            .unwrap()
            .weight_bytes(),
        RowTarget::Gate { .. } => 0,
    };

    let scene = Scene::new(weight * 2 + weight / 2);
    let mut hosts = Vec::new();
    for name in ["0", "1", "2", "3"] {
        hosts.push((format!("{name}.test"), scene.document(name).await));
    }
    let hosts: Vec<_> = hosts
        .iter()
        .map(|(host, digest)| (host.as_str(), *digest))
        .collect();
    scene.take_up(1, &hosts);
    scene.build("0.test").await;
    scene.build("1.test").await;
    assert!(
        scene.is_built("0.test"),
        "and used now, later than 1.test was"
    );
    scene.build("2.test").await;
    let built: Vec<bool> = hosts.iter().map(|(host, _)| scene.is_built(host)).collect();
    assert_eq!(built, [true, false, true, false]);
}
