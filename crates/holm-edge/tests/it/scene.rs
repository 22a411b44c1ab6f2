//! An edge with sites on it, on port 0, in a temporary folder, with a clock that the test holds.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use holm_edge::{DrainReport, Edge, EdgeConfig, EdgeLimits, EdgeParts, FunctionHost, listen};
use holm_site::guard::ProjectGuard;
use holm_site::{
    BuiltFunctions, DeploymentDocument, FunctionBundle, codec, compile, compile_with_functions,
};
use holm_site::{
    CONFIG_FILES, CompileInput, EdgeSnapshot, FileEntry, HostEntry, HostTarget, SnapshotChange,
};
use holm_storage::{
    BestEncoder, BlobStore, ContentCoding, LocalBlobStore, PublishedChange, SnapshotStore, Variant,
    VariantIndex, Variants, compress,
};
use holm_telemetry::{AccessRecord, RecordSink};
use holm_types::{
    BlobDigest, Clock, DeploymentId, Entropy, Environment, IpNetworkSet, Parsed, ProjectId,
    Timestamp, VisitorCode,
};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::client::{Client, Reply, WAIT_MAX};

/// When every deployment here was sealed: Tue, 14 Nov 2023 22:13:20 GMT.
pub(crate) const SEALED_AT: Timestamp = Timestamp::from_unix_ms(1_700_000_000_000);
pub(crate) const LAST_MODIFIED: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
pub(crate) const PROJECT: ProjectId = ProjectId::from_bytes([1; 16]);

/// The address that these tests come from, as what an operator declares: so a test can say who asks.
pub(crate) const TRUSTED_PROXY: &str = "127.0.0.1";

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
pub(crate) struct HeldClock(AtomicU64);

impl HeldClock {
    pub(crate) fn advance(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap();
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for HeldClock {
    fn now(&self) -> Timestamp {
        SEALED_AT.plus(self.monotonic())
    }
    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

#[derive(Debug)]
struct Seed;

impl Entropy for Seed {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

/// A host of a snapshot, with the least that a test wants to say about it.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    entry: HostEntry,
}

impl Host {
    pub(crate) fn site(host: &str, document: BlobDigest) -> Self {
        let target = HostTarget::Site {
            deployment_id: DeploymentId::from_bytes([2; 16]),
            document,
            sealed_at: SEALED_AT,
        };
        Self::new(host, target)
    }

    pub(crate) fn deployment(mut self, number: u8) -> Self {
        if let HostTarget::Site { deployment_id, .. } = &mut self.entry.target {
            *deployment_id = DeploymentId::from_bytes([number; 16]);
        }
        self
    }

    pub(crate) fn gate(host: &str, code: VisitorCode) -> Self {
        Self::new(
            host,
            HostTarget::Gate {
                code,
                deployment_id: Some(DeploymentId::from_bytes([3; 16])),
            },
        )
    }

    fn new(host: &str, target: HostTarget) -> Self {
        Self {
            entry: HostEntry {
                host: host.to_owned(),
                project_id: PROJECT,
                environment: Environment::Production,
                is_custom_domain: false,
                target,
            },
        }
    }

    pub(crate) fn custom(mut self) -> Self {
        self.entry.is_custom_domain = true;
        self
    }

    pub(crate) fn preview(mut self) -> Self {
        self.entry.environment = Environment::Preview;
        self
    }
}

/// Everything, running.
pub(crate) struct Scene {
    pub(crate) edge: Edge,
    pub(crate) address: SocketAddr,
    pub(crate) clock: Arc<HeldClock>,
    pub(crate) records: RecordSink,
    pub(crate) blobs: LocalBlobStore,
    pub(crate) variants: VariantIndex,
    pub(crate) snapshots: SnapshotStore,
    pub(crate) folder: TempDir,
    stop: watch::Sender<bool>,
    serving: JoinHandle<DrainReport>,
    following: JoinHandle<()>,
}

/// A file of a site.
pub(crate) type File<'a> = (&'a str, &'a [u8]);

/// The site that most tests ask.
pub(crate) const FILES: &[File<'static>] = &[
    ("/index.html", b"<h1>home</h1>"),
    ("/404.html", b"<h1>lost</h1>"),
    ("/about.html", b"<h1>about</h1>"),
    ("/data.bin", b"0123456789"),
    ("/assets/app.1a2b3c4d.js", b"console.log(1)"),
    ("/empty.bin", b""),
];

/// Connections of this machine count as the operator's own proxy.
fn config(limits: EdgeLimits) -> EdgeConfig {
    EdgeConfig {
        limits,
        trusted_proxies: IpNetworkSet::new(&[TRUSTED_PROXY.parse().unwrap()]),
        base_domain: Some("test".to_owned()),
        addresses_are_shortened: false,
    }
}

impl Scene {
    /// The usual site at `site.test`.
    pub(crate) async fn usual() -> Self {
        Self::with(EdgeLimits::default(), FILES).await
    }

    /// A site at `site.test`.
    pub(crate) async fn with(limits: EdgeLimits, files: &[File<'_>]) -> Self {
        let scene = Self::empty(limits);
        let document = scene.deploy(files).await;
        scene
            .publish(1, vec![Host::site("site.test", document)])
            .await;
        scene
    }

    /// An edge that has never seen a snapshot and keeps no whole address.
    pub(crate) fn shortening_addresses() -> Self {
        let config = EdgeConfig {
            addresses_are_shortened: true,
            ..config(EdgeLimits::default())
        };
        Self::configured(config, |blobs| Arc::new(blobs), None)
    }

    /// An edge that has never seen a snapshot and has functions run.
    pub(crate) fn running_functions(limits: EdgeLimits, functions: Arc<dyn FunctionHost>) -> Self {
        Self::configured(config(limits), |blobs| Arc::new(blobs), Some(functions))
    }

    /// An edge that has never seen a snapshot.
    pub(crate) fn empty(limits: EdgeLimits) -> Self {
        Self::empty_over(limits, |blobs| Arc::new(blobs))
    }

    /// As [`Scene::empty`], with something between the edge and the store.
    pub(crate) fn empty_over(
        limits: EdgeLimits,
        over: impl FnOnce(LocalBlobStore) -> Arc<dyn BlobStore>,
    ) -> Self {
        Self::configured(config(limits), over, None)
    }

    fn configured(
        config: EdgeConfig,
        over: impl FnOnce(LocalBlobStore) -> Arc<dyn BlobStore>,
        functions: Option<Arc<dyn FunctionHost>>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let blobs = LocalBlobStore::open(&folder.path().join("blobs")).unwrap();
        let variants = VariantIndex::open(&folder.path().join("variants")).unwrap();
        let snapshots = SnapshotStore::open(&folder.path().join("snapshots")).unwrap();
        let clock = Arc::new(HeldClock::default());
        let records = RecordSink::in_memory();
        let edge = Edge::new(
            config,
            EdgeParts {
                blobs: over(blobs.clone()),
                variants: variants.clone(),
                snapshots: snapshots.clone(),
                records: records.clone(),
                clock: Arc::<HeldClock>::clone(&clock),
                entropy: Arc::new(Seed),
                functions,
            },
        );
        let listener = listen::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let serving = {
            let (edge, stopped) = (edge.clone(), stopped.clone());
            tokio::spawn(async move { edge.serve(listener, stopped).await })
        };
        let following = {
            let edge = edge.clone();
            tokio::spawn(async move { edge.follow_snapshots(stopped).await })
        };
        Self {
            edge,
            address,
            clock,
            records,
            blobs,
            variants,
            snapshots,
            folder,
            stop,
            serving,
            following,
        }
    }

    /// Compiles and stores a deployment; the digest of its document.
    pub(crate) async fn deploy(&self, files: &[File<'_>]) -> BlobDigest {
        self.deploy_compiled(files, compile).await
    }

    /// Stores a blob.
    pub(crate) async fn store(&self, bytes: &[u8]) -> BlobDigest {
        let mut upload = self.blobs.upload();
        let digest = BlobDigest::of(bytes);
        let bytes = Bytes::copy_from_slice(bytes);
        upload.put(digest, bytes).await.unwrap();
        upload.finish().await.unwrap();
        digest
    }

    /// As [`Scene::deploy`], with the functions that were built of it.
    pub(crate) async fn deploy_built(
        &self,
        files: &[File<'_>],
        bundle: &str,
        built: BuiltFunctions,
    ) -> BlobDigest {
        let code = self.store(bundle.as_bytes()).await;
        let built = BuiltFunctions {
            bundle: Some(FunctionBundle {
                code,
                code_bytes: bundle.len() as u64,
                source_map: None,
            }),
            ..built
        };
        let compile = |input| compile_with_functions(input, built);
        self.deploy_compiled(files, compile).await
    }

    async fn deploy_compiled(
        &self,
        files: &[File<'_>],
        compile: impl FnOnce(CompileInput) -> Parsed<Option<DeploymentDocument>>,
    ) -> BlobDigest {
        let mut upload = self.blobs.upload();
        let mut input = CompileInput::default();
        let mut configs = BTreeMap::new();
        for (path, bytes) in files {
            let digest = BlobDigest::of(bytes);
            upload
                .put(digest, Bytes::copy_from_slice(bytes))
                .await
                .unwrap();
            input.files.push(FileEntry {
                path: (*path).to_owned(),
                digest,
                size_bytes: bytes.len() as u64,
            });
            if CONFIG_FILES.contains(path) {
                configs.insert((*path).to_owned(), bytes.to_vec());
            }
        }
        input.configs = configs;
        let compiled = compile(input);
        let document = compiled
            .value
            .unwrap_or_else(|| panic!("{:?}", compiled.diagnostics));
        let bytes = Bytes::from(codec::encode_document(&document));
        let digest = BlobDigest::of(&bytes);
        upload.put(digest, bytes).await.unwrap();
        upload.finish().await.unwrap();
        digest
    }

    /// Stores the encoded forms of a file, as the keeper of variants does.
    pub(crate) async fn add_variants(&self, source: &[u8]) -> Variants {
        let mut upload = self.blobs.upload();
        let mut variants = Variants::default();
        for coding in [ContentCoding::Br, ContentCoding::Gzip] {
            let encoded = compress(source, coding).expect("this text compresses");
            let variant = Variant {
                digest: BlobDigest::of(&encoded),
                size_bytes: encoded.len() as u64,
            };
            upload.put(variant.digest, encoded.into()).await.unwrap();
            match coding {
                ContentCoding::Br => variants.br = Some(variant),
                _ => variants.gzip = Some(variant),
            }
        }
        upload.finish().await.unwrap();
        self.variants
            .record(BlobDigest::of(source), variants)
            .unwrap();
        variants
    }

    /// Puts better encoded forms in the place of the ones before, as the keeper of variants does.
    pub(crate) async fn add_best_variants(&self, source: &[u8]) -> Variants {
        let encoder = BestEncoder::start().unwrap();
        let forms = encoder
            .encode(Bytes::copy_from_slice(source))
            .await
            .unwrap();
        let mut variants = self.variants.get(&BlobDigest::of(source)).unwrap();
        let mut upload = self.blobs.upload();
        for (bytes, place) in [
            (forms.br, &mut variants.br),
            (forms.zstd, &mut variants.zstd),
        ] {
            let bytes = bytes.expect("this text compresses");
            let (digest, size_bytes) = (BlobDigest::of(&bytes), bytes.len() as u64);
            upload.put(digest, bytes).await.unwrap();
            *place = Some(Variant { digest, size_bytes });
        }
        upload.finish().await.unwrap();
        variants.is_best = true;
        self.variants
            .record(BlobDigest::of(source), variants)
            .unwrap();
        variants
    }

    /// Publishes a snapshot and waits until the edge serves it.
    pub(crate) async fn publish(&self, version: u64, hosts: Vec<Host>) {
        self.publish_unseen(version, hosts);
        assert!(self.snapshots.taken_up(version, WAIT_MAX).await);
    }

    /// Publishes what the project shows now as a change, and waits until the edge serves it.
    pub(crate) async fn change(&self, version: u64, hosts: Vec<Host>) {
        let since = version - 1;
        let change = SnapshotChange {
            projects: vec![PROJECT],
            snapshot: EdgeSnapshot {
                version,
                hosts: hosts.into_iter().map(|host| host.entry).collect(),
                guards: Vec::new(),
            },
        };
        let change = PublishedChange {
            since,
            version,
            bytes: codec::encode_change(&change).into(),
        };
        assert!(self.snapshots.publish_change(change).unwrap());
        assert!(self.snapshots.taken_up(version, WAIT_MAX).await);
    }

    /// Publishes a snapshot with guards and waits until the edge serves it.
    pub(crate) async fn publish_guarded(
        &self,
        version: u64,
        hosts: Vec<Host>,
        guards: Vec<ProjectGuard>,
    ) {
        self.write(version, hosts, guards);
        assert!(self.snapshots.taken_up(version, WAIT_MAX).await);
    }

    /// Publishes a snapshot and does not wait.
    pub(crate) fn publish_unseen(&self, version: u64, hosts: Vec<Host>) {
        self.write(version, hosts, Vec::new());
    }

    fn write(&self, version: u64, hosts: Vec<Host>, guards: Vec<ProjectGuard>) {
        let mut hosts: Vec<HostEntry> = hosts.into_iter().map(|host| host.entry).collect();
        hosts.sort_by(|one, other| one.host.cmp(&other.host));
        let snapshot = EdgeSnapshot {
            version,
            hosts,
            guards,
        };
        let bytes = codec::encode_snapshot(&snapshot).into();
        self.snapshots.publish(version, bytes).unwrap();
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.address).await
    }

    /// GET on a connection of its own.
    pub(crate) async fn get(&self, path: &str, fields: &str) -> Reply {
        self.ask("GET", "site.test", path, fields).await
    }

    /// One request on a connection of its own. `fields` are lines that end in CR LF.
    pub(crate) async fn ask(&self, method: &str, host: &str, path: &str, fields: &str) -> Reply {
        let mut client = self.connect().await;
        client
            .send(format!(
                "{method} {path} HTTP/1.1\r\nhost: {host}\r\n{fields}\r\n"
            ))
            .await;
        client.reply_to(method).await.expect("there is an answer")
    }

    /// The records, once there are as many as expected. Fails when there are more.
    pub(crate) async fn records(&self, count: usize) -> Vec<AccessRecord> {
        let mut records = Vec::new();
        self.until("as many records as requests", || {
            records.extend(self.records.take());
            records.len() >= count
        })
        .await;
        records.extend(self.records.take());
        assert_eq!(records.len(), count, "{records:#?}");
        records
    }

    /// Waits for a condition.
    pub(crate) async fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let waiting = async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let in_time = tokio::time::timeout(WAIT_MAX, waiting).await;
        assert!(in_time.is_ok(), "waited too long for: {what}");
    }

    /// Tells the edge to stop; what it says when it has.
    pub(crate) async fn stop(self) -> (DrainReport, RecordSink) {
        self.stop.send_replace(true);
        let report = tokio::time::timeout(WAIT_MAX, self.serving).await;
        self.following.await.unwrap();
        (
            report.expect("draining ends in time").unwrap(),
            self.records,
        )
    }

    /// Tells the edge to stop, and does not wait.
    pub(crate) fn begin_stop(&self) {
        self.stop.send_replace(true);
    }
}
