//! What every operation works with: configuration, database, stores, clock, and the two nudges.

use std::sync::Arc;

use holm_storage::{BlobStore, SnapshotStore, VariantIndex};
use holm_types::{Clock, Entropy, IdMint, RequestIds, Timestamp};
use tokio::sync::{Notify, Semaphore};

use crate::app::UnshownRollBacks;
use crate::config::{ControlConfig, ControlParts};
use crate::db::Db;
use crate::reconcile::SnapshotPublisher;

/// The control plane's parts, joined. Shared by requests and reconcilers.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) config: ControlConfig,
    pub(crate) db: Db,
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) variants: VariantIndex,
    pub(crate) snapshots: SnapshotStore,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) mint: IdMint,
    pub(crate) request_ids: RequestIds,
    pub(crate) publisher: SnapshotPublisher,
    /// Rung when hosts have changed and nobody waits for the snapshot.
    pub(crate) hosts_changed: Notify,
    /// Rung when a deployment was sealed.
    pub(crate) sealed: Notify,
    /// Roll-backs that stand but are not served yet.
    pub(crate) unshown_roll_backs: Arc<UnshownRollBacks>,
    /// Room for deployments being announced or committed.
    pub(crate) deploys: Semaphore,
}

impl Core {
    pub(crate) fn new(config: ControlConfig, parts: ControlParts, db: Db) -> Self {
        let mut seed = [0_u8; 8];
        parts.entropy.fill(&mut seed);
        Self {
            publisher: SnapshotPublisher::new(
                db.clone(),
                parts.snapshots.clone(),
                config.base_domain.clone(),
            ),
            mint: IdMint::new(Arc::clone(&parts.clock), Arc::clone(&parts.entropy)),
            request_ids: RequestIds::new(u64::from_le_bytes(seed)),
            hosts_changed: Notify::new(),
            sealed: Notify::new(),
            unshown_roll_backs: Arc::default(),
            deploys: Semaphore::new(config.limits.deploys_max),
            db,
            blobs: parts.blobs,
            variants: parts.variants,
            snapshots: parts.snapshots,
            clock: parts.clock,
            entropy: parts.entropy,
            config,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
