//! The control plane as the server holds it: opened, asked for links and tokens, served, closed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use holm_site::codec;
use holm_storage::SnapshotStore;
use holm_telemetry::event::TaskFailed;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::app::instance;
use crate::config::{ControlConfig, ControlParts};
use crate::core::Core;
use crate::db::{Db, DbError};
use crate::error::chain;
use crate::limits::{ControlLimits, FILES_MAX_MAX, PASSWORD_MEMORY_BYTES_MAX, PASSWORD_PASSES_MAX};
use crate::{listener, reconcile};

/// Why the control plane could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenControlError {
    /// The database cannot be used: it is another program's, newer, damaged, or the disk refused.
    #[error("open the control plane's database")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The first snapshot cannot be published.
    #[error("publish the snapshot")]
    Publish(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Sites are published, but the database that they came from is gone; going on would take them
    /// all down. Nothing was made or changed.
    #[error(
        "sites are published (snapshot {snapshot_version}), but the control plane's database {} is gone: \
         restore it from a back-up or, to begin anew without those sites, move the `snapshots` folder away",
        db_file.display()
    )]
    DatabaseLost {
        /// Where the database should be.
        db_file: PathBuf,
        /// The snapshot that the edge serves.
        snapshot_version: u64,
    },
    /// A limit is outside of its bounds.
    #[error("`{setting}` is {found}, the largest allowed value is {allowed_max}")]
    Limit {
        /// Which.
        setting: &'static str,
        /// What it is set to.
        found: u64,
        /// What it may be at most.
        allowed_max: u64,
    },
}

/// Why no token could be made.
#[derive(Debug, thiserror::Error)]
#[error("make a local token")]
pub struct IssueTokenError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// The control plane. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Control {
    core: Arc<Core>,
}

impl Control {
    /// Opens the database (made if absent), brings it up to date, and publishes a snapshot if what
    /// should be differs from what is. Refuses to make a database beside published sites. Blocks;
    /// needs no runtime.
    pub fn open(
        db_file: &Path,
        config: ControlConfig,
        parts: ControlParts,
    ) -> Result<Self, OpenControlError> {
        refuse_limits(&config.limits)?;
        let database = |error: DbError| OpenControlError::Database(Box::new(error));
        refuse_lost_database(db_file, &parts.snapshots)?;
        let now_ms = parts.clock.now().unix_ms();
        let db = Db::open(db_file, &config.limits, now_ms).map_err(database)?;
        let core = Arc::new(Core::new(config, parts, db));
        core.db
            .write_blocking(|change| change.look_after_variants_again())
            .map_err(database)?;
        core.publisher
            .publish_at_start()
            .map_err(|error| OpenControlError::Publish(Box::new(error)))?;
        Ok(Self { core })
    }

    /// A fresh one-time owner link; earlier ones stop working. `None` once the server has an owner,
    /// and when the database refuses (the log says why). Blocks; not for async callers.
    pub fn owner_link(&self) -> Option<String> {
        match instance::new_owner_code(&self.core) {
            Ok(code) => {
                let origin = &self.core.config.control_origin;
                code.map(|code| format!("{origin}/claim?code={code}"))
            }
            Err(error) => {
                TaskFailed {
                    task: "owner_link".to_owned(),
                    reason: chain(&error),
                }
                .emit();
                None
            }
        }
    }

    /// A token for whoever runs the server, such as `holm up`. Works from the first moment, also
    /// before the server has an owner. Blocks; not for async callers.
    pub fn issue_local_token(
        &self,
        name: &str,
        valid_for: Duration,
    ) -> Result<String, IssueTokenError> {
        instance::new_local_token(&self.core, name, valid_for)
            .map_err(|error| IssueTokenError(Box::new(error)))
    }

    /// Serves the API under `/v1` and the status page at `/` until `stop` is true; then finishes what
    /// is in flight.
    pub async fn serve(&self, listener: TcpListener, stop: watch::Receiver<bool>) {
        listener::serve(Arc::clone(&self.core), listener, stop).await;
    }

    /// Runs the reconcilers (snapshot publisher, variant maker, sweepers) until `stop` is true.
    pub async fn run_reconcilers(&self, stop: watch::Receiver<bool>) {
        reconcile::run_all(&self.core, stop).await;
    }

    /// Commits what waits and moves the database's log into its file. Later operations are refused.
    pub fn close(self) {
        self.core.db.close();
    }
}

/// Refuses limits that the machine could not bear.
fn refuse_limits(limits: &ControlLimits) -> Result<(), OpenControlError> {
    let bounded = [
        ("control.files_max", limits.files_max, FILES_MAX_MAX),
        (
            "control.password_memory_bytes",
            limits.password_memory_bytes,
            PASSWORD_MEMORY_BYTES_MAX,
        ),
        (
            "control.password_passes",
            u64::from(limits.password_passes),
            PASSWORD_PASSES_MAX,
        ),
    ];
    let over = bounded
        .into_iter()
        .find(|(_, found, allowed_max)| found > allowed_max);
    match over {
        None => Ok(()),
        Some((setting, found, allowed_max)) => Err(OpenControlError::Limit {
            setting,
            found,
            allowed_max,
        }),
    }
}

/// An empty database would be published as "no sites". A snapshot that cannot be read may have some.
fn refuse_lost_database(db_file: &Path, snapshots: &SnapshotStore) -> Result<(), OpenControlError> {
    let is_there = std::fs::metadata(db_file).is_ok_and(|metadata| metadata.len() > 0);
    let Some(published) = snapshots.newest().filter(|_| !is_there) else {
        return Ok(());
    };
    if codec::decode_snapshot(&published.bytes).is_ok_and(|snapshot| snapshot.hosts.is_empty()) {
        return Ok(());
    }
    Err(OpenControlError::DatabaseLost {
        db_file: db_file.to_owned(),
        snapshot_version: published.version,
    })
}
