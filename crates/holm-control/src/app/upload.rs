//! Blobs on their way in: only what the manifest names, each once, each of its size, each checked.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use holm_api::{
    BlobsUploaded, DeploymentEventKind, EventDetail, FRAME_HEADER_BYTES, Frame, FrameDecoder,
};
use holm_site::FileEntry;
use holm_storage::{BlobUpload, UploadReceipt};
use holm_types::{BlobDigest, DeploymentId, DeploymentState, ErrorCode};

use super::{deployment, event, find};
use crate::authz::{Authorized, Deploy};
use crate::body::{RequestBody, too_large};
use crate::core::Core;
use crate::db::{DeploymentRow, View};
use crate::error::ApiError;

/// Blobs up to this size are handed to the store as a whole.
const WHOLE_BYTES_MAX: u64 = 64 * 1024;

/// Stores missing blobs of an unfinished deployment; returns when they are durable.
pub(crate) async fn upload(
    core: &Core,
    _who: &Authorized<Deploy>,
    project: String,
    deployment: String,
    body: &mut RequestBody,
) -> Result<BlobsUploaded, ApiError> {
    let (id, files) = core
        .db
        .read(move |view| {
            let row = find::deployment(view, &project, &deployment)?;
            if row.state != DeploymentState::Uploading {
                return Err(deployment::ended(&row));
            }
            Ok((row.id, announced(view, &row)?))
        })
        .await?;
    let receipt = receive(core, body, &files, None).await?;
    tell_stored(core, id, receipt);
    Ok(BlobsUploaded {
        stored_count: receipt.stored_count,
        stored_bytes: receipt.stored_bytes,
        known_count: receipt.known_count,
    })
}

/// Tells that blobs have arrived, if any were new.
pub(super) fn tell_stored(core: &Core, id: DeploymentId, receipt: UploadReceipt) {
    if receipt.stored_count == 0 {
        return;
    }
    let detail = EventDetail {
        stored_count: Some(receipt.stored_count),
        stored_bytes: Some(receipt.stored_bytes),
        ..EventDetail::default()
    };
    event::tell(core, id, DeploymentEventKind::Stored, detail);
}

/// What an unfinished deployment announced.
pub(super) fn announced(view: &View<'_>, row: &DeploymentRow) -> Result<Vec<FileEntry>, ApiError> {
    view.announced(row.id)?
        .ok_or_else(|| ApiError::new(ErrorCode::Internal, "The deployment has lost its manifest"))
}

/// Stores the blobs of a body, all or none of them. `bytes_max` bounds their sum.
///
/// When it is the disk that refuses, the rest of the body is read and forgotten first: the client has done
/// nothing wrong, and one that is still sending would see a lost connection instead of the answer.
pub(super) async fn receive(
    core: &Core,
    body: &mut RequestBody,
    files: &[FileEntry],
    bytes_max: Option<u64>,
) -> Result<UploadReceipt, ApiError> {
    let received = receive_all(core, body, files, bytes_max).await;
    if let Err(error) = &received
        && error.code == ErrorCode::StorageUnavailable
    {
        let frames = files.len() as u64 * FRAME_HEADER_BYTES as u64;
        let sizes = files.iter().map(|file| file.size_bytes);
        let mut left = sizes.fold(frames, u64::saturating_add);
        while left > 0
            && let Ok(Some(piece)) = body.next().await
        {
            left = left.saturating_sub(piece.len() as u64);
        }
    }
    received
}

async fn receive_all(
    core: &Core,
    body: &mut RequestBody,
    files: &[FileEntry],
    bytes_max: Option<u64>,
) -> Result<UploadReceipt, ApiError> {
    let Some(first) = next_piece(body).await? else {
        return Ok(UploadReceipt::default());
    };
    let mut desk = Desk {
        expected: files
            .iter()
            .map(|file| (file.digest, file.size_bytes))
            .collect(),
        upload: core.blobs.upload(),
        at: At::Between,
        bytes_max,
        seen_bytes: 0,
    };
    let mut decoder = FrameDecoder::new();
    let mut piece = Some(first);
    while let Some(bytes) = piece {
        decoder.push(&bytes);
        while let Some(frame) = decoder.next_frame() {
            desk.take(frame).await?;
        }
        piece = body.next().await?;
    }
    decoder.finish().map_err(|_| {
        ApiError::new(
            ErrorCode::BlobFraming,
            "The body ended in the middle of a blob",
        )
    })?;
    Ok(desk.upload.finish().await?)
}

/// The next piece that is not empty.
async fn next_piece(body: &mut RequestBody) -> Result<Option<Bytes>, ApiError> {
    while let Some(piece) = body.next().await? {
        if !piece.is_empty() {
            return Ok(Some(piece));
        }
    }
    Ok(None)
}

/// Takes the frames of one body.
struct Desk {
    /// What may still come.
    expected: HashMap<BlobDigest, u64>,
    upload: Box<dyn BlobUpload>,
    at: At,
    bytes_max: Option<u64>,
    seen_bytes: u64,
}

/// Where in the body the desk is.
enum At {
    /// Before a blob.
    Between,
    /// In a blob that is gathered.
    Small(BlobDigest, BytesMut),
    /// In a blob that is passed on as it comes.
    Large,
}

impl Desk {
    async fn take(&mut self, frame: Frame) -> Result<(), ApiError> {
        match frame {
            Frame::Begin { digest, size_bytes } => self.begin(digest, size_bytes).await,
            Frame::Data(bytes) => match &mut self.at {
                At::Small(_, gathered) => {
                    gathered.extend_from_slice(&bytes);
                    Ok(())
                }
                At::Between | At::Large => Ok(self.upload.append(bytes).await?),
            },
            Frame::End => match std::mem::replace(&mut self.at, At::Between) {
                At::Small(digest, gathered) => {
                    Ok(self.upload.put(digest, gathered.freeze()).await?)
                }
                At::Between | At::Large => Ok(self.upload.end().await?),
            },
        }
    }

    async fn begin(&mut self, digest: BlobDigest, size_bytes: u64) -> Result<(), ApiError> {
        let expected = self.expected.remove(&digest).ok_or_else(|| {
            ApiError::new(
                ErrorCode::BlobUnexpected,
                format!("The manifest does not name blob {digest}, or it was sent twice"),
            )
        })?;
        if expected != size_bytes {
            return Err(ApiError::new(
                ErrorCode::BlobUnexpected,
                format!("Blob {digest} was announced with {expected} bytes, not {size_bytes}"),
            ));
        }
        self.seen_bytes = self.seen_bytes.saturating_add(size_bytes);
        if let Some(limit) = self.bytes_max.filter(|limit| self.seen_bytes > *limit) {
            return Err(too_large(
                limit,
                self.seen_bytes,
                "control.inline_bytes_max",
            ));
        }
        if size_bytes <= WHOLE_BYTES_MAX {
            let room = usize::try_from(size_bytes).unwrap_or(0);
            self.at = At::Small(digest, BytesMut::with_capacity(room));
            return Ok(());
        }
        self.at = At::Large;
        Ok(self.upload.begin(digest, size_bytes).await?)
    }
}
