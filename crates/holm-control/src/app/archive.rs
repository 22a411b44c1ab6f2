//! The first step of a deployment from an archive: its files are checked, announced and stored in one
//! call, so that nothing is missing and the commit is all that is left.

use std::collections::HashSet;

use bytes::Bytes;
use holm_api::{
    DeploymentCreate, DeploymentCreateQuery, DeploymentCreated, DeploymentEventKind,
    DeploymentSource, EventDetail, ProblemField, SourceKind,
};
use holm_storage::BlobUpload;
use holm_types::{BlobDigest, DeploymentState, Environment, ErrorCode};
use tokio::sync::mpsc;

use super::announce::{distinct, keep};
use super::find;
use super::manifest_reader::{Announcement, source_findings};
use super::unpack::{StillWanted, Unpacked, Wanted, each_piece, unpack};
use crate::authz::{Authorized, Deploy};
use crate::body::RequestBody;
use crate::core::Core;
use crate::error::ApiError;

/// Blobs up to this size are handed to the store as a whole.
const WHOLE_BYTES_MAX: u64 = 64 * 1024;

/// Parcels on their way from the thread that inflates to the store; each has at most 64 KiB.
const PARCELS_MAX: usize = 32;

/// Makes a deployment of an archive. When the answer is a refusal, nothing was stored.
pub(crate) async fn announce(
    core: &Core,
    who: &Authorized<Deploy>,
    project: String,
    query: DeploymentCreateQuery,
    body: &mut RequestBody,
) -> Result<DeploymentCreated, ApiError> {
    let head = read_head(query)?;
    refuse_unknown(core, &project, head.create_project).await?;
    let unpacked = unpack(core, body).await?;
    let files = unpacked.entries();
    let digests = distinct(&files);
    let head = DeploymentCreate {
        file_count: files.len() as u64,
        ..head
    };
    let findings = unpacked.findings.clone();
    let row = keep(core, who, project, Announcement { head, files }, findings).await?;
    let id = row.id;
    if let Err(error) = store(core, unpacked, core.blobs.missing(&digests)).await {
        let now = core.now();
        // Its bytes can come again only in a new deployment.
        core.db
            .write(move |change| {
                change.end_deployment(id, DeploymentState::Cancelled, &[])?;
                change.delete_announced(id)?;
                change.add_event(
                    id,
                    DeploymentEventKind::Cancelled,
                    &EventDetail::default(),
                    now,
                )
            })
            .await?;
        core.hosts_changed.notify_one();
        core.events.ring();
        return Err(error);
    }
    core.hosts_changed.notify_one();
    Ok(DeploymentCreated {
        deployment: find::deployment_shape(&core.config, row),
        missing: Vec::new(),
        inline_bytes_max: core.config.limits.inline_bytes_max,
    })
}

/// What a manifest would say in its first line.
pub(super) fn read_head(query: DeploymentCreateQuery) -> Result<DeploymentCreate, ApiError> {
    let source = DeploymentSource {
        kind: SourceKind::Archive,
        branch: query.branch,
        commit: query.commit,
        message: query.message,
    };
    let fields: Vec<ProblemField> = source_findings(&source)
        .into_iter()
        .map(|(name, detail)| ProblemField {
            pointer: format!("query:{name}"),
            detail: format!("It {detail}"),
        })
        .collect();
    if !fields.is_empty() {
        let error = ApiError::new(ErrorCode::RequestInvalid, "The query cannot be used");
        return Err(error.with_fields(fields));
    }
    Ok(DeploymentCreate {
        environment: query.environment.unwrap_or(Environment::Preview),
        source,
        file_count: 0,
        create_project: query.create_project.unwrap_or(false),
    })
}

/// Says that there is no such project before a large body is read.
async fn refuse_unknown(core: &Core, project: &str, may_make: bool) -> Result<(), ApiError> {
    if may_make {
        return Ok(());
    }
    let project = project.to_owned();
    core.db
        .read(move |view| find::project(view, &project).map(drop))
        .await
}

/// A part of a blob on its way to the store.
enum Parcel {
    Whole(BlobDigest, Bytes),
    Begin(BlobDigest, u64),
    Piece(Bytes),
    End,
}

/// Stores the blobs that are missing, all or none of them; returns when they are durable.
async fn store(core: &Core, unpacked: Unpacked, missing: Vec<BlobDigest>) -> Result<(), ApiError> {
    let (sender, mut parcels) = mpsc::channel(PARCELS_MAX);
    let wanted = Wanted::default();
    let still_wanted = wanted.watch();
    let sending =
        tokio::task::spawn_blocking(move || send(unpacked, missing, &sender, &still_wanted));
    let mut upload = core.blobs.upload();
    while let Some(parcel) = parcels.recv().await {
        put(&mut *upload, parcel).await?;
    }
    sending.await.unwrap_or_else(|ended| {
        let doing = "The archive could not be read";
        Err(ApiError::from_cause(ErrorCode::Internal, doing, &ended))
    })?;
    upload.finish().await?;
    Ok(())
}

async fn put(upload: &mut dyn BlobUpload, parcel: Parcel) -> Result<(), ApiError> {
    match parcel {
        Parcel::Whole(digest, bytes) => upload.put(digest, bytes).await?,
        Parcel::Begin(digest, size_bytes) => upload.begin(digest, size_bytes).await?,
        Parcel::Piece(bytes) => upload.append(bytes).await?,
        Parcel::End => upload.end().await?,
    }
    Ok(())
}

/// Inflates the missing blobs once more and sends them. Blocks.
fn send(
    mut unpacked: Unpacked,
    missing: Vec<BlobDigest>,
    parcels: &mpsc::Sender<Parcel>,
    wanted: &StillWanted,
) -> Result<(), ApiError> {
    let mut missing: HashSet<BlobDigest> = missing.into_iter().collect();
    let send = |parcel| {
        parcels.blocking_send(parcel).map_err(|_| {
            ApiError::new(
                ErrorCode::StorageUnavailable,
                "The store took no more blobs",
            )
        })
    };
    for (index, file) in std::mem::take(&mut unpacked.files) {
        if !missing.remove(&file.digest) {
            continue;
        }
        if file.size_bytes <= WHOLE_BYTES_MAX {
            let mut whole = Vec::with_capacity(usize::try_from(file.size_bytes).unwrap_or(0));
            each_piece(&mut unpacked.archive, index, wanted, &mut |piece| {
                whole.extend_from_slice(piece);
                Ok(())
            })?;
            send(Parcel::Whole(file.digest, whole.into()))?;
            continue;
        }
        send(Parcel::Begin(file.digest, file.size_bytes))?;
        each_piece(&mut unpacked.archive, index, wanted, &mut |piece| {
            send(Parcel::Piece(Bytes::copy_from_slice(piece)))
        })?;
        send(Parcel::End)?;
    }
    Ok(())
}
