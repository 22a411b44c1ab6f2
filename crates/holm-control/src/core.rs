//! What every operation works with: configuration, database, stores, clock, and the two nudges.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use holm_storage::{BlobStore, SnapshotStore, VariantIndex};
use holm_types::{Clock, Entropy, ErrorCode, IdMint, RequestIds, Timestamp};
use tokio::sync::{Notify, RwLock, Semaphore, SemaphorePermit};

use crate::api::RunningKeys;
use crate::app::{ManifestRoom, UnshownRollBacks};
use crate::authz::password::PasswordDesk;
use crate::config::{BackupFile, ControlConfig, ControlParts};
use crate::db::Db;
use crate::error::ApiError;
use crate::events::EventBell;
use crate::guard::{RequestGuard, SignInGuard, TokenUses};
use crate::reconcile::SnapshotPublisher;
use crate::secret_key::SecretKey;
use crate::spool::Spools;

/// Passwords of projects hashed at once; further ones wait.
const HASHING_MAX: usize = 2;

/// How often work in the background looks whether a deploy is under way before it goes on all the same.
const COURTESY_LOOKS: u32 = 50;

/// Time between two such looks.
const COURTESY_PAUSE: Duration = Duration::from_millis(20);

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
    /// Rung when more deployments may be there than are kept.
    pub(crate) to_retain: Notify,
    /// Rung when a project was deleted.
    pub(crate) to_sweep: Notify,
    /// Seals the values of secrets.
    pub(crate) secret_key: SecretKey,
    /// Rung when encoded variants were made quickly that can be made smaller.
    pub(crate) early_variants: Notify,
    /// Roll-backs that stand but are not served yet.
    pub(crate) unshown_roll_backs: Arc<UnshownRollBacks>,
    /// Where passwords are hashed.
    pub(crate) passwords: PasswordDesk,
    /// How often who has tried to sign in.
    pub(crate) sign_ins: SignInGuard,
    /// How often who has asked.
    pub(crate) rates: RequestGuard,
    /// Which tokens were shown.
    pub(crate) token_uses: TokenUses,
    /// Idempotency keys whose first request is still running.
    pub(crate) running_keys: RunningKeys,
    /// Held for reading from the storing of a blob that no announced manifest names until the row or
    /// record that names it is there. A collection waits for all who hold it before it looks who wants
    /// what; see [`crate::reconcile::BlobCollector`].
    pub(crate) references: RwLock<()>,
    /// Held for writing by a collection of blobs, for reading by whoever needs that nothing is removed.
    pub(crate) collecting: Arc<RwLock<()>>,
    /// One back-up at a time.
    pub(crate) backups: Arc<Semaphore>,
    /// What a back-up has beside the database and the blobs; told once, after opening.
    pub(crate) backup_files: OnceLock<Vec<BackupFile>>,
    /// Room for requests in flight.
    requests: Semaphore,
    /// Room for deployments being written down or compiled; never held while a body arrives.
    pub(crate) deploys: Semaphore,
    /// Turns at hashing a password of a project, which takes some 20 ms and 19 MiB.
    pub(crate) hashing: Semaphore,
    /// Room for manifests in memory.
    pub(crate) manifest_room: ManifestRoom,
    /// Room on disk for archives.
    pub(crate) spools: Spools,
    /// Rung when something has happened to a deployment.
    pub(crate) events: Arc<EventBell>,
    /// Room for commits that go on behind their answer.
    pub(crate) background_commits: Arc<Semaphore>,
    /// Whether the control plane was closed: the folder may be another server's by now.
    pub(crate) is_closed: AtomicBool,
    /// The OpenAPI document, made when it is first asked for: it is the same for everybody.
    pub(crate) openapi: OnceLock<Bytes>,
}

impl Core {
    pub(crate) fn new(
        config: ControlConfig,
        parts: ControlParts,
        db: Db,
        secret_key: SecretKey,
    ) -> Self {
        let mut seed = [0_u8; 8];
        parts.entropy.fill(&mut seed);
        Self {
            publisher: SnapshotPublisher::new(
                db.clone(),
                parts.snapshots.clone(),
                Arc::clone(&parts.clock),
                &config.base_domain,
                &config.limits,
            ),
            mint: IdMint::new(Arc::clone(&parts.clock), Arc::clone(&parts.entropy)),
            request_ids: RequestIds::new(u64::from_le_bytes(seed)),
            hosts_changed: Notify::new(),
            sealed: Notify::new(),
            to_retain: Notify::new(),
            to_sweep: Notify::new(),
            secret_key,
            early_variants: Notify::new(),
            unshown_roll_backs: Arc::default(),
            passwords: PasswordDesk::new(&config.limits),
            sign_ins: SignInGuard::new(&config.limits),
            rates: RequestGuard::new(&config.limits),
            token_uses: TokenUses::default(),
            running_keys: RunningKeys::default(),
            references: RwLock::new(()),
            collecting: Arc::default(),
            backups: Arc::new(Semaphore::new(1)),
            backup_files: OnceLock::new(),
            requests: Semaphore::new(config.limits.requests_max),
            manifest_room: ManifestRoom::new(config.limits.manifests_bytes_max),
            hashing: Semaphore::new(HASHING_MAX),
            events: Arc::new(EventBell::new(&config.limits)),
            background_commits: Arc::new(Semaphore::new(config.limits.background_commits_max)),
            is_closed: AtomicBool::new(false),
            openapi: OnceLock::new(),
            spools: Spools::new(db.folder(), &config.limits),
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

    /// Room for one more request. Not to be held while somebody who is not signed in sends a body.
    pub(crate) fn admit(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        self.requests.try_acquire().map_err(|_| {
            let limit = self.config.limits.requests_max as u64;
            ApiError::new(ErrorCode::ServerBusy, "Too many requests are in flight").with_limit(
                limit,
                limit + 1,
                "control.requests_max",
            )
        })
    }

    /// Waits while somebody is announcing or committing, but not for ever.
    pub(crate) async fn let_deploys_go_first(&self) {
        let mut looks_left = COURTESY_LOOKS;
        while self.deploys.available_permits() < self.config.limits.deploys_max && looks_left > 0 {
            looks_left -= 1;
            tokio::time::sleep(COURTESY_PAUSE).await;
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
