//! The life of the daemon: storage, then the edge (which serves its last snapshot at once), then the
//! control plane; stopping goes the other way round. A next server may take its place at any time.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use holm_control::Control;
use holm_edge::{Edge, EdgeConfig, EdgeParts};
use holm_telemetry::{RecordLog, RecordSink};
use holm_types::{Clock, Entropy, IpNetworkSet};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::args::{ServeArgs, ServerArgs};
use crate::certificate::CertificateKeeper;
use crate::config::ServerConfig;
use crate::console;
use crate::control_plane::ControlPlane;
use crate::data_folder::{DataFolder, Layout};
use crate::exit::{ServerError, open};
use crate::functions::FunctionService;
use crate::handover::{Door, Predecessor, SpareListeners, Successor};
use crate::limits::{BLOCKING_THREADS_MAX, HANDOVER_STOP_MAX, STOP_MAX};
use crate::listeners::{Addresses, Listeners};
use crate::log::{self, Verbosity};
use crate::parts::{OsEntropy, SystemClock};
use crate::shared_domain;
use crate::signals::Signals;
use crate::stores::{Stores, open_records};

/// A running server. Dropping it without [`Server::stop`] is as good as a crash.
#[derive(Debug)]
pub(crate) struct Server {
    plane: Arc<ControlPlane>,
    /// Where sites are served.
    pub(crate) site_address: SocketAddr,
    /// Where they are served over TLS. `None`: nowhere.
    pub(crate) tls_address: Option<SocketAddr>,
    /// Where the API and console are.
    pub(crate) control_origin: String,
    edge: Edge,
    edge_tasks: Vec<JoinHandle<()>>,
    stop_edge: watch::Sender<bool>,
    control_task: JoinHandle<()>,
    stop_control: watch::Sender<bool>,
    records: RecordLog,
    /// To be handed over. `None` when they could not be kept; then there is no door either.
    spare: Option<SpareListeners>,
    door: Option<Door>,
    /// `None` while a next server has it.
    data: Option<DataFolder>,
    data_root: PathBuf,
}

impl Server {
    /// Builds the parts and joins them. The edge answers from its last snapshot before the control
    /// plane is open.
    ///
    /// Control decides, edge serves: with `OnControlFailure::KeepServing` the edge goes on with its last
    /// snapshot when the control plane cannot be opened, which is tried again until it can.
    pub(crate) async fn start(
        config: &ServerConfig,
        on_failure: OnControlFailure,
    ) -> Result<Self, ServerError> {
        let data = DataFolder::lock(&config.data.value)?;
        let listeners = Listeners::open(config, None).await?;
        let mut server = Self::join(config, on_failure, data, listeners).await?;
        server.open_door();
        Ok(server)
    }

    /// As [`Server::start`], in the place of the server that runs on the data folder, if there is one;
    /// that one goes when this one serves.
    ///
    /// The control plane has to open here: an upgrade that fails leaves the server there to visitors.
    pub(crate) async fn take_over(
        config: &ServerConfig,
    ) -> Result<(Self, Option<u32>), ServerError> {
        match DataFolder::lock(&config.data.value) {
            Err(error) if error.is_in_use() => {}
            Err(error) => return Err(error.into()),
            Ok(free) => {
                drop(free);
                let server = Self::start(config, OnControlFailure::KeepServing).await?;
                return Ok((server, None));
            }
        }
        let mut before = Predecessor::ask(&config.data.value).await?;
        let listeners = Listeners::open(config, Some(&mut before)).await?;
        before.release().await?;
        let data = DataFolder::lock(&config.data.value)?;
        let mut server = Self::join(config, OnControlFailure::Fail, data, listeners).await?;
        let pid = before.pid;
        console::say(&format!(
            "takes over from Holm {} (process {pid})",
            before.version
        ));
        if let Err(error) = before.ready().await {
            // Visitors that have come here meanwhile are served to the end.
            server.edge.hand_over();
            server.stop().await;
            return Err(error.into());
        }
        server.open_door();
        Ok((server, Some(pid)))
    }

    /// Builds the parts and joins them.
    async fn join(
        config: &ServerConfig,
        on_failure: OnControlFailure,
        data: DataFolder,
        listeners: Listeners,
    ) -> Result<Self, ServerError> {
        let layout = data.layout();
        let spare = SpareListeners::of(&listeners);
        let Addresses {
            site: site_address,
            tls: tls_address,
            control_origin,
            ..
        } = listeners.addresses.clone();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let stores = Stores::open(&layout, &config.storage.value, &*entropy).await?;
        let (sink, records) = open_records(&layout)?;

        let functions = Arc::new(FunctionService::new(config, &layout));
        let parts = edge_parts(&stores, sink, &clock, &entropy, &functions);
        let edge = Edge::new(edge_config(config), parts);
        let keeper = listeners.tls.is_some().then(|| {
            let files = config.tls_files.value.clone();
            CertificateKeeper::open(files, &layout.tls, &config.base_domain.value, &*clock)
        });
        let keeper = keeper.transpose()?;
        let has_snapshot = stores.snapshots.newest().is_some();
        let addresses = &listeners.addresses;
        let plane = ControlPlane::new(config, addresses, &layout, stores, clock, entropy);
        let plane = Arc::new(plane);
        functions.ask_for_variables(&plane);
        // Where a failure ends this server, it must not have accepted a visitor before; and with nothing
        // to serve (after a restore) visitors wait for the first snapshot, or they would be told "not found".
        let is_first = !on_failure.keeps_serving() || !has_snapshot;
        let early = is_first.then(|| plane.open()).transpose()?;
        if early.is_some() {
            edge.take_up_newest();
        }

        let (stop_edge, stopped) = watch::channel(false);
        let mut edge_tasks = spawn_edge(edge.clone(), listeners.site, &stopped);
        if let (Some(listener), Some(keeper)) = (listeners.tls, keeper) {
            edge_tasks.extend(spawn_tls(edge.clone(), listener, keeper, &stopped));
        }
        let opened = early.map_or_else(|| plane.open(), Ok);
        let opened = match opened {
            Err(error) if !error.keeps_the_edge() => return Err(error),
            opened => opened,
        };
        let (stop_control, stopped) = watch::channel(false);
        let control_task = spawn_control(&plane, opened, listeners.control, stopped);
        Ok(Self {
            plane,
            site_address,
            tls_address,
            control_origin,
            edge,
            edge_tasks,
            stop_edge,
            control_task,
            stop_control,
            records,
            spare: kept(spare),
            door: None,
            data: Some(data),
            data_root: config.data.value.clone(),
        })
    }

    /// From here on a next server may ask.
    fn open_door(&mut self) {
        if self.spare.is_none() {
            return;
        }
        self.door = kept(Door::open(&Layout::of(&self.data_root)));
    }

    /// The control plane. `None` while it cannot be opened.
    pub(crate) fn control(&self) -> Option<&Control> {
        self.plane.control()
    }

    /// Runs until a signal asks it to stop or a next server has taken its place, and stops in order. A
    /// second signal ends the process at once.
    pub(crate) async fn run(mut self, signals: &mut Signals) -> Result<(), ServerError> {
        loop {
            let successor = tokio::select! {
                _ = signals.wait() => break,
                successor = knock(self.door.as_ref()) => successor,
            };
            tokio::select! {
                _ = signals.wait() => break,
                is_followed = self.hand_over(successor) => if is_followed {
                    return self.leave(signals).await;
                }
            }
        }
        stop_unless_asked_again(self, signals).await
    }

    /// True when the next server serves. False when this one goes on.
    async fn hand_over(&mut self, successor: Successor) -> bool {
        let Some(spare) = &self.spare else {
            return false;
        };
        console::say(&format!(
            "Holm {} asks to take over",
            successor.version.escape_default()
        ));
        if let Err(error) = successor.give(spare).await {
            console::error(&error, None);
            console::say(&"it does not take over; nothing has changed");
            return false;
        }
        self.release().await;
        match successor.released().await {
            Ok(()) => true,
            Err(error) => {
                console::error(&error, None);
                self.go_on_without_control();
                false
            }
        }
    }

    /// Stops the control plane and lets go of the data folder. Visitors are served on.
    async fn release(&mut self) {
        self.stop_control.send_replace(true);
        let ended = tokio::time::timeout(HANDOVER_STOP_MAX, &mut self.control_task).await;
        if ended.is_err() {
            self.control_task.abort();
            console::say(&"requests to the API that did not end in time are cut");
        }
        let plane = Arc::clone(&self.plane);
        if let Err(error) = tokio::task::spawn_blocking(move || plane.release()).await {
            console::error(&error, None);
        }
        self.data = None;
    }

    /// The next server has ended before it served: sites are served, and the API says that it is closed.
    fn go_on_without_control(&mut self) {
        console::say(
            &"the next server did not start: sites are served as before, but the API is closed; see what that server said, then start one with `holm serve --take-over` again (the version that runs here will do), or restart this one",
        );
        // Whoever has it meanwhile will say so.
        self.data = DataFolder::lock(&self.data_root).ok();
        let listener = self.spare.as_ref().map(SpareListeners::control);
        let (stop, stopped) = watch::channel(false);
        self.stop_control = stop;
        match listener {
            Some(Ok(listener)) => {
                let plane = Arc::clone(&self.plane);
                self.control_task =
                    tokio::spawn(async move { plane.refuse(listener, stopped).await });
            }
            Some(Err(error)) => console::error(&error, None),
            None => {}
        }
    }

    /// The next server serves: accepts nothing more, and ends when every visitor has gone over.
    async fn leave(mut self, signals: &mut Signals) -> Result<(), ServerError> {
        console::say(&"the next server serves; this one ends once its connections have");
        self.edge.hand_over();
        // Its file is the next server's by now, or about to be.
        self.door = None;
        stop_unless_asked_again(self, signals).await
    }

    /// Stops in order: listeners close, requests in flight end, records and database are flushed.
    pub(crate) async fn stop(mut self) {
        if let Some(door) = self.door.take() {
            door.close();
        }
        // While a second descriptor is open, the kernel goes on taking connections.
        self.spare = None;
        // Nobody listening any more means that everything has ended already.
        self.stop_edge.send_replace(true);
        self.stop_control.send_replace(true);
        if !self.control_task.is_finished() {
            self.edge_tasks.push(self.control_task);
        }
        let all = async {
            for task in self.edge_tasks {
                if let Err(error) = task.await {
                    console::error(&error, None);
                }
            }
            // Nobody asks them any more; what they do in the background may finish.
            self.edge.stop_functions().await;
        };
        if tokio::time::timeout(STOP_MAX, all).await.is_err() {
            console::say(&"some requests were still open when the time to stop was over");
        }
        self.records.close();
        if let Some(control) = self.plane.control() {
            control.clone().close();
        }
    }
}

/// What a start does when the control plane cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnControlFailure {
    /// It fails: somebody waits for the control plane.
    Fail,
    /// The edge serves its last snapshot meanwhile, if it has one.
    KeepServing,
}

impl OnControlFailure {
    fn keeps_serving(self) -> bool {
        self == Self::KeepServing
    }
}

/// `holm serve`.
pub(crate) fn serve(args: &ServeArgs) -> Result<(), ServerError> {
    let config = ServerConfig::combine(&args.server)?;
    log::start(Verbosity::Everything);
    run(&config, async {
        let mut signals = Signals::new()?;
        let (server, before) = if args.take_over {
            // The other server may take its time, and goes on when this one ends meanwhile.
            tokio::select! {
                taken = Server::take_over(&config) => taken?,
                signal = signals.wait() => {
                    return Err(ServerError::Signalled { signal, doing: "taking over" });
                }
            }
        } else {
            let server = Server::start(&config, OnControlFailure::KeepServing).await?;
            (server, None)
        };
        announce(&server, &args.server, before);
        shared_domain::warn(&config);
        server.run(&mut signals).await
    })
}

/// The next server that asks. Waits for ever where none can.
async fn knock(door: Option<&Door>) -> Successor {
    match door {
        Some(door) => door.knock().await,
        None => std::future::pending().await,
    }
}

/// What handing over needs, if it is there: a server that cannot be taken over from still serves.
fn kept<T>(made: std::io::Result<T>) -> Option<T> {
    made.inspect_err(|error| {
        console::error(error, None);
        console::say(&"this server cannot hand over to a next one; everything else works");
    })
    .ok()
}

/// Stops in order; a further signal ends the process at once.
pub(crate) async fn stop_unless_asked_again(
    server: Server,
    signals: &mut Signals,
) -> Result<(), ServerError> {
    tokio::select! {
        () = server.stop() => Ok(()),
        signal = signals.wait() => Err(ServerError::Signalled {
            signal,
            doing: "waiting for open requests to end",
        }),
    }
}

/// Runs a word of the server's to its end. File work that is still going on then is not waited for.
pub(crate) fn run(
    config: &ServerConfig,
    word: impl Future<Output = Result<(), ServerError>>,
) -> Result<(), ServerError> {
    let runtime = runtime(config)?;
    let ended = runtime.block_on(word);
    runtime.shutdown_background();
    ended
}

fn announce(server: &Server, args: &ServerArgs, before: Option<u32>) {
    let owner_link = server.control().and_then(Control::owner_link);
    if args.json {
        console::out(&serde_json::json!({
            "listen": server.site_address.to_string(),
            "tls_listen": server.tls_address.map(|address| address.to_string()),
            "console_url": server.control_origin,
            "api_url": server.control_origin,
            "owner_link": owner_link,
            "took_over_from": before,
        }));
        return;
    }
    console::say(&format!(
        "Holm {} serves sites on {}",
        env!("CARGO_PKG_VERSION"),
        server.site_address
    ));
    if let Some(address) = server.tls_address {
        console::say(&format!("TLS      {address}"));
    }
    console::say(&format!("Console  {}", server.control_origin));
    if let Some(link) = owner_link {
        console::say(&format!("Owner    {link}  (works once)"));
    }
}

/// The runtime that both planes share.
fn runtime(config: &ServerConfig) -> Result<Runtime, ServerError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.threads.value)
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .enable_all()
        .thread_name("holm")
        .build()
        .map_err(|error| open("start the threads", error))
}

fn edge_config(config: &ServerConfig) -> EdgeConfig {
    EdgeConfig {
        limits: config.edge_limits.clone(),
        trusted_proxies: IpNetworkSet::new(&config.trusted_proxies.value),
        base_domain: Some(config.base_domain.value.clone()),
        addresses_are_shortened: config.addresses_are_shortened.value,
    }
}

fn edge_parts(
    stores: &Stores,
    records: RecordSink,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
    functions: &Arc<FunctionService>,
) -> EdgeParts {
    let functions: Arc<FunctionService> = Arc::clone(functions);
    EdgeParts {
        blobs: Arc::clone(&stores.blobs),
        variants: stores.variants.clone(),
        snapshots: stores.snapshots.clone(),
        records,
        clock: Arc::clone(clock),
        entropy: Arc::clone(entropy),
        functions: Some(functions),
    }
}

fn spawn_edge(
    edge: Edge,
    listener: TcpListener,
    stop: &watch::Receiver<bool>,
) -> Vec<JoinHandle<()>> {
    let follower = (edge.clone(), stop.clone());
    let stop = stop.clone();
    vec![
        tokio::spawn(async move {
            edge.serve(listener, stop).await;
        }),
        tokio::spawn(async move { follower.0.follow_snapshots(follower.1).await }),
    ]
}

fn spawn_control(
    plane: &Arc<ControlPlane>,
    opened: Result<Control, ServerError>,
    listener: TcpListener,
    stopped: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let plane = Arc::clone(plane);
    match opened {
        Ok(control) => tokio::spawn(async move { plane.serve(control, listener, stopped).await }),
        Err(error) => {
            tokio::spawn(async move { plane.wait_and_serve(error, listener, stopped).await })
        }
    }
}

fn spawn_tls(
    edge: Edge,
    listener: TcpListener,
    keeper: CertificateKeeper,
    stop: &watch::Receiver<bool>,
) -> [JoinHandle<()>; 2] {
    let certificate = keeper.certificate();
    let (stop, keeper_stop) = (stop.clone(), stop.clone());
    [
        tokio::spawn(async move {
            edge.serve_tls(listener, certificate, stop).await;
        }),
        tokio::spawn(keeper.run(keeper_stop)),
    ]
}
