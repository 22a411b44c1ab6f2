//! The control plane as the server holds it: opened, asked for links and tokens, served, closed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use holm_storage::SnapshotStore;
use holm_telemetry::event::TaskFailed;
use holm_types::{DeploymentId, Entropy, ErrorCode};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::app::{instance, variable};
use crate::config::{BackupFile, ControlConfig, ControlParts};
use crate::core::Core;
use crate::db::{Db, DbError};
use crate::error::chain;
use crate::limits::{ControlLimits, FILES_MAX_MAX, PASSWORD_MEMORY_BYTES_MAX, PASSWORD_PASSES_MAX};
use crate::published::read_published;
use crate::secret_key::{SECRET_KEY_FILE, SecretKey, SecretKeyError};
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
    /// The key that secrets are sealed with cannot be used, or is not this database's.
    #[error("open the key of the secrets")]
    SecretKey(#[source] SecretKeyError),
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

/// Why a deployment's functions do not get its variables. A function that is run without them would do
/// something else than its author meant, so it is not to be run.
#[derive(Debug, thiserror::Error)]
pub enum FunctionVariablesError {
    /// There is no such deployment any more: it or its project was deleted.
    #[error("look up the variables of {id}: the deployment is gone")]
    Gone {
        /// Which.
        id: DeploymentId,
    },
    /// The database refuses, is closed, or a secret does not open with the server's key. Another attempt
    /// may succeed; `holm doctor` says more.
    #[error("look up the variables of {id} ({reason})")]
    Refused {
        /// Which deployment's.
        id: DeploymentId,
        /// Why, for the log. Never a value.
        reason: String,
    },
}

/// The control plane. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Control {
    core: Arc<Core>,
}

impl Control {
    /// Opens the database (made if absent) with the key of its secrets beside it
    /// ([`SECRET_KEY_FILE`], made at the first start), brings it up to date, and publishes a snapshot if what
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
        let secret_key = open_secret_key(&db, db_file, &*parts.entropy)?;
        let core = Arc::new(Core::new(config, parts, db, secret_key));
        let variant_count = core.variants.count() as u64;
        core.db
            .write_blocking(move |change| {
                // Where the index lost nothing, there is nothing to look for.
                if change.variants_synced()? != Some(variant_count) {
                    change.look_after_variants_again()?;
                }
                change.set_variants_synced(None)
            })
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

    /// The environment variables that a deployment was made with, by name, secrets in clear: what its
    /// functions see as `env`. They are those of the time of the deployment and never change, so whoever
    /// has them need not ask again for the same id.
    ///
    /// For whoever starts function processes. The values are to stay in memory and to reach one process,
    /// the deployment's own: never a log, a snapshot, a blob, an argument of a command or an environment that
    /// other users of the machine can read.
    ///
    /// This asks the database, which the edge otherwise does without. While the control plane is down, whoever
    /// keeps what it was told goes on starting processes of the deployments that it was told about; one
    /// that it never asked about, or all of them after a restart with a damaged database, cannot be started,
    /// and their visitors get the error page of a function that failed. Files are served all the same. A copy on
    /// disk, sealed with the key of the secrets, would close that gap and is not there yet.
    ///
    /// # Errors
    /// See [`FunctionVariablesError`].
    pub async fn function_variables(
        &self,
        id: DeploymentId,
    ) -> Result<Arc<[(String, String)]>, FunctionVariablesError> {
        let found = variable::for_functions(&self.core, id).await;
        found.map_err(|error| match error.code {
            ErrorCode::DeploymentNotFound => FunctionVariablesError::Gone { id },
            _ => FunctionVariablesError::Refused {
                id,
                reason: error.reason(),
            },
        })
    }

    /// Says what goes into back-ups beside the database and the blobs. Told once; later calls change
    /// nothing.
    pub fn set_backup_files(&self, files: Vec<BackupFile>) {
        self.core.backup_files.get_or_init(|| files);
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

    /// Publishes what waits and looks whether what is published is all that the database says, host by host. For
    /// tests and checks: it costs as much as a start. `None` when that cannot be told: it is closed, the
    /// database or the disk refuses, or there is no end of changes.
    pub async fn published_is_true(&self) -> Option<bool> {
        if self.core.is_closed.load(Ordering::Acquire) {
            return None;
        }
        self.core.publisher.is_true().await.ok().flatten()
    }

    /// Commits what waits and moves the database's log into its file. Later operations are refused.
    /// Folds what lies on the whole snapshot into it. Closing twice is closing once.
    pub fn close(self) {
        if self.core.is_closed.swap(true, Ordering::AcqRel) {
            return;
        }
        self.core.publisher.fold_at_stop();
        if self.core.variants.sync().is_ok() {
            let count = self.core.variants.count() as u64;
            let synced = self.core.db.write_blocking::<_, DbError>(move |change| {
                change.set_variants_synced(Some(count))
            });
            // The next start looks through everything instead.
            drop(synced);
        }
        self.core.db.close();
    }
}

/// The key beside the database, made at the first start. A database that has met a key takes no other.
fn open_secret_key(
    db: &Db,
    db_file: &Path,
    entropy: &dyn Entropy,
) -> Result<SecretKey, OpenControlError> {
    let database = |error: DbError| OpenControlError::Database(Box::new(error));
    let path = db_file.with_file_name(SECRET_KEY_FILE);
    let check = db
        .read_blocking(|view| view.secret_key_check())
        .map_err(database)?;
    let found = SecretKey::read(&path).map_err(OpenControlError::SecretKey)?;
    let key = match (found, &check) {
        (Some(key), Some(sealed)) => {
            if key.is_of(sealed) {
                return Ok(key);
            }
            return Err(OpenControlError::SecretKey(SecretKeyError::Foreign {
                path,
            }));
        }
        (None, Some(_)) => {
            return Err(OpenControlError::SecretKey(SecretKeyError::Lost { path }));
        }
        // A start that ended between making the key and remembering it.
        (Some(key), None) => key,
        (None, None) => SecretKey::make(&path, entropy).map_err(OpenControlError::SecretKey)?,
    };
    let sealed = key.sealed_check(entropy);
    db.write_blocking(move |change| change.set_secret_key_check(&sealed))
        .map_err(database)?;
    Ok(key)
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
    if read_published(&published).is_ok_and(|snapshot| snapshot.hosts.is_empty()) {
        return Ok(());
    }
    Err(OpenControlError::DatabaseLost {
        db_file: db_file.to_owned(),
        snapshot_version: published.version,
    })
}
