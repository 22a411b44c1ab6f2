//! A control plane on port 0 in a temporary folder, with a clock the test holds and a stand-in for the
//! edge that takes up every snapshot at once.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use holm_control::{Control, ControlConfig, ControlLimits, ControlParts};
use holm_site::{EdgeSnapshot, HostTarget, codec};
use holm_storage::{BlobStore, LocalBlobStore, PublishedSnapshot, SnapshotStore, VariantIndex};
use holm_types::{Clock, Entropy, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::client::{Answer, Ask};

/// A clock that stands still until the test moves it.
#[derive(Debug)]
pub(crate) struct HeldClock(AtomicI64);

impl HeldClock {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_700_000_000_000)))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let ms = i64::try_from(by.as_millis()).unwrap();
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for HeldClock {
    fn now(&self) -> Timestamp {
        // A millisecond a look, so that ids are in order.
        Timestamp::from_unix_ms(self.0.fetch_add(1, Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.load(Ordering::SeqCst)).unwrap())
    }
}

/// Seeded numbers (splitmix64).
#[derive(Debug)]
pub(crate) struct Seeded(AtomicU64);

impl Entropy for Seeded {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let step = 0x9E37_79B9_7F4A_7C15;
            let mut z = self.0.fetch_add(step, Ordering::SeqCst).wrapping_add(step);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Everything of one running control plane.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
    pub(crate) clock: Arc<HeldClock>,
    pub(crate) control: Control,
    pub(crate) blobs: LocalBlobStore,
    pub(crate) variants: VariantIndex,
    pub(crate) snapshots: SnapshotStore,
    /// False: the edge takes nothing up.
    pub(crate) edge: watch::Sender<bool>,
    folder: Option<TempDir>,
    stop: watch::Sender<bool>,
    runtime: Option<Runtime>,
}

impl TestServer {
    pub(crate) fn start() -> Self {
        Self::start_with(ControlLimits::default())
    }

    pub(crate) fn start_with(limits: ControlLimits) -> Self {
        Self::start_in(
            tempfile::tempdir().unwrap(),
            limits,
            HeldClock::new(),
            "localhost",
        )
    }

    fn start_in(
        folder: TempDir,
        limits: ControlLimits,
        clock: Arc<HeldClock>,
        base_domain: &str,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let address = listener.local_addr().unwrap();
        let blobs = LocalBlobStore::open(&folder.path().join("blobs")).unwrap();
        let variants = VariantIndex::open(&folder.path().join("variants")).unwrap();
        let snapshots = SnapshotStore::open(&folder.path().join("snapshots")).unwrap();
        let (config, parts) = setup(
            &blobs,
            &variants,
            &snapshots,
            &clock,
            &format!("http://{address}"),
        );
        let config = ControlConfig {
            base_domain: base_domain.to_owned(),
            limits,
            ..config
        };
        let control = Control::open(&folder.path().join("control.db"), config, parts).unwrap();
        let token = control
            .issue_local_token("test", Duration::from_hours(24))
            .unwrap();
        let (stop, stopped) = watch::channel(false);
        let edge = watch::Sender::new(true);
        runtime.spawn(take_up(snapshots.clone(), edge.subscribe()));
        let (serving, reconciling) = (control.clone(), control.clone());
        let stopped_too = stopped.clone();
        runtime.spawn(async move { serving.serve(listener, stopped).await });
        runtime.spawn(async move { reconciling.run_reconcilers(stopped_too).await });
        Self {
            address,
            token,
            clock,
            control,
            blobs,
            variants,
            snapshots,
            edge,
            folder: Some(folder),
            stop,
            runtime: Some(runtime),
        }
    }

    /// Stops this one and starts another in the same folder.
    pub(crate) fn restart(self) -> Self {
        self.restart_as("localhost")
    }

    pub(crate) fn restart_as(self, base_domain: &str) -> Self {
        self.start_again(ControlLimits::default(), base_domain)
    }

    pub(crate) fn restart_with(self, limits: ControlLimits) -> Self {
        self.start_again(limits, "localhost")
    }

    /// As [`TestServer::restart`], with something done to the folder in between.
    pub(crate) fn restart_after(mut self, meanwhile: impl FnOnce()) -> Self {
        let folder = self.folder.take().unwrap();
        let clock = Arc::clone(&self.clock);
        self.control.clone().close();
        drop(self);
        meanwhile();
        Self::start_in(folder, ControlLimits::default(), clock, "localhost")
    }

    fn start_again(mut self, limits: ControlLimits, base_domain: &str) -> Self {
        let folder = self.folder.take().unwrap();
        let clock = Arc::clone(&self.clock);
        self.control.clone().close();
        drop(self);
        Self::start_in(folder, limits, clock, base_domain)
    }

    pub(crate) fn db_file(&self) -> PathBuf {
        self.folder.as_ref().unwrap().path().join("control.db")
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.as_ref().unwrap().block_on(future)
    }

    /// Sends a request as the holder of the local token.
    pub(crate) fn send(&self, ask: Ask) -> Answer {
        ask.bearer(&self.token).send(self.address)
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.send(Ask::get(target))
    }

    pub(crate) fn post(&self, target: &str) -> Answer {
        self.send(Ask::post(target))
    }

    pub(crate) fn post_json(&self, target: &str, body: &Value) -> Answer {
        self.send(Ask::post(target).json(body))
    }

    pub(crate) fn delete(&self, target: &str) -> Answer {
        self.send(Ask::new("DELETE", target))
    }

    pub(crate) fn make_project(&self, name: &str) -> Value {
        self.post_json("/v1/projects", &json!({ "name": name }))
            .expect(201)
    }

    /// The snapshot that the edge has.
    pub(crate) fn snapshot(&self) -> EdgeSnapshot {
        let published = self.snapshots.newest().unwrap();
        decode(&published)
    }

    /// What the edge shows at a host under the base domain: the deployment, or the status of a gate;
    /// 404 for a host that is not there.
    pub(crate) fn shown(&self, label: &str) -> String {
        let host = format!("{label}.localhost");
        let snapshot = self.snapshot();
        let entry = snapshot.hosts.iter().find(|entry| entry.host == host);
        match entry.map(|entry| &entry.target) {
            None => "404".to_owned(),
            Some(HostTarget::Gate { code, .. }) => code.status().to_string(),
            Some(HostTarget::Site {
                deployment_id,
                document,
                ..
            }) => {
                assert!(self.blobs.size_bytes(document).is_some());
                deployment_id.to_string()
            }
        }
    }

    /// Waits until the edge shows this at a host; for changes that nobody waits for.
    #[track_caller]
    pub(crate) fn wait_until_shown(&self, label: &str, want: &str) {
        wait_until(&format!("{label} shows {want}"), || {
            self.shown(label) == want
        });
    }
}

/// Waits for something that runs by itself.
#[track_caller]
pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..2000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("waited 10 s until {what}");
}

impl TestServer {
    /// What was published change by change is what the database says: nothing has changed a host unseen.
    fn check_published(&self) {
        if let Some(runtime) = &self.runtime {
            let is_true = runtime.block_on(self.control.published_is_true());
            assert_ne!(
                is_true,
                Some(false),
                "a host changed and nobody published it"
            );
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.check_published();
        }
        self.stop.send_replace(true);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}

/// What a control plane is told and given.
pub(crate) fn setup(
    blobs: &LocalBlobStore,
    variants: &VariantIndex,
    snapshots: &SnapshotStore,
    clock: &Arc<HeldClock>,
    control_origin: &str,
) -> (ControlConfig, ControlParts) {
    let seed = clock.now().unix_ms().unsigned_abs();
    let parts = ControlParts {
        blobs: Arc::new(blobs.clone()),
        variants: variants.clone(),
        snapshots: snapshots.clone(),
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        entropy: Arc::new(Seeded(AtomicU64::new(seed))),
    };
    let config = ControlConfig {
        base_domain: "localhost".to_owned(),
        public_scheme: "http".to_owned(),
        public_port: Some(8088),
        control_origin: control_origin.to_owned(),
        trusted_proxies: holm_types::IpNetworkSet::new(&["127.0.0.1".parse().unwrap()]),
        version: "0.0.0-test",
        rule_limits: holm_control::RuleLimits::default(),
        limits: ControlLimits::default(),
        other_limits: Vec::new(),
    };
    (config, parts)
}

async fn take_up(snapshots: SnapshotStore, mut is_awake: watch::Receiver<bool>) {
    let mut changes = snapshots.subscribe();
    loop {
        if is_awake.wait_for(|is_awake| *is_awake).await.is_err() {
            break;
        }
        let newest = changes.borrow_and_update().clone();
        if let Some(published) = newest {
            decode(&published);
            snapshots.acknowledge(published.version);
        }
        if changes.changed().await.is_err() {
            break;
        }
    }
}

/// The snapshot with all changes.
fn decode(published: &PublishedSnapshot) -> EdgeSnapshot {
    let (whole, changes) = published.parts();
    codec::decode_snapshot_with(whole, changes.iter().map(|change| &*change.bytes)).unwrap()
}
