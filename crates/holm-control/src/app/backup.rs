//! A back-up of everything, streamed while the server serves.
//!
//! First nothing is collected any more, then the database is copied as it is at one moment, then every blob
//! that the copy wants is sent. So nothing that the back-up names is missing in it: a blob was durable
//! before the row that names it, and stays until the back-up is done. Uploads that are not finished are in
//! it as far as they have come.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use holm_api::{BackupCreate, BackupEncoder, BackupKind};
use holm_site::codec;
use holm_storage::BlobError;
use holm_telemetry::event::TaskFailed;
use holm_types::{BlobDigest, ErrorCode};
use tokio::sync::{OwnedRwLockReadGuard, OwnedSemaphorePermit, mpsc};

use crate::authz::{Authorized, Own};
use crate::config::BackupFile;
use crate::core::Core;
use crate::db::{View, open_for_check};
use crate::error::{ApiError, chain};

/// Bytes of a piece that is read and sent at once.
const PIECE_BYTES: u64 = 1024 * 1024;

/// Pieces that wait for the client.
const WAITING_MAX: usize = 4;

/// What the client gets, piece by piece; an error breaks the answer off.
pub(crate) type Pieces = mpsc::Receiver<Result<Bytes, std::io::Error>>;

/// Begins a back-up.
pub(crate) async fn create(
    core: &Arc<Core>,
    _who: &Authorized<Own>,
    ask: &BackupCreate,
) -> Result<Pieces, ApiError> {
    let turn = Arc::clone(&core.backups).try_acquire_owned();
    let turn =
        turn.map_err(|_| ApiError::new(ErrorCode::ServerBusy, "Another back-up is being made"))?;
    let held = Arc::clone(&core.collecting).read_owned().await;
    let copy = core.db.copy().await?;
    let source = Source {
        files: files(core, ask, copy.path()),
        wanted: wanted(copy.path().to_owned(), Arc::clone(core)).await?,
        _copy: copy,
        _held: held,
        _turn: turn,
    };
    let (sender, pieces) = mpsc::channel(WAITING_MAX);
    tokio::spawn(send(Arc::clone(core), source, sender));
    Ok(pieces)
}

/// A file that is removed when nobody needs it any more.
#[derive(Debug)]
pub(crate) struct ScratchFile(pub(crate) PathBuf);

impl ScratchFile {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        // What is left over is written over by the next back-up.
        drop(std::fs::remove_file(&self.0));
    }
}

/// Everything that goes into the back-up, and what keeps it in place.
struct Source {
    files: Vec<(String, PathBuf)>,
    wanted: Vec<BlobDigest>,
    _copy: ScratchFile,
    _held: OwnedRwLockReadGuard<()>,
    _turn: OwnedSemaphorePermit,
}

/// The files, by the names that they have in the back-up.
fn files(core: &Core, ask: &BackupCreate, copy: &Path) -> Vec<(String, PathBuf)> {
    let known = core.backup_files.get().map_or(&[][..], Vec::as_slice);
    let is_wanted = |file: &&BackupFile| ask.with_keys || !file.is_key;
    let mut files = vec![("control.db".to_owned(), copy.to_owned())];
    files.extend(
        known
            .iter()
            .filter(is_wanted)
            .filter(|file| file.path.is_file())
            .map(|file| (file.name.clone(), file.path.clone())),
    );
    files
}

/// Every blob that the copy of the database wants, each once.
async fn wanted(copy: PathBuf, core: Arc<Core>) -> Result<Vec<BlobDigest>, ApiError> {
    let read = move || {
        let connection = open_for_check(&copy)?;
        let view = View::of(&connection);
        let mut announced = Vec::new();
        for id in view.announcing_deployments()? {
            let files = view.announced(id)?.unwrap_or_default();
            announced.extend(files.iter().map(|file| file.digest));
        }
        Ok::<_, ApiError>((view.wanted_documents()?, announced))
    };
    let (documents, announced) = tokio::task::spawn_blocking(read)
        .await
        .unwrap_or_else(|_| Err(stopping()))?;
    let missing: std::collections::HashSet<_> =
        core.blobs.missing(&announced).into_iter().collect();
    let mut wanted: Vec<_> = announced
        .into_iter()
        .filter(|digest| !missing.contains(digest))
        .collect();
    for document in documents {
        wanted.push(document);
        // What cannot be read is told when its turn comes; what it names is unknown.
        let Ok(bytes) = core.blobs.read_verified(document).await else {
            continue;
        };
        if let Ok(document) = codec::decode_document(&bytes) {
            wanted.extend(document.manifest.entries().iter().map(|entry| entry.digest));
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    let forms = wanted
        .iter()
        .filter_map(|source| core.variants.get(source))
        .flat_map(|forms| forms.iter().collect::<Vec<_>>());
    let forms: Vec<_> = forms.map(|form| form.digest).collect();
    wanted.extend(forms);
    wanted.sort_unstable();
    wanted.dedup();
    Ok(wanted)
}

fn stopping() -> ApiError {
    ApiError::new(ErrorCode::ServerStopping, "The server is stopping")
}

/// Why a back-up was not sent to its end.
#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error("the client went away or took nothing for too long")]
    Gone,
    #[error("read {name} for the back-up")]
    File {
        name: String,
        #[source]
        source: std::io::Error,
    },
    #[error("read a blob for the back-up")]
    Blob(#[source] BlobError),
}

async fn send(
    core: Arc<Core>,
    source: Source,
    sender: mpsc::Sender<Result<Bytes, std::io::Error>>,
) {
    let mut desk = Desk {
        encoder: BackupEncoder::new(),
        sender,
        core,
    };
    let sent = desk.send_all(&source).await;
    // Before the answer ends: whoever has seen its end can begin the next back-up.
    drop(source);
    if let Err(error) = sent {
        TaskFailed {
            task: "backup".to_owned(),
            reason: chain(&error),
        }
        .emit();
        // Breaks the answer off, so that nobody takes the half for the whole.
        let broken = std::io::Error::other("the back-up could not be made to its end");
        drop(desk.sender.try_send(Err(broken)));
    }
}

struct Desk {
    encoder: BackupEncoder,
    sender: mpsc::Sender<Result<Bytes, std::io::Error>>,
    core: Arc<Core>,
}

impl Desk {
    async fn send_all(&mut self, source: &Source) -> Result<(), SendError> {
        let header = self.encoder.header();
        self.give(header).await?;
        for (name, path) in &source.files {
            self.send_file(name, path).await?;
        }
        for digest in &source.wanted {
            self.send_blob(*digest).await?;
        }
        let encoder = std::mem::take(&mut self.encoder);
        self.give(encoder.finish()).await
    }

    async fn give(&self, bytes: Bytes) -> Result<(), SendError> {
        let wait_max = self.core.config.limits.backup_stall_max;
        match tokio::time::timeout(wait_max, self.sender.send(Ok(bytes))).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(SendError::Gone),
        }
    }

    async fn begin(&mut self, kind: BackupKind, name: &str, size: u64) -> Result<(), SendError> {
        let bytes = self.encoder.begin(kind, name, size);
        self.give(bytes).await
    }

    async fn data(&mut self, bytes: Bytes) -> Result<(), SendError> {
        self.encoder.data(&bytes);
        self.give(bytes).await
    }

    async fn end(&mut self) -> Result<(), SendError> {
        let bytes = self.encoder.end();
        self.give(bytes).await
    }

    /// A file as long as it is now; what is appended while it is read is left out.
    async fn send_file(&mut self, name: &str, path: &Path) -> Result<(), SendError> {
        let failed = |source| SendError::File {
            name: name.to_owned(),
            source,
        };
        let mut file = File::open(path).map_err(failed)?;
        let mut left = file.metadata().map_err(failed)?.len();
        self.begin(BackupKind::File, name, left).await?;
        while left > 0 {
            let len = usize::try_from(left.min(PIECE_BYTES)).unwrap_or(usize::MAX);
            let read = move || {
                let mut bytes = vec![0; len];
                file.read_exact(&mut bytes).map(|()| (file, bytes))
            };
            let read = tokio::task::spawn_blocking(read).await;
            let read = read.unwrap_or_else(|error| Err(std::io::Error::other(error)));
            let (opened, bytes) = read.map_err(failed)?;
            file = opened;
            left -= len as u64;
            self.data(bytes.into()).await?;
        }
        self.end().await
    }

    /// Damage in a later piece breaks the back-up off; the store knows it then, and the next one goes by
    /// that blob.
    async fn send_blob(&mut self, digest: BlobDigest) -> Result<(), SendError> {
        let Some(size_bytes) = self.core.blobs.size_bytes(&digest) else {
            return self.send_lost(digest).await;
        };
        let piece = self.core.blobs.read(digest, 0..size_bytes.min(PIECE_BYTES));
        let first = match piece.await {
            Ok(first) => first,
            Err(error @ BlobError::Io { .. }) => return Err(SendError::Blob(error)),
            Err(_) => return self.send_lost(digest).await,
        };
        self.begin(BackupKind::Blob, &digest.to_string(), size_bytes)
            .await?;
        let mut at = first.len() as u64;
        if !first.is_empty() {
            self.data(first).await?;
        }
        while at < size_bytes {
            let end = size_bytes.min(at + PIECE_BYTES);
            let piece = self.core.blobs.read(digest, at..end).await;
            at = end;
            self.data(piece.map_err(SendError::Blob)?).await?;
        }
        self.end().await
    }

    /// One damaged blob is no reason not to save the others.
    async fn send_lost(&mut self, digest: BlobDigest) -> Result<(), SendError> {
        self.begin(BackupKind::Lost, &digest.to_string(), 0).await?;
        self.end().await
    }
}
