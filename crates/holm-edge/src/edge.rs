//! The edge as one value: its parts, its tables, and what it is serving.

use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use holm_site::codec::{self, DecodeError};
use holm_site::guard::Guard;
use holm_storage::{BlobStore, PublishedChange, PublishedSnapshot, SnapshotStore, VariantIndex};
use holm_telemetry::RecordSink;
use holm_telemetry::event::{PanicCaught, SnapshotRefused, SnapshotTakenUp};
use holm_types::{Clock, Entropy, IpNetworkSet, RequestIds};
use hyper::server::conn::http1;
use tokio::sync::{Semaphore, watch};

use crate::EdgeLimits;
use crate::blob_stream::StreamShare;
use crate::cache::BlobCache;
use crate::counters::{Counters, EdgeCounts, count};
use crate::function::{self, FunctionDesk, FunctionHost};
use crate::hosts::HostTable;
use crate::listen::told_to_stop;
use crate::page::Pages;
use crate::rate::RateTable;
use crate::record::chain;
use crate::site_table::SiteTable;
use crate::tls::handshake_turns;

/// How an edge behaves. `Default` is right for a server of one's own.
#[derive(Clone, Debug, Default)]
pub struct EdgeConfig {
    /// The maxima.
    pub limits: EdgeLimits,
    /// Proxies of the operator's whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: IpNetworkSet,
    /// The domain that all sites share, in lower case: no site may set a cookie for it. `None` when each
    /// host is a site's own.
    pub base_domain: Option<String>,
    /// Whether access records keep only the network of a visitor's address.
    pub addresses_are_shortened: bool,
}

/// What an edge is made of.
#[derive(Clone, Debug)]
pub struct EdgeParts {
    /// Where files and deployment documents are.
    pub blobs: Arc<dyn BlobStore>,
    /// Which blob holds the br or gzip form of which.
    pub variants: VariantIndex,
    /// Where the control plane publishes what is to be served.
    pub snapshots: SnapshotStore,
    /// Where access records go.
    pub records: RecordSink,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for request ids.
    pub entropy: Arc<dyn Entropy>,
    /// What runs functions. `None`: they are not run, and say so.
    pub functions: Option<Arc<dyn FunctionHost>>,
}

/// The data plane. Cheap to clone; all clones are one edge.
#[derive(Clone, Debug)]
pub struct Edge {
    pub(crate) inner: Arc<EdgeInner>,
}

/// What every connection shares.
#[derive(Debug)]
pub(crate) struct EdgeInner {
    pub(crate) config: EdgeConfig,
    pub(crate) parts: EdgeParts,
    pub(crate) hosts: ArcSwap<HostTable>,
    pub(crate) sites: SiteTable,
    pub(crate) cache: BlobCache,
    pub(crate) pages: Pages,
    /// Turns at reading pieces of large blobs, and room for them.
    pub(crate) streams: StreamShare,
    pub(crate) counters: Counters,
    /// Requests counted for the rate limits of projects.
    pub(crate) rates: RateTable,
    /// Passwords tried.
    pub(crate) password_attempts: RateTable,
    /// Asked in the place of the guard that an unknown host does not have.
    pub(crate) decoy: Guard,
    /// Turns at checking a password.
    pub(crate) password_checks: Semaphore,
    pub(crate) request_ids: RequestIds,
    pub(crate) http: http1::Builder,
    /// Turns at TLS handshakes.
    pub(crate) handshakes: Semaphore,
    /// What stands in a record where no host was named.
    pub(crate) no_host: Arc<str>,
    /// See [`Edge::hand_over`].
    pub(crate) is_handed_over: AtomicBool,
    /// Where functions are asked from. `None` where they are not run. Boxed: few requests come by.
    pub(crate) functions: Option<Box<FunctionDesk>>,
    /// Held while a snapshot is taken up, so that an older one never replaces a newer one.
    taking_up: Mutex<()>,
}

impl Edge {
    /// Makes an edge and takes up the newest snapshot, if there is one.
    pub fn new(config: EdgeConfig, parts: EdgeParts) -> Self {
        let seed = || {
            let mut seed = [0; 8];
            parts.entropy.fill(&mut seed);
            u64::from_le_bytes(seed)
        };
        let (id_seed, rate_seed, attempt_seed) = (seed(), seed(), seed());
        let mut decoy_key = [0; 32];
        parts.entropy.fill(&mut decoy_key);
        let limits = &config.limits;
        let inner = EdgeInner {
            hosts: ArcSwap::default(),
            sites: SiteTable::new(config.limits.site_table_bytes_max),
            cache: BlobCache::new(config.limits.cache_bytes_max, Arc::clone(&parts.clock)),
            pages: Pages::new(),
            streams: StreamShare::new(&config.limits),
            counters: Counters::default(),
            rates: RateTable::new(limits.rate_places_max, rate_seed),
            password_attempts: RateTable::new(limits.rate_places_max, attempt_seed),
            decoy: crate::gate::decoy(decoy_key),
            password_checks: Semaphore::new(limits.password_checks_max.clamp(1, 64)),
            request_ids: RequestIds::new(id_seed),
            http: http_settings(&config.limits),
            handshakes: handshake_turns(&config.limits),
            no_host: "".into(),
            is_handed_over: AtomicBool::new(false),
            functions: parts
                .functions
                .as_ref()
                .map(|host| Box::new(FunctionDesk::new(Arc::clone(host), limits, &parts.clock))),
            taking_up: Mutex::new(()),
            config,
            parts,
        };
        let edge = Self {
            inner: Arc::new(inner),
        };
        edge.take_up_newest();
        edge
    }

    /// Takes up the newest snapshot, if there is one that is not yet served. Not for an async thread while
    /// requests are answered; for when one was published before the first.
    pub fn take_up_newest(&self) {
        if let Some(newest) = self.inner.parts.snapshots.newest() {
            self.inner.take_up(&newest);
        }
    }

    /// Takes up each new snapshot, and acknowledges it, until `stop` is true or its sender is gone.
    pub async fn follow_snapshots(&self, mut stop: watch::Receiver<bool>) {
        let mut snapshots = self.inner.parts.snapshots.subscribe();
        loop {
            let newest = snapshots.borrow_and_update().clone();
            if let Some(newest) = newest {
                let inner = Arc::clone(&self.inner);
                // Reading a snapshot of many hosts takes longer than a request may be held up.
                let taking_up = tokio::task::spawn_blocking(move || inner.take_up(&newest));
                let panic = taking_up
                    .await
                    .err()
                    .and_then(|error| error.try_into_panic().ok());
                if let Some(panic) = panic {
                    self.inner.note_panic("take up snapshot", panic.as_ref());
                }
                function::follow(&self.inner);
            }
            tokio::select! {
                changed = snapshots.changed() => if changed.is_err() { return },
                () = told_to_stop(&mut stop) => return,
            }
        }
    }

    /// Another process accepts on the same listeners from now on, so stopping (still to be told) is
    /// patient: an HTTP/1 connection that is idle or new is not closed, but may have one more request,
    /// whose answer says `Connection: close`. HTTP/2 is told with GOAWAY, as always. What is left after
    /// [`EdgeLimits::drain_max`] is cut.
    pub fn hand_over(&self) {
        self.inner.is_handed_over.store(true, Ordering::Release);
    }

    /// Ends the processes of functions, those that still answer after `functions.drain_max` at the latest. For
    /// when serving has ended; a later request would start them again.
    pub async fn stop_functions(&self) {
        let desk = self.inner.functions.as_ref();
        if let Some(functions) = desk.and_then(|desk| desk.opened()) {
            functions.shutdown().await;
        }
    }

    /// What the supervisor of functions has counted. `None` before the first function was needed.
    pub fn function_counts(&self) -> Option<holm_functions::CountersSnapshot> {
        let desk = self.inner.functions.as_ref()?;
        desk.opened().map(holm_functions::Functions::counters)
    }

    /// The version of the snapshot being served; 0 before the first.
    pub fn version(&self) -> u64 {
        self.inner.hosts.load().version
    }

    /// What the edge has counted since its start.
    pub fn counts(&self) -> EdgeCounts {
        self.inner.counters.read()
    }
}

impl EdgeInner {
    /// Replaces the host table, unless it is as new or newer. Requests that have begun keep theirs.
    fn take_up(&self, published: &PublishedSnapshot) {
        let _one_at_a_time = self
            .taking_up
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if published.version <= self.hosts.load().version {
            return;
        }
        let started = self.parts.clock.monotonic();
        let table = match self.table_of(published) {
            Ok(table) => table,
            Err(error) => {
                count(&self.counters.snapshots_refused);
                let (version, reason) = (published.version, chain(&error));
                SnapshotRefused { version, reason }.emit();
                return;
            }
        };
        let site_count = table.site_count();
        self.hosts.store(Arc::new(table));
        self.sites.forget_unused();
        self.parts.snapshots.acknowledge(published.version);
        let took = self.parts.clock.monotonic().saturating_sub(started);
        SnapshotTakenUp {
            version: published.version,
            site_count: site_count as u64,
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }
        .emit();
    }

    /// The table of a snapshot: the present one with the changes since, where they lead on from it.
    fn table_of(&self, published: &PublishedSnapshot) -> Result<HostTable, DecodeError> {
        let present = self.hosts.load();
        let (whole, changes) = published.parts();
        let is_known = |change: &&PublishedChange| change.version <= present.version;
        let mut news = changes.iter().skip_while(is_known).peekable();
        let leads_on = news
            .peek()
            .is_some_and(|change| present.version > 0 && change.since <= present.version);
        let (mut table, changes): (_, Vec<_>) = if leads_on {
            let mut table = HostTable::clone(&present);
            table.changed.clear();
            (table, news.collect())
        } else {
            let table = HostTable::new(codec::decode_snapshot(whole)?, &self.sites);
            (table, changes.iter().collect())
        };
        for change in changes {
            table.apply(codec::decode_change(&change.bytes)?, &self.sites);
        }
        table.version = published.version;
        Ok(table)
    }

    /// Counts a panic and says so. Each is a bug.
    pub(crate) fn note_panic(&self, task: &str, panic: &(dyn Any + Send)) {
        count(&self.counters.panics);
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        PanicCaught {
            task: task.to_owned(),
            reason: text.unwrap_or("a panic without a message").to_owned(),
        }
        .emit();
    }
}

/// The HTTP library's own settings. Its limits are no lower than ours (decision D10.10), its timers are off:
/// the sweep of `listen` watches all connections at the cost of none a request.
fn http_settings(limits: &EdgeLimits) -> http1::Builder {
    // The library keeps room for a hundred fields on the stack; more than that costs two allocations of
    // 4 KB for every request, so only those pay who want it. What it refuses gets our page all the same.
    const COUNT_ON_STACK: usize = 100;
    let mut builder = http1::Builder::new();
    builder
        .keep_alive(true)
        .half_close(true)
        .header_read_timeout(None)
        .max_header_size(EdgeLimits::HEAD_BYTES_CEILING)
        .max_buf_size(EdgeLimits::HEAD_BYTES_CEILING + 16 * 1024);
    if limits.header_count_max > COUNT_ON_STACK {
        builder.max_headers(EdgeLimits::HEADER_COUNT_CEILING);
    }
    builder
}

#[cfg(test)]
#[path = "edge/tests.rs"]
mod tests;
