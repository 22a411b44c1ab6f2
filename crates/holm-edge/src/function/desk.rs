//! Where functions are asked from: the supervisor, opened when it is first needed, and the deployments
//! that were asked.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;
use holm_functions::{FunctionDeployment, Functions};
use holm_site::Site;
use holm_types::{Clock, DeploymentId, VisitorCode};
use tokio::sync::{Semaphore, watch};

use super::bundle::StoredBundle;
use super::console::ConsoleLog;
use super::own_site::OwnFiles;
use super::{FunctionHost, FunctionSeams};
use crate::EdgeLimits;
use crate::edge::EdgeInner;
use crate::error::Refusal;
use crate::hosts::{HostRow, SiteRow};

/// What comes of opening. `None` while it goes on.
type Opening = watch::Receiver<Option<Result<Functions, Arc<str>>>>;

/// One try at opening the supervisor.
#[derive(Debug)]
struct Attempt {
    outcome: Opening,
    begun: Duration,
}

impl Attempt {
    fn has_failed(&self) -> bool {
        // One whose task is gone without a word has failed too.
        let is_over = self.outcome.has_changed().is_err();
        match &*self.outcome.borrow() {
            Some(outcome) => outcome.is_err(),
            None => is_over,
        }
    }
}

/// A deployment that was asked.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) deployment: FunctionDeployment,
    /// The host it was asked at: where it is found again when that host shows another by now.
    pub(super) row: Arc<HostRow>,
}

/// The supervisor, and what it was asked about.
#[derive(Debug)]
pub(crate) struct FunctionDesk {
    host: Arc<dyn FunctionHost>,
    ready: OnceLock<Functions>,
    attempt: Mutex<Option<Attempt>>,
    known: Mutex<HashMap<DeploymentId, Known>>,
    console: Arc<ConsoleLog>,
    /// Places for deployments that are started before they are asked for.
    pub(super) warm_places: Arc<Semaphore>,
    /// Turns at starting them.
    pub(super) warm_turn: Semaphore,
}

impl FunctionDesk {
    /// A desk that has opened nothing yet.
    pub(crate) fn new(
        host: Arc<dyn FunctionHost>,
        limits: &EdgeLimits,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let places = limits.function_warm_max.min(Semaphore::MAX_PERMITS);
        Self {
            host,
            ready: OnceLock::new(),
            attempt: Mutex::new(None),
            known: Mutex::default(),
            console: Arc::new(ConsoleLog::new(limits, Arc::clone(clock))),
            warm_places: Arc::new(Semaphore::new(places)),
            warm_turn: Semaphore::new(1),
        }
    }

    /// The supervisor, if it is open.
    pub(crate) fn opened(&self) -> Option<&Functions> {
        self.ready.get()
    }

    /// The supervisor. Waits for its being opened, but not for ever: fetching an engine may take minutes.
    pub(super) async fn functions(&self, edge: &Arc<EdgeInner>) -> Result<Functions, Refusal> {
        if let Some(functions) = self.ready.get() {
            return Ok(functions.clone());
        }
        let mut outcome = self.open(edge);
        let opened = outcome.wait_for(Option::is_some);
        let allowed = edge.config.limits.function_open_wait_max;
        let Ok(opened) = tokio::time::timeout(allowed, opened).await else {
            return Err(no_engine(
                "the engine of functions is still being set up; edge.function_open_wait_max is reached",
            ));
        };
        let opened = opened.map(|outcome| outcome.clone());
        match opened {
            Ok(Some(Ok(functions))) => Ok(self.ready.get_or_init(|| functions).clone()),
            Ok(Some(Err(reason))) => Err(no_engine(&reason)),
            Ok(None) | Err(_) => Err(no_engine(
                "setting up the engine of functions was cut short",
            )),
        }
    }

    /// Begins to open, unless that is under way or has just failed.
    fn open(&self, edge: &Arc<EdgeInner>) -> Opening {
        let now = edge.parts.clock.monotonic();
        let mut attempt = lock(&self.attempt);
        if let Some(attempt) = &*attempt {
            let pause = edge.config.limits.function_open_retry_interval;
            if !attempt.has_failed() || now.saturating_sub(attempt.begun) < pause {
                return attempt.outcome.clone();
            }
        }
        let (sender, outcome) = watch::channel(None);
        let host = Arc::clone(&self.host);
        let seams = FunctionSeams {
            own_site: Arc::new(OwnFiles::new(edge)),
            console: Arc::<ConsoleLog>::clone(&self.console),
        };
        // A task of its own: that one visitor goes away must not end it for the others.
        tokio::spawn(async move {
            let opened = host.open(seams).await.map_err(Arc::<str>::from);
            sender.send_replace(Some(opened));
        });
        *attempt = Some(Attempt {
            outcome: outcome.clone(),
            begun: now,
        });
        outcome
    }

    /// A site's deployment as the supervisor wants it. `None` when the site has nothing for it.
    pub(super) async fn deployment(
        &self,
        edge: &EdgeInner,
        row: &Arc<HostRow>,
        site: &Site,
    ) -> Result<Option<FunctionDeployment>, Refusal> {
        let (Some(id), Some(bundle)) = (row.deployment_id(), site.edge_bundle()) else {
            return Ok(None);
        };
        if let Some(known) = lock(&self.known).get_mut(&id) {
            if !Arc::ptr_eq(&known.row, row) {
                known.row = Arc::clone(row);
            }
            return Ok(Some(known.deployment.clone()));
        }
        let env = self.host.variables(id).await.map_err(|reason| {
            Refusal::new(
                VisitorCode::ServiceUnavailable,
                format!("the variables of the deployment cannot be read: {reason}"),
            )
        })?;
        let deployment = FunctionDeployment {
            id,
            bundle: Arc::new(StoredBundle {
                blobs: Arc::clone(&edge.parts.blobs),
                code: bundle.code,
            }),
            env,
        };
        let known = Known {
            deployment: deployment.clone(),
            row: Arc::clone(row),
        };
        self.remember(id, known, edge.config.limits.function_deployments_max);
        Ok(Some(deployment))
    }

    /// Past the maximum another is forgotten, whose variables are read again when it is asked next.
    fn remember(&self, id: DeploymentId, known: Known, max: usize) {
        let mut all = lock(&self.known);
        if all.len() >= max.max(1)
            && let Some(other) = all.keys().next().copied()
        {
            all.remove(&other);
        }
        all.insert(id, known);
    }

    /// A deployment that was asked.
    pub(super) fn known(&self, id: DeploymentId) -> Option<Known> {
        lock(&self.known).get(&id).cloned()
    }

    /// All that were asked.
    pub(super) fn all_known(&self) -> Vec<Known> {
        lock(&self.known).values().cloned().collect()
    }

    /// A deployment has left: what it answers may finish, and nobody asks it again.
    pub(super) fn retire(&self, id: DeploymentId) {
        lock(&self.known).remove(&id);
        if let Some(functions) = self.ready.get() {
            functions.retire(id);
        }
    }
}

impl SiteRow {
    /// Whether it is this deployment that the row shows.
    pub(super) fn shows(&self, deployment: DeploymentId) -> bool {
        self.deployment_id == deployment
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one step, so what a panic left behind is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn no_engine(reason: &str) -> Refusal {
    Refusal::new(VisitorCode::ServiceUnavailable, reason.to_owned())
}
