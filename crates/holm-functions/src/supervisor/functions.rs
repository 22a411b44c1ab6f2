//! The supervisor as others see it.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use holm_types::DeploymentId;
use http_body_util::BodyExt;
use tokio::time::Instant;

use super::ask::{self, Asked};
use super::instance::Instance;
use super::slot::{Before, Slot, overloaded};
use super::start;
use crate::bundle::FunctionDeployment;
use crate::counters::{self, Counters, CountersSnapshot};
use crate::egress::{Egress, Options};
use crate::failure::InvocationFailure;
use crate::host_socket::{OwnSite, SubRequest};
use crate::invocation::{FunctionResponse, Invocation, RequestBody};
use crate::limits::FunctionLimits;
use crate::process::{ConsoleSink, Nursery};
use crate::runtime::Runtime;
use crate::{EgressPolicy, Resolve};

/// What the supervisor works with.
#[derive(Debug)]
pub struct FunctionsConfig {
    /// The engine.
    pub runtime: Arc<dyn Runtime>,
    /// The program and first arguments that make the launcher: our own program and
    /// [`launcher::WORD`](crate::launcher::WORD).
    pub launcher: Vec<OsString>,
    /// The folder for the folders of processes. Its path has to be short: a socket's may have 108 bytes.
    pub work_folder: PathBuf,
    /// The maxima.
    pub limits: FunctionLimits,
    /// Where sub-requests may go.
    pub egress: EgressPolicy,
    /// Who resolves names for them.
    pub resolve: Arc<dyn Resolve>,
    /// Who takes the lines of consoles.
    pub console: Arc<dyn ConsoleSink>,
    /// Who answers what a function asks of its own site. `None` refuses it.
    pub own_site: Option<Arc<dyn OwnSite>>,
    /// Whether a started process without a deployment is kept for the next cold start.
    pub has_spare: bool,
}

/// Why the supervisor could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The work folder.
    #[error("set up functions: write to {}", path.display())]
    WorkFolder {
        /// Which folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The folder's path leaves no room for the name of a socket.
    #[error("set up functions: the path {} is too long for sockets below it", path.display())]
    LongPath {
        /// Which folder.
        path: PathBuf,
    },
    /// The thread that starts processes.
    #[error("set up functions: start a thread")]
    Thread(#[source] io::Error),
    /// The roots of the web could not be made into a TLS configuration.
    #[error("set up functions: TLS for sub-requests")]
    Tls(#[source] rustls::Error),
}

/// All function processes of this Holm. Cheap to clone; when the last one is dropped, all processes end.
#[derive(Clone, Debug)]
pub struct Functions {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) config: FunctionsConfig,
    pub(super) folder: PathBuf,
    pub(super) nursery: Nursery,
    pub(super) counters: Arc<Counters>,
    pub(super) egress: Arc<Egress>,
    pub(super) spare: tokio::sync::Mutex<Option<start::Blank>>,
    slots: Mutex<HashMap<DeploymentId, Arc<Slot>>>,
}

impl Functions {
    /// Sets the supervisor up; starts no process. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// See [`OpenError`]; all are the operator's to mend.
    pub fn open(config: FunctionsConfig) -> Result<Self, OpenError> {
        let folder = start::own_folder(&config.work_folder)?;
        let nursery = Nursery::new(config.launcher.clone()).map_err(OpenError::Thread)?;
        let counters = Arc::new(Counters::default());
        let egress = Egress::new(
            config.egress.clone(),
            config.resolve.clone(),
            &config.limits,
        )
        .map_err(OpenError::Tls)?;
        Ok(Self {
            inner: Arc::new(Inner {
                config,
                folder,
                nursery,
                counters,
                egress: Arc::new(egress),
                spare: tokio::sync::Mutex::new(None),
                slots: Mutex::new(HashMap::new()),
            }),
        })
    }

    /// Asks a deployment's function. Starts its process when there is none.
    ///
    /// The answer comes as soon as its head is there; its body as the function writes it. Dropping the body
    /// ends the invocation.
    ///
    /// # Errors
    /// See [`InvocationFailure`]; a visitor is answered 545 for those that are the function's.
    pub async fn invoke(
        &self,
        deployment: &FunctionDeployment,
        invocation: Invocation,
    ) -> Result<FunctionResponse, InvocationFailure> {
        let inner = &self.inner;
        counters::add(&inner.counters.invocations);
        let answered = inner.invoke(deployment, invocation).await;
        if answered.is_err() {
            counters::add(&inner.counters.failures);
        }
        answered
    }

    /// Makes a request to another server, under the same rules as a function's own: a middleware may send a
    /// visitor's request on to one.
    ///
    /// # Errors
    /// A sentence for the author: where the request may not go, or why there is no answer.
    pub async fn fetch(&self, request: SubRequest) -> Result<http::Response<RequestBody>, String> {
        counters::add(&self.inner.counters.sub_requests);
        let fetched = self.inner.egress.fetch(request, &Options::default()).await;
        fetched.map_err(|error| {
            if error.is_refusal() {
                counters::add(&self.inner.counters.sub_requests_refused);
            }
            error.to_string()
        })
    }

    /// Starts a deployment's process and waits until its code is loaded: what a deployment has to pass
    /// before it is promoted. The process stays for the first visitors.
    ///
    /// # Errors
    /// [`InvocationFailure::Load`] when the code throws while it is loaded, and those of starting.
    pub async fn prepare(&self, deployment: &FunctionDeployment) -> Result<(), InvocationFailure> {
        let slot = self.inner.slot(deployment.id);
        self.inner.instance(&slot, deployment).await.map(drop)
    }

    /// Replaces a deployment's process: what it is answering goes on for `functions.drain_max`, the next
    /// request starts another. With nothing running it does nothing.
    pub fn retire(&self, deployment: DeploymentId) {
        let slot = self.inner.lock().remove(&deployment);
        if let Some(instance) = slot.and_then(|slot| slot.take_current()) {
            self.inner.drain(instance);
        }
    }

    /// Ends everything, after `functions.drain_max` at most. Later invocations start processes again.
    pub async fn shutdown(&self) {
        let slots: Vec<Arc<Slot>> = self.inner.lock().drain().map(|(_, slot)| slot).collect();
        let instances: Vec<_> = slots
            .iter()
            .filter_map(|slot| slot.take_current())
            .collect();
        let drained = instances.iter().map(|instance| {
            let (inner, instance) = (self.inner.clone(), instance.clone());
            tokio::spawn(async move { inner.drained(&instance).await })
        });
        for task in drained.collect::<Vec<_>>() {
            // A drain that panicked has ended nothing that the nursery's end would not.
            drop(task.await);
        }
        drop(self.inner.spare.lock().await.take());
    }

    /// What was counted.
    pub fn counters(&self) -> CountersSnapshot {
        self.inner.counters.snapshot()
    }
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<DeploymentId, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn slot(&self, deployment: DeploymentId) -> Arc<Slot> {
        let mut slots = self.lock();
        slots
            .entry(deployment)
            .or_insert_with(|| Arc::new(Slot::new(&self.config.limits)))
            .clone()
    }

    async fn invoke(
        self: &Arc<Self>,
        deployment: &FunctionDeployment,
        invocation: Invocation,
    ) -> Result<FunctionResponse, InvocationFailure> {
        let slot = self.slot(deployment.id);
        let mut permit = slot.admit(&self.config.limits, &self.counters).await?;
        let mut request = ask::request(invocation)?;
        // A process may end between its being found and its being asked; then another is found, once.
        for _ in 0..2 {
            let instance = self.instance(&slot, deployment).await?;
            match ask::ask(&instance, permit, request, &self.config.limits).await? {
                Asked::Answered(response) => return Ok(*response),
                Asked::Gone {
                    request: unsent,
                    permit: kept,
                } => {
                    request = *unsent;
                    permit = kept;
                    slot.forget(&instance);
                }
            }
        }
        Err(InvocationFailure::Crashed {
            reason: "it ended before it took the request, twice".to_owned(),
        })
    }

    /// The deployment's process, started if need be; one start at a time.
    async fn instance(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        deployment: &FunctionDeployment,
    ) -> Result<Arc<Instance>, InvocationFailure> {
        if let Some(instance) = slot.current() {
            return Ok(instance);
        }
        let mut luck = slot.starting.lock().await;
        if let Some(instance) = slot.current() {
            return Ok(instance);
        }
        match luck.before(Instant::now(), self.config.limits.backoff_max) {
            Before::Go => {}
            Before::Wait(pause) => tokio::time::sleep(pause).await,
            Before::Refuse(failure) => return Err(failure),
        }
        self.make_room()?;
        match start::start(self, deployment).await {
            Ok(instance) => {
                slot.set_current(instance.clone());
                tokio::spawn(super::watchdog::watch(
                    Arc::downgrade(self),
                    slot.clone(),
                    instance.clone(),
                ));
                Ok(instance)
            }
            Err(failure) => {
                counters::add(&self.counters.start_failures);
                luck.failed(Instant::now(), failure.clone());
                Err(failure)
            }
        }
    }

    /// Ends the process that was idle longest when there are as many as there may be.
    fn make_room(self: &Arc<Self>) -> Result<(), InvocationFailure> {
        let max = self.config.limits.instances_max.max(1);
        let slots: Vec<Arc<Slot>> = self.lock().values().cloned().collect();
        let open: Vec<(Arc<Slot>, Arc<Instance>)> = slots
            .into_iter()
            .filter_map(|slot| slot.current().map(|instance| (slot, instance)))
            .collect();
        if open.len() < max {
            return Ok(());
        }
        let mut idle: Vec<_> = open
            .into_iter()
            .filter(|(_, instance)| instance.load().count == 0)
            .collect();
        idle.sort_by_key(|(_, instance)| instance.load().idle_for);
        while let Some((slot, instance)) = idle.pop() {
            if instance.close_if_idle() {
                slot.forget(&instance);
                self.drain(instance);
                return Ok(());
            }
        }
        Err(overloaded(format!(
            "{max} processes are busy; {max} may run"
        )))
    }

    /// Lets a process that takes no more requests finish, in the background.
    pub(super) fn drain(self: &Arc<Self>, instance: Arc<Instance>) {
        let inner = self.clone();
        tokio::spawn(async move { inner.drained(&instance).await });
    }

    async fn drained(&self, instance: &Arc<Instance>) {
        instance.close();
        counters::add(&self.counters.drained);
        let finished = async {
            while instance.load().count > 0 {
                tokio::time::sleep(self.config.limits.watch_interval).await;
            }
            // What it does in the background (`waitUntil`) may finish too.
            ask::control(instance, "drain").await
        };
        // Either way it ends now; a failure to ask means that it has ended already.
        drop(tokio::time::timeout(self.config.limits.drain_max, finished).await);
        instance.end(InvocationFailure::Stopped);
        instance.process.ended().await;
        instance.clean_up();
    }
}

/// A body without bytes.
pub(super) fn no_body() -> RequestBody {
    http_body_util::Empty::new()
        .map_err(|never| match never {})
        .boxed_unsync()
}
