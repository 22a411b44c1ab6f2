//! The last step of the deploy protocol: store the rest, compile, seal, release, show.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use holm_api::{DeploymentEventKind, DeploymentView};
use holm_site::{CONFIG_FILES, CompileInput, FileEntry, SiteSettings, codec, compile};
use holm_telemetry::event::{DeploymentFailed, DeploymentSealed};
use holm_types::{AliasId, BlobDigest, DeploymentState, Diagnostic, ErrorCode};

use super::announce::distinct;
use super::seal::{SealedDeployment, seal};
use super::upload::{announced, receive, tell_stored};
use super::{deployment, event, find, release};
use crate::authz::{Authorized, Deploy};
use crate::body::RequestBody;
use crate::core::Core;
use crate::db::{Change, DeploymentRow, MoveCause, Sealing};
use crate::error::ApiError;
use tokio::sync::RwLockReadGuard;

/// Digests that one answer lists.
const MISSING_SHOWN_MAX: usize = 1000;

/// How a commit is answered.
pub(crate) enum Committed {
    /// It is sealed and served.
    Done(Box<DeploymentView>),
    /// Everything has arrived; the rest goes on behind the answer, and its events tell how.
    GoesOn(Box<DeploymentView>),
}

/// Ends an upload: seals it, points the aliases at it, returns when the edge serves it, or with
/// `may_go_on` as soon as everything has arrived. Committing a sealed deployment again returns it; a
/// failed one fails again with the same diagnostics.
pub(crate) async fn commit(
    core: &Arc<Core>,
    _who: &Authorized<Deploy>,
    project: String,
    deployment: String,
    body: &mut RequestBody,
    may_go_on: bool,
) -> Result<Committed, ApiError> {
    let begun = begin(core, project, deployment).await?;
    let (row, settings, files) = match begun {
        Begun::Uploading(row, settings, files) => (*row, settings, files),
        Begun::Sealed(row, version) => {
            let shown = release::show(core, version).await;
            event::tell_shown(core, row.id, &shown);
            shown?;
            let view = find::deployment_shape(&core.config, *row);
            return Ok(Committed::Done(Box::new(view)));
        }
    };
    let inline_bytes_max = core.config.limits.inline_bytes_max;
    let receipt = receive(core, body, &files, Some(inline_bytes_max)).await?;
    refuse_missing(core, &files)?;
    tell_stored(core, row.id, receipt);
    let arrived = Arrived {
        row,
        settings,
        files,
        stored_count: receipt.stored_count,
    };
    let place = Arc::clone(&core.background_commits).try_acquire_owned();
    if may_go_on && let Ok(place) = place {
        let view = find::deployment_shape(&core.config, arrived.row.clone());
        let core = Arc::clone(core);
        tokio::spawn(async move {
            // Told by its events.
            drop(finish(&core, arrived).await);
            drop(place);
        });
        return Ok(Committed::GoesOn(Box::new(view)));
    }
    let view = finish(core, arrived).await?;
    Ok(Committed::Done(Box::new(view)))
}

/// A deployment whose blobs are all there.
struct Arrived {
    row: DeploymentRow,
    settings: SiteSettings,
    files: Vec<FileEntry>,
    stored_count: u64,
}

/// Compiles, seals, releases, shows; and tells when it cannot be done.
async fn finish(core: &Core, arrived: Arrived) -> Result<DeploymentView, ApiError> {
    let id = arrived.row.id;
    let finished = compile_and_release(core, arrived).await;
    if let Err(error) = &finished
        && !matches!(
            error.code,
            ErrorCode::DeploymentFailed | ErrorCode::EdgeNotTakenUp | ErrorCode::DeploymentEnded
        )
    {
        let kind = DeploymentEventKind::CommitRefused;
        event::tell(core, id, kind, event::of_error(error));
    }
    finished
}

async fn compile_and_release(core: &Core, arrived: Arrived) -> Result<DeploymentView, ApiError> {
    let Arrived {
        row,
        settings,
        files,
        stored_count,
    } = arrived;
    // Only now: somebody with a slow line keeps nobody else from deploying.
    let _room = core.deploys.acquire().await;
    let mut compiled = compile_document(core, files, settings).await?;
    compiled.diagnostics.splice(..0, row.diagnostics.clone());
    let Some(document) = compiled.document else {
        return Err(fail(core, &row, compiled.diagnostics).await?);
    };
    // Nothing names the document before the row does.
    let held = core.references.read().await;
    let digest = store_document(core, document).await?;
    let sealing = Sealing {
        document: digest,
        sealed_at: core.now(),
        diagnostics: compiled.diagnostics,
    };
    release_sealed(core, row, sealing, stored_count, held).await
}

/// What a commit finds.
enum Begun {
    /// The ordinary case.
    Uploading(Box<DeploymentRow>, SiteSettings, Vec<FileEntry>),
    /// It was committed before; and the snapshot that shows it.
    Sealed(Box<DeploymentRow>, u64),
}

async fn begin(core: &Core, project: String, deployment: String) -> Result<Begun, ApiError> {
    core.db
        .read(move |view| {
            let project = find::project(view, &project)?;
            let row = find::deployment_of(view, &project, &deployment)?;
            match row.state {
                DeploymentState::Uploading => {
                    let files = announced(view, &row)?;
                    let settings = SiteSettings {
                        functions_before_files: project.settings.functions_before_files,
                    };
                    Ok(Begun::Uploading(Box::new(row), settings, files))
                }
                DeploymentState::Sealed => {
                    Ok(Begun::Sealed(Box::new(row), view.snapshot_version()?))
                }
                DeploymentState::Failed => Err(failed(row.diagnostics)),
                _ => Err(deployment::ended(&row)),
            }
        })
        .await
}

fn refuse_missing(core: &Core, files: &[FileEntry]) -> Result<(), ApiError> {
    let missing = core.blobs.missing(&distinct(files));
    if missing.is_empty() {
        return Ok(());
    }
    let shown = missing
        .iter()
        .take(MISSING_SHOWN_MAX)
        .map(BlobDigest::to_string);
    Err(ApiError::new(
        ErrorCode::BlobMissing,
        format!("{} blobs have not arrived", missing.len()),
    )
    .with_missing(shown.collect()))
}

/// What compiling gives.
struct Compiled {
    /// The document's bytes. `None` when the deployment fails.
    document: Option<Vec<u8>>,
    diagnostics: Vec<Diagnostic>,
}

async fn compile_document(
    core: &Core,
    files: Vec<FileEntry>,
    settings: SiteSettings,
) -> Result<Compiled, ApiError> {
    let configs = read_configs(core, &files).await?;
    let limits = core.config.rule_limits;
    tokio::task::spawn_blocking(move || {
        let compiled = compile(CompileInput {
            files,
            configs,
            settings,
            limits,
        });
        Compiled {
            document: compiled.value.as_ref().map(codec::encode_document),
            diagnostics: compiled.diagnostics,
        }
    })
    .await
    .map_err(|error| {
        ApiError::from_cause(
            ErrorCode::Internal,
            "The deployment could not be compiled",
            &error,
        )
    })
}

pub(super) async fn read_configs(
    core: &Core,
    files: &[FileEntry],
) -> Result<BTreeMap<String, Vec<u8>>, ApiError> {
    let bytes_max = core.config.limits.config_bytes_max;
    let mut configs = BTreeMap::new();
    for file in files {
        if !CONFIG_FILES.contains(&file.path.as_str()) {
            continue;
        }
        if file.size_bytes > bytes_max {
            return Err(ApiError::new(
                ErrorCode::DeploymentFileTooLarge,
                format!("`{}` has more than {bytes_max} bytes", file.path),
            )
            .with_limit(bytes_max, file.size_bytes, "control.config_bytes_max"));
        }
        let bytes = core.blobs.read_verified(file.digest).await?;
        configs.insert(file.path.clone(), bytes.to_vec());
    }
    Ok(configs)
}

async fn store_document(core: &Core, document: Vec<u8>) -> Result<BlobDigest, ApiError> {
    let digest = BlobDigest::of(&document);
    let mut upload = core.blobs.upload();
    upload.put(digest, Bytes::from(document)).await?;
    upload.finish().await?;
    Ok(digest)
}

/// Ends the deployment as failed; production stays where it is. Returns the error to answer with.
async fn fail(
    core: &Core,
    row: &DeploymentRow,
    diagnostics: Vec<Diagnostic>,
) -> Result<ApiError, ApiError> {
    let (id, kept) = (row.id, diagnostics.clone());
    let error = failed(diagnostics);
    let (now, detail) = (core.now(), event::of_error(&error));
    let version = core
        .db
        .write(move |change| {
            change.end_deployment(id, DeploymentState::Failed, &kept)?;
            change.delete_announced(id)?;
            change.add_event(id, DeploymentEventKind::Failed, &detail, now)?;
            change.snapshot_version()
        })
        .await?;
    core.events.ring();
    // Why the deployment failed matters more than whether its host says so already; the log has both.
    drop(release::show(core, version).await);
    DeploymentFailed {
        deployment_id: row.id,
        project_id: row.project_id,
        reason: error.external.clone(),
    }
    .emit();
    Ok(error)
}

fn failed(diagnostics: Vec<Diagnostic>) -> ApiError {
    let count = diagnostics
        .iter()
        .filter(|finding| finding.is_error())
        .count();
    ApiError::new(
        ErrorCode::DeploymentFailed,
        format!("The deployment failed with {count} errors"),
    )
    .with_diagnostics(diagnostics)
}

/// The one transaction: sealed, pointed at, numbered. Then the edge is shown. `held` is
/// `Core::references`: from then on the row names the document.
pub(super) async fn release_sealed(
    core: &Core,
    row: DeploymentRow,
    sealing: Sealing,
    stored_count: u64,
    held: RwLockReadGuard<'_, ()>,
) -> Result<DeploymentView, ApiError> {
    let alias_ids = [core.mint.mint(), core.mint.mint()];
    let released = core
        .db
        .write(move |change| seal_and_point(change, &row, &sealing, alias_ids))
        .await?;
    drop(held);
    core.sealed.notify_one();
    core.to_retain.notify_one();
    announce_sealed(core, &released, stored_count);
    core.events.ring();
    let Released { row, version, .. } = released;
    let shown = release::show(core, version).await;
    event::tell_shown(core, row.id, &shown);
    shown?;
    Ok(find::deployment_shape(&core.config, row))
}

/// What the transaction did.
struct Released {
    row: DeploymentRow,
    /// The snapshot that shows it.
    version: u64,
    /// The labels of the aliases that point at it.
    labels: Vec<String>,
}

fn announce_sealed(core: &Core, released: &Released, stored_count: u64) {
    let row = &released.row;
    let duration_ms = core.now().unix_ms() - row.created_at.unix_ms();
    DeploymentSealed {
        deployment_id: row.id,
        project_id: row.project_id,
        file_count: row.file_count,
        file_bytes: row.size_bytes,
        stored_count,
        duration_ms: u64::try_from(duration_ms).unwrap_or(0),
    }
    .emit();
    for label in &released.labels {
        release::announce_move(core, label, row);
    }
}

fn seal_and_point(
    change: &Change<'_>,
    row: &DeploymentRow,
    sealing: &Sealing,
    alias_ids: [AliasId; 2],
) -> Result<Released, ApiError> {
    let sealed = seal(change, row, sealing)?;
    let project = find::project(change, &row.project_id.to_string())?;
    let reread = |change: &Change<'_>| find::deployment_of(change, &project, &row.id.to_string());
    let Some(sealed) = sealed else {
        return already(change, reread(change)?);
    };
    event::add(change, row, DeploymentEventKind::Sealed, sealing.sealed_at)?;
    let aliases = release::aliases_of(change, row)?;
    for (id, alias) in alias_ids.into_iter().zip(&aliases) {
        let (cause, now) = (MoveCause::Deploy, sealing.sealed_at);
        release::point(change, alias, &sealed, cause, id, now)?;
    }
    Ok(Released {
        row: reread(change)?,
        version: change.snapshot_version()?,
        labels: aliases.into_iter().map(|alias| alias.label).collect(),
    })
}

/// Another request ended the deployment while this one compiled.
fn already(change: &Change<'_>, row: DeploymentRow) -> Result<Released, ApiError> {
    if SealedDeployment::of(&row).is_some() {
        Ok(Released {
            row,
            version: change.snapshot_version()?,
            labels: Vec::new(),
        })
    } else {
        Err(deployment::ended(&row))
    }
}
