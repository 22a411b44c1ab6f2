//! The life of the daemon: storage, then the edge (which serves its last snapshot at once), then the
//! control plane; stopping goes the other way round.

use std::net::SocketAddr;
use std::sync::Arc;

use holm_control::Control;
use holm_edge::{Edge, EdgeConfig, EdgeParts};
use holm_telemetry::{RecordLog, RecordSink};
use holm_types::{Clock, Entropy, IpNetworkSet};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::args::ServerArgs;
use crate::certificate::CertificateKeeper;
use crate::config::ServerConfig;
use crate::console;
use crate::control_plane::ControlPlane;
use crate::data_folder::DataFolder;
use crate::exit::{ServerError, open};
use crate::limits::{BLOCKING_THREADS_MAX, STOP_MAX};
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
    tasks: Vec<JoinHandle<()>>,
    records: RecordLog,
    stop: watch::Sender<bool>,
    _data: DataFolder,
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
        let layout = data.layout();
        let listeners = Listeners::open(config).await?;
        let Addresses {
            site: site_address,
            tls: tls_address,
            control_origin,
            ..
        } = listeners.addresses.clone();
        let stores = Stores::open(&layout)?;
        let (sink, records) = open_records(&layout)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);

        let (stop, stopped) = watch::channel(false);
        let edge = edge(edge_config(config), &stores, sink, &clock, &entropy);
        let mut tasks = Vec::new();
        if let Some(listener) = listeners.tls {
            let keeper = CertificateKeeper::open(
                config.tls_files.value.clone(),
                &layout.tls,
                &config.base_domain.value,
                &*clock,
            )?;
            tasks.extend(spawn_tls(edge.clone(), listener, keeper, &stopped));
        }
        tasks.extend(spawn_edge(edge, listeners.site, &stopped));

        let has_snapshot = stores.snapshots.newest().is_some();
        let plane = ControlPlane::new(
            config,
            &listeners.addresses,
            &layout,
            stores,
            clock,
            entropy,
        );
        let plane = Arc::new(plane);
        let running = Arc::clone(&plane);
        match plane.open() {
            Ok(control) => tasks.push(tokio::spawn(async move {
                running.serve(control, listeners.control, stopped).await;
            })),
            Err(error) if error.keeps_the_edge() && has_snapshot && on_failure.keeps_serving() => {
                tasks.push(tokio::spawn(async move {
                    running
                        .wait_and_serve(error, listeners.control, stopped)
                        .await;
                }));
            }
            Err(error) => return Err(error),
        }
        Ok(Self {
            plane,
            site_address,
            tls_address,
            control_origin,
            tasks,
            records,
            stop,
            _data: data,
        })
    }

    /// The control plane. `None` while it cannot be opened.
    pub(crate) fn control(&self) -> Option<&Control> {
        self.plane.control()
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
pub(crate) fn serve(args: &ServerArgs) -> Result<(), ServerError> {
    let config = ServerConfig::combine(args)?;
    log::start(Verbosity::Everything);
    run(&config, async {
        let mut signals = Signals::new()?;
        let server = Server::start(&config, OnControlFailure::KeepServing).await?;
        announce(&server, args);
        shared_domain::warn(&config);
        signals.wait().await;
        stop_unless_asked_again(server, &mut signals).await
    })
}

/// Stops in order; a second signal ends the process at once.
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

fn announce(server: &Server, args: &ServerArgs) {
    let owner_link = server.control().and_then(Control::owner_link);
    if args.json {
        console::out(&serde_json::json!({
            "listen": server.site_address.to_string(),
            "tls_listen": server.tls_address.map(|address| address.to_string()),
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
    }
}

fn edge(
    config: EdgeConfig,
    stores: &Stores,
    records: RecordSink,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> Edge {
    Edge::new(
        config,
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
