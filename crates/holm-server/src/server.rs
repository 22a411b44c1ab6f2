//! The life of the daemon: storage, then the edge (which serves its last snapshot at once), then the
//! control plane; stopping goes the other way round.

use std::net::SocketAddr;
use std::sync::Arc;

use holm_control::{Control, ControlConfig, ControlParts};
use holm_edge::{Edge, EdgeConfig, EdgeLimits, EdgeParts};
use holm_telemetry::{RecordLog, RecordSink};
use holm_types::{Clock, Entropy};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::args::ServerArgs;
use crate::config::ServerConfig;
use crate::console;
use crate::data_folder::DataFolder;
use crate::exit::{ServerError, open};
use crate::limits::{BLOCKING_THREADS_MAX, STOP_MAX};
use crate::listeners::Listeners;
use crate::log::{self, Verbosity};
use crate::parts::{OsEntropy, SystemClock};
use crate::stores::{Stores, open_records};

/// A running server. Dropping it without [`Server::stop`] is as good as a crash.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) control: Control,
    /// Where sites are served.
    pub(crate) site_address: SocketAddr,
    /// Where the API and console are.
    pub(crate) control_origin: String,
    tasks: Vec<JoinHandle<()>>,
    records: RecordLog,
    stop: watch::Sender<bool>,
    _data: DataFolder,
}

impl Server {
    /// Builds the parts and joins them. The edge answers from its last snapshot before the control
    /// plane is open.
    pub(crate) async fn start(config: &ServerConfig) -> Result<Self, ServerError> {
        let data = DataFolder::lock(&config.data.value)?;
        let layout = data.layout();
        let listeners = Listeners::open(config).await?;
        let site_address = listeners.site_address;
        let control_origin = listeners.control_origin.clone();
        let stores = Stores::open(&layout)?;
        let (sink, records) = open_records(&layout)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);

        let (stop, stopped) = watch::channel(false);
        let edge = edge(config.edge_limits.clone(), &stores, sink, &clock, &entropy);
        let mut tasks = spawn_edge(edge, listeners.site, &stopped);

        let control_config = control_config(config, site_address, &control_origin);
        let control = Control::open(
            &layout.database,
            control_config,
            control_parts(stores, clock, entropy),
        )
        .map_err(|error| open("open the control plane", error))?;
        refuse_exposed_control(config, listeners.control_address, &control)?;
        tasks.extend(spawn_control(&control, listeners.control, &stopped));
        Ok(Self {
            control,
            site_address,
            control_origin,
            tasks,
            records,
            stop,
            _data: data,
        })
    }

    /// Stops in order: listeners close, requests in flight end, records and database are flushed.
    pub(crate) async fn stop(self) {
        // Nobody listening any more means that everything has ended already.
        self.stop.send_replace(true);
        let all = async {
            for task in self.tasks {
                if let Err(error) = task.await {
                    console::error(&error, None);
                }
            }
        };
        if tokio::time::timeout(STOP_MAX, all).await.is_err() {
            console::say(&"some requests were still open when the time to stop was over");
        }
        self.records.close();
        self.control.close();
    }
}

/// `holm serve`.
pub(crate) fn serve(args: &ServerArgs) -> Result<(), ServerError> {
    let config = ServerConfig::combine(args)?;
    log::start(Verbosity::Everything);
    runtime(&config)?.block_on(async {
        let mut signals = Signals::new()?;
        let server = Server::start(&config).await?;
        announce(&server, args);
        signals.wait().await;
        server.stop().await;
        Ok(())
    })
}

fn announce(server: &Server, args: &ServerArgs) {
    let owner_link = server.control.owner_link();
    if args.json {
        console::out(&serde_json::json!({
            "listen": server.site_address.to_string(),
            "console_url": server.control_origin,
            "api_url": server.control_origin,
            "owner_link": owner_link,
        }));
        return;
    }
    console::say(&format!(
        "Holm {} serves sites on {}",
        env!("CARGO_PKG_VERSION"),
        server.site_address
    ));
    console::say(&format!("Console  {}", server.control_origin));
    if let Some(link) = owner_link {
        console::say(&format!("Owner    {link}  (works once)"));
    }
}

/// The runtime that both planes share.
pub(crate) fn runtime(config: &ServerConfig) -> Result<Runtime, ServerError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.threads.value)
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .enable_all()
        .thread_name("holm")
        .build()
        .map_err(|error| open("start the threads", error))
}

/// The signals that ask the server to stop.
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    pub(crate) fn new() -> Result<Self, ServerError> {
        use tokio::signal::unix::{SignalKind, signal};
        let hook = |kind| signal(kind).map_err(|error| open("listen for signals", error));
        Ok(Self {
            interrupt: hook(SignalKind::interrupt())?,
            terminate: hook(SignalKind::terminate())?,
        })
    }

    /// Returns at the first SIGINT or SIGTERM.
    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Beyond loopback the API is only opened for a server that has an owner and stands behind TLS.
fn refuse_exposed_control(
    config: &ServerConfig,
    address: SocketAddr,
    control: &Control,
) -> Result<(), ServerError> {
    let why = if address.ip().is_loopback() {
        return Ok(());
    } else if config.control_url.value.is_none() {
        "it would speak clear text, and no TLS proxy is declared"
    } else if control.owner_link().is_some() {
        "the server has no owner yet, so whoever comes first would become it"
    } else {
        return Ok(());
    };
    Err(ServerError::ControlExposed { address, why })
}

fn edge(
    limits: EdgeLimits,
    stores: &Stores,
    records: RecordSink,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> Edge {
    Edge::new(
        EdgeConfig { limits },
        EdgeParts {
            blobs: Arc::clone(&stores.blobs),
            variants: stores.variants.clone(),
            snapshots: stores.snapshots.clone(),
            records,
            clock: Arc::clone(clock),
            entropy: Arc::clone(entropy),
        },
    )
}

fn control_config(
    config: &ServerConfig,
    site_address: SocketAddr,
    control_origin: &str,
) -> ControlConfig {
    ControlConfig {
        base_domain: config.base_domain.value.clone(),
        public_scheme: "http".to_owned(),
        public_port: (site_address.port() != 80).then_some(site_address.port()),
        control_origin: control_origin.to_owned(),
        version: env!("CARGO_PKG_VERSION"),
        limits: config.control_limits.clone(),
    }
}

fn control_parts(stores: Stores, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> ControlParts {
    ControlParts {
        blobs: stores.blobs,
        variants: stores.variants,
        snapshots: stores.snapshots,
        clock,
        entropy,
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
    control: &Control,
    listener: TcpListener,
    stop: &watch::Receiver<bool>,
) -> Vec<JoinHandle<()>> {
    let server = (control.clone(), stop.clone());
    let reconcilers = (control.clone(), stop.clone());
    vec![
        tokio::spawn(async move { server.0.serve(listener, server.1).await }),
        tokio::spawn(async move { reconcilers.0.run_reconcilers(reconcilers.1).await }),
    ]
}
