//! Opening the control plane, now or as soon as it can be opened, and serving it.
//!
//! The edge does not depend on it: while the database is damaged or the disk refuses, sites are served
//! from the last snapshot, the control listener answers 503, and opening is tried again.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use holm_control::{BackupFile, Control, ControlConfig, ControlParts};
use holm_types::{Clock, Entropy, IpNetworkSet, LimitInForce, RequestIds};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::config::ServerConfig;
use crate::console;
use crate::data_folder::Layout;
use crate::exit::{ServerError, open};
use crate::limits::{CONTROL_REPORT_INTERVAL, CONTROL_RETRY_INTERVAL, LIMITS};
use crate::listeners::Addresses;
use crate::stores::Stores;
use crate::unavailable::{self, Why};

/// The control plane, open or not yet.
#[derive(Debug)]
pub(crate) struct ControlPlane {
    database: PathBuf,
    config: ControlConfig,
    parts: ControlParts,
    address: SocketAddr,
    has_public_url: bool,
    backup_files: Vec<BackupFile>,
    control: OnceLock<Control>,
}

impl ControlPlane {
    pub(crate) fn new(
        config: &ServerConfig,
        addresses: &Addresses,
        layout: &Layout,
        stores: Stores,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let site_port = addresses.site.port();
        Self {
            database: layout.database.clone(),
            config: ControlConfig {
                base_domain: config.base_domain.value.clone(),
                public_scheme: "http".to_owned(),
                public_port: (site_port != 80).then_some(site_port),
                control_origin: addresses.control_origin.clone(),
                trusted_proxies: IpNetworkSet::new(&config.trusted_proxies.value),
                version: env!("CARGO_PKG_VERSION"),
                limits: config.control_limits.clone(),
                other_limits: config
                    .edge_limits
                    .in_force(holm_edge::LIMITS)
                    .chain(config.function_limits.in_force(holm_functions::LIMITS))
                    .chain(LimitInForce::fixed(LIMITS))
                    .collect(),
                rule_limits: config.rule_limits,
            },
            parts: ControlParts {
                blobs: stores.blobs,
                variants: stores.variants,
                snapshots: stores.snapshots,
                clock,
                entropy,
            },
            address: addresses.control,
            has_public_url: config.control_url.value.is_some(),
            backup_files: backup_files(config, layout),
            control: OnceLock::new(),
        }
    }

    /// The control plane. `None` while it cannot be opened.
    pub(crate) fn control(&self) -> Option<&Control> {
        self.control.get()
    }

    /// Opens it. Blocks on the disk.
    pub(crate) fn open(&self) -> Result<Control, ServerError> {
        let control = Control::open(&self.database, self.config.clone(), self.parts.clone())
            .map_err(|error| open("open the control plane", error))?;
        self.refuse_exposed(&control)?;
        control.set_backup_files(self.backup_files.clone());
        Ok(self.control.get_or_init(|| control).clone())
    }

    /// Beyond loopback the API is only opened for a server that has an owner and stands behind TLS.
    fn refuse_exposed(&self, control: &Control) -> Result<(), ServerError> {
        let why = if self.address.ip().is_loopback() {
            return Ok(());
        } else if !self.has_public_url {
            "it would speak clear text, and no TLS proxy is declared"
        } else if control.owner_link().is_some() {
            "the server has no owner yet, so whoever comes first would become it"
        } else {
            return Ok(());
        };
        Err(ServerError::ControlExposed {
            address: self.address,
            why,
        })
    }

    /// Serves the API and runs the reconcilers until `stop` is true.
    pub(crate) async fn serve(
        &self,
        control: Control,
        listener: TcpListener,
        stop: watch::Receiver<bool>,
    ) {
        // Tasks of their own: reading a request must not wait for a reconciler.
        let reconcilers = (control.clone(), stop.clone());
        let reconcilers =
            tokio::spawn(async move { reconcilers.0.run_reconcilers(reconcilers.1).await });
        control.serve(listener, stop).await;
        if let Err(error) = reconcilers.await {
            console::error(&error, None);
        }
    }

    /// Closes it and lets go of the folder's stores, for the next server to open them. Blocks.
    pub(crate) fn release(&self) {
        if let Some(control) = self.control() {
            control.clone().close();
        }
        self.parts.variants.release();
        if let Err(error) = self.parts.blobs.release() {
            console::error(&error, None);
        }
    }

    /// After [`ControlPlane::release`] for a next server that did not come: answers 503 until `stop` is
    /// true.
    pub(crate) async fn refuse(&self, listener: TcpListener, mut stop: watch::Receiver<bool>) {
        let ids = request_ids(&*self.parts.entropy);
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = unavailable::answer(&listener, &ids, Why::ClosedForNext) => {}
        }
    }

    /// After `error`: answers 503 and tries again until it opens, then serves. Returns when `stop` is
    /// true.
    pub(crate) async fn wait_and_serve(
        self: Arc<Self>,
        error: ServerError,
        listener: TcpListener,
        mut stop: watch::Receiver<bool>,
    ) {
        report(&error);
        let ids = request_ids(&*self.parts.entropy);
        let mut since_report = std::time::Duration::ZERO;
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = unavailable::answer(&listener, &ids, Why::CannotBeOpened) => {}
                () = tokio::time::sleep(CONTROL_RETRY_INTERVAL) => {}
            }
            since_report += CONTROL_RETRY_INTERVAL;
            let plane = Arc::clone(&self);
            // A panic while opening is a failure like another: the next attempt follows.
            let opened = tokio::task::spawn_blocking(move || plane.open()).await;
            match opened.unwrap_or_else(|error| Err(open("open the control plane", error))) {
                Ok(control) => {
                    console::say(&"the control plane is open again");
                    if let Some(link) = control.owner_link() {
                        console::say(&format!("Owner    {link}  (works once)"));
                    }
                    return self.serve(control, listener, stop).await;
                }
                Err(error) if since_report >= CONTROL_REPORT_INTERVAL => {
                    report(&error);
                    since_report = std::time::Duration::ZERO;
                }
                Err(_) => {}
            }
        }
    }
}

/// What is in the data folder, and the configuration file from wherever it is.
fn backup_files(config: &ServerConfig, layout: &Layout) -> Vec<BackupFile> {
    let mut files = layout.backup_files();
    for file in files.iter_mut().filter(|file| file.name == "holm.toml") {
        config.file().clone_into(&mut file.path);
    }
    files
}

fn request_ids(entropy: &dyn Entropy) -> RequestIds {
    let mut seed = [0; 8];
    entropy.fill(&mut seed);
    RequestIds::new(u64::from_le_bytes(seed))
}

fn report(error: &ServerError) {
    console::error(error, error.hint().as_deref());
    console::say(&format!(
        "sites are served as they were last published; nothing can be deployed or changed; opening the control plane is tried again every {} s",
        CONTROL_RETRY_INTERVAL.as_secs()
    ));
}
