//! Sites by the digest of their document: built when first asked for, once however many ask, and
//! dropped again when together they take too much memory. A site in use stays alive through its `Arc`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arc_swap::ArcSwapOption;
use hashbrown::{HashMap, HashSet};
use holm_site::codec::DecodeError;
use holm_site::{Site, codec};
use holm_storage::{BlobError, BlobStore};
use holm_types::BlobDigest;

/// Documents larger than this are read on the blocking pool, so that they hold up no request.
const INLINE_DECODE_BYTES_MAX: usize = 16 * 1024;

/// Why a site could not be built. The visitor sees 500; the record has the chain.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The store does not give the document.
    #[error("read deployment document {digest}")]
    Read {
        /// Which.
        digest: BlobDigest,
        /// Why.
        #[source]
        source: BlobError,
    },
    /// The document is none.
    #[error("decode deployment document {digest}")]
    Decode {
        /// Which.
        digest: BlobDigest,
        /// Why.
        #[source]
        source: DecodeError,
    },
    /// Building it panicked, or the runtime is going down.
    #[error("build the site of deployment document {digest}")]
    Build {
        /// Which.
        digest: BlobDigest,
    },
}

/// The place of one site: empty, or with the site.
#[derive(Debug)]
pub(crate) struct SiteSlot {
    document: BlobDigest,
    site: ArcSwapOption<Site>,
    /// The table's count of uses when this one was used last.
    used_at: AtomicU64,
    /// Held by the one that builds.
    building: tokio::sync::Mutex<()>,
}

impl SiteSlot {
    /// The site, if it is built.
    pub(crate) fn built(&self, sites: &SiteTable) -> Option<Arc<Site>> {
        let site = self.site.load_full()?;
        // The turn advances with each building: enough to tell who was idle, at no cost a request.
        let turn = sites.turn.load(Ordering::Relaxed);
        if self.used_at.load(Ordering::Relaxed) != turn {
            self.used_at.store(turn, Ordering::Relaxed);
        }
        Some(site)
    }
}

/// The bounded table. What refers to its slots (the host table) keeps them; the table itself keeps
/// only the built ones in view.
#[derive(Debug)]
pub(crate) struct SiteTable {
    bytes_max: usize,
    turn: AtomicU64,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    slots: HashMap<BlobDigest, Weak<SiteSlot>>,
    /// At how many slots it is worth looking for those that nothing refers to.
    tidy_at: usize,
    /// Those that were built, maybe dropped since.
    built: Vec<Weak<SiteSlot>>,
    /// What they weighed when they were built: never less than what is there.
    built_bytes: usize,
}

/// Fewer slots than this are not looked through.
const TIDY_COUNT_MIN: usize = 64;

impl SiteTable {
    /// An empty table.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            turn: AtomicU64::new(0),
            inner: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while the lock is held leaves a map that is whole: entries are put in one step.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The slot of a document: the one there is, or a new, empty one.
    pub(crate) fn slot(&self, document: BlobDigest) -> Arc<SiteSlot> {
        let mut inner = self.lock();
        if let Some(slot) = inner.slots.get(&document).and_then(Weak::upgrade) {
            return slot;
        }
        let slot = Arc::new(SiteSlot {
            document,
            site: ArcSwapOption::empty(),
            used_at: AtomicU64::new(0),
            building: tokio::sync::Mutex::new(()),
        });
        inner.slots.insert(document, Arc::downgrade(&slot));
        slot
    }

    /// Forgets slots that nothing refers to any more, once they may be a fifth of all. Called after a host table
    /// was replaced.
    pub(crate) fn forget_unused(&self) {
        let mut inner = self.lock();
        if inner.slots.len() < inner.tidy_at {
            return;
        }
        inner.slots.retain(|_, slot| slot.strong_count() > 0);
        inner.tidy_at = TIDY_COUNT_MIN.max(inner.slots.len() / 4 * 5);
    }

    /// The site of a slot, built if it is not. Those who ask at the same time wait for one building.
    pub(crate) async fn load(
        &self,
        slot: &Arc<SiteSlot>,
        blobs: &dyn BlobStore,
    ) -> Result<Arc<Site>, LoadError> {
        let _only_one = slot.building.lock().await;
        if let Some(site) = slot.built(self) {
            return Ok(site);
        }
        let site = build(slot.document, blobs).await?;
        slot.site.store(Some(Arc::clone(&site)));
        // Two steps: what is used from now on is used later than this building.
        let turn = self.turn.fetch_add(2, Ordering::Relaxed) + 1;
        slot.used_at.store(turn, Ordering::Relaxed);
        self.make_room(slot, &site);
        Ok(site)
    }

    /// Drops the sites that were used longest ago until the rest fits. The newest stays whatever it
    /// weighs: a site that is asked for must be served.
    fn make_room(&self, newest: &Arc<SiteSlot>, site: &Site) {
        let leaving = {
            let mut inner = self.lock();
            inner.built.push(Arc::downgrade(newest));
            inner.built_bytes += site.weight_bytes();
            if inner.built_bytes <= self.bytes_max {
                return;
            }
            inner.choose_leaving(self.bytes_max, newest)
        };
        // Freeing a large site takes long: nobody waits for the table meanwhile.
        drop(leaving);
    }
}

/// A site that is built, for choosing whom to drop.
struct Built {
    used_at: u64,
    slot: Arc<SiteSlot>,
    weight: usize,
}

/// What was looked at while room was made, to be let go of without the table's lock: these may be the last who
/// hold it.
type Leaving = Vec<(Arc<SiteSlot>, Option<Arc<Site>>)>;

impl Inner {
    /// Empties the slots that were used longest ago until the rest weighs no more than `bytes_max`.
    fn choose_leaving(&mut self, bytes_max: usize, newest: &SiteSlot) -> Leaving {
        let mut built = self.look_through_built();
        let mut total: usize = built.iter().map(|built| built.weight).sum();
        built.sort_by_key(|built| (built.used_at, built.slot.document));
        let mut leaving = Leaving::with_capacity(built.len());
        for Built { slot, weight, .. } in built {
            let mut site = None;
            if total > bytes_max && slot.document != newest.document {
                site = slot.site.swap(None);
                total -= weight;
            } else {
                self.built.push(Arc::downgrade(&slot));
            }
            leaving.push((slot, site));
        }
        self.built_bytes = total;
        leaving
    }

    /// Takes out all that are built still, each once.
    fn look_through_built(&mut self) -> Vec<Built> {
        let mut seen = HashSet::new();
        let slots = self.built.drain(..).filter_map(|slot| slot.upgrade());
        let built = slots.filter_map(|slot| {
            let weight = slot.site.load().as_ref()?.weight_bytes();
            let used_at = slot.used_at.load(Ordering::Relaxed);
            let is_first = seen.insert(Arc::as_ptr(&slot));
            is_first.then_some(Built {
                used_at,
                slot,
                weight,
            })
        });
        built.collect()
    }
}

async fn build(digest: BlobDigest, blobs: &dyn BlobStore) -> Result<Arc<Site>, LoadError> {
    let bytes = blobs
        .read_verified(digest)
        .await
        .map_err(|source| LoadError::Read { digest, source })?;
    let is_small = bytes.len() <= INLINE_DECODE_BYTES_MAX;
    let decode = move || {
        codec::decode_document(&bytes)
            .map(|document| Arc::new(Site::new(document)))
            .map_err(|source| LoadError::Decode { digest, source })
    };
    if is_small {
        return decode();
    }
    tokio::task::spawn_blocking(decode)
        .await
        .unwrap_or(Err(LoadError::Build { digest }))
}
