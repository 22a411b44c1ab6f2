//! The life of the daemon: storage, then the edge (which serves its last snapshot at once), then the
//! control plane; stopping goes the other way round.

use std::net::SocketAddr;
use std::sync::Arc;

use holm_control::{Control, ControlConfig, ControlLimits, ControlParts};
use holm_edge::{Edge, EdgeConfig, EdgeParts};
use holm_storage::{BlobStore, LocalBlobStore, SnapshotStore, VariantIndex};
use holm_telemetry::{RecordLimits, RecordLog};
use holm_types::{Clock, Entropy};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::args::ServerArgs;
use crate::config::ServerConfig;
use crate::console;
use crate::data_folder::DataFolder;
use crate::exit::ServerError;
use crate::limits::{BLOCKING_THREADS_MAX, STOP_MAX};
use crate::parts::{OsEntropy, SystemClock};

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
        let site_listener = listen(config.listen.value, "sites", "--listen").await?;
        let control_listener = listen(
            config.control_listen.value,
            "the API and console",
            "--control-listen",
        )
        .await?;
        let site_address = local_address(&site_listener, config.listen.value);
        let control_address = local_address(&control_listener, config.control_listen.value);
        let control_origin = config.control_url.value.clone().map_or_else(
            || format!("http://{control_address}"),
            |url| url.trim_end_matches('/').to_owned(),
        );

        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let blobs: Arc<dyn BlobStore> = Arc::new(
            LocalBlobStore::open(&layout.blobs)
                .map_err(|error| open("open the blob store", error))?,
        );
        let variants = VariantIndex::open(&layout.variants)
            .map_err(|error| open("open the index of encoded forms", error))?;
        let snapshots = SnapshotStore::open(&layout.snapshots)
            .map_err(|error| open("open the snapshot store", error))?;
        let (sink, records) = RecordLog::open(layout.records, RecordLimits::default())
            .map_err(|error| open("open the access records", error))?;

        let (stop, stopped) = watch::channel(false);
        let edge = Edge::new(
            EdgeConfig::default(),
            EdgeParts {
                blobs: Arc::clone(&blobs),
                variants: variants.clone(),
                snapshots: snapshots.clone(),
                records: sink,
                clock: Arc::clone(&clock),
                entropy: Arc::clone(&entropy),
            },
        );
        let mut tasks = vec![
            spawn_edge(edge.clone(), site_listener, stopped.clone()),
            spawn_followers(edge, stopped.clone()),
        ];

        let control = Control::open(
            &layout.database,
            ControlConfig {
                base_domain: config.base_domain.value.clone(),
                public_scheme: "http".to_owned(),
                public_port: (site_address.port() != 80).then_some(site_address.port()),
                control_origin: control_origin.clone(),
                version: env!("CARGO_PKG_VERSION"),
                limits: ControlLimits::default(),
            },
            ControlParts {
                blobs,
                variants,
                snapshots,
                clock,
                entropy,
            },
        )
        .map_err(|error| open("open the control plane", error))?;
        refuse_exposed_control(config, control_address, &control)?;
        tasks.push(tokio::spawn({
            let (control, stopped) = (control.clone(), stopped.clone());
            async move { control.serve(control_listener, stopped).await }
        }));
        tasks.push(tokio::spawn({
            let (control, stopped) = (control.clone(), stopped);
            async move { control.run_reconcilers(stopped).await }
        }));
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
pub(crate) fn serve(args: ServerArgs) -> Result<(), ServerError> {
    let config = ServerConfig::combine(&args)?;
    runtime(&config)?.block_on(async {
        let mut signals = Signals::new()?;
        let server = Server::start(&config).await?;
        announce(&server, &args);
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

pub(crate) fn open(
    doing: &'static str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> ServerError {
    ServerError::Open {
        doing,
        source: Box::new(source),
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

async fn listen(
    address: SocketAddr,
    what: &'static str,
    flag: &'static str,
) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ServerError::Listen {
            address,
            what,
            flag,
            source,
        })
}

fn local_address(listener: &TcpListener, asked: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(asked)
}

fn spawn_edge(edge: Edge, listener: TcpListener, stop: watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(async move {
        edge.serve(listener, stop).await;
    })
}

fn spawn_followers(edge: Edge, stop: watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(async move { edge.follow_snapshots(stop).await })
}
