//! The half of an upload that the caller talks to: gathers small blobs to batches and hands them to the
//! blocking pool, one hop per batch and not per blob.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use holm_types::BlobDigest;

use crate::blob::{BlobError, BlobFuture, BlobUpload, UploadReceipt};

use super::writer::UploadWriter;
use super::{Store, blocking, io_error};

#[derive(Debug)]
pub(super) struct LocalUpload {
    store: Arc<Store>,
    writer: Arc<Mutex<UploadWriter>>,
    batch: Vec<(BlobDigest, Bytes)>,
    batch_bytes: usize,
    begun: Option<Begun>,
    known_count: u64,
    /// Set while a step runs: a call that was dropped half-way leaves it set.
    is_stepping: bool,
}

/// A blob that arrives in pieces.
#[derive(Debug)]
struct Begun {
    digest: BlobDigest,
    announced_bytes: u64,
    arrived_bytes: u64,
    hold: Hold,
}

/// What is done with its pieces.
#[derive(Debug)]
enum Hold {
    /// The store has it already.
    Skip,
    /// Small: kept until it is whole.
    Whole(Vec<u8>),
    /// Large: written whenever a batch is full.
    Pieces { pieces: Vec<Bytes>, bytes: usize },
}

impl LocalUpload {
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self {
            writer: Arc::new(Mutex::new(UploadWriter::new(Arc::clone(&store)))),
            store,
            batch: Vec::new(),
            batch_bytes: 0,
            begun: None,
            known_count: 0,
            is_stepping: false,
        }
    }

    /// Runs a step of the writer on the blocking pool. A caller that goes away does not stop it there,
    /// so what the steps have done is unknown from then on and no further one is taken.
    async fn step<T: Send + 'static>(
        &mut self,
        step: impl FnOnce(&mut UploadWriter) -> Result<T, BlobError> + Send + 'static,
    ) -> Result<T, BlobError> {
        let (writer, store) = (Arc::clone(&self.writer), Arc::clone(&self.store));
        if std::mem::replace(&mut self.is_stepping, true) {
            let error = std::io::Error::other("an earlier call was dropped before it was done");
            return Err(io_error("go on with an upload to", &self.store.root)(error));
        }
        let done = blocking::run(&self.store.root, move || {
            let Some(_leave) = store.leave_to_write() else {
                return Err(io_error("write to", &store.root)(
                    std::io::ErrorKind::ReadOnlyFilesystem.into(),
                ));
            };
            // A step that panicked leaves the writer marked as broken.
            let mut writer = writer
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            writer.step(step)
        })
        .await;
        self.is_stepping = false;
        done
    }

    async fn put_whole(&mut self, digest: BlobDigest, bytes: Bytes) -> Result<(), BlobError> {
        if self.store.index.is_whole(&digest) {
            self.known_count += 1;
            return Ok(());
        }
        self.batch_bytes += bytes.len();
        self.batch.push((digest, bytes));
        let limits = &self.store.limits;
        if self.batch_bytes < limits.batch_bytes_max && self.batch.len() < limits.batch_blobs_max {
            return Ok(());
        }
        self.write_batch().await
    }

    /// Writes what is held; reports one mismatch.
    async fn write_batch(&mut self) -> Result<(), BlobError> {
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        self.step(move |writer| {
            writer.write_all(batch)?;
            writer.report()
        })
        .await
    }

    async fn begin_blob(
        &mut self,
        digest: BlobDigest,
        announced_bytes: u64,
    ) -> Result<(), BlobError> {
        self.give_up_begun().await?;
        let hold = if self.store.index.is_whole(&digest) {
            Hold::Skip
        } else if announced_bytes < self.store.limits.packed_bytes_max {
            Hold::Whole(Vec::with_capacity(
                usize::try_from(announced_bytes).unwrap_or(0),
            ))
        } else {
            Hold::Pieces {
                pieces: Vec::new(),
                bytes: 0,
            }
        };
        self.begun = Some(Begun {
            digest,
            announced_bytes,
            arrived_bytes: 0,
            hold,
        });
        Ok(())
    }

    async fn give_up_begun(&mut self) -> Result<(), BlobError> {
        if let Some(Begun {
            hold: Hold::Pieces { .. },
            ..
        }) = self.begun.take()
        {
            self.step(|writer| {
                writer.give_up();
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    async fn append_piece(&mut self, piece: Bytes) -> Result<(), BlobError> {
        let batch_bytes_max = self.store.limits.batch_bytes_max;
        let begun = self.begun.as_mut().ok_or_else(|| not_begun(&self.store))?;
        begun.arrived_bytes = begun.arrived_bytes.saturating_add(piece.len() as u64);
        if begun.arrived_bytes > begun.announced_bytes {
            let error = begun.size_mismatch();
            self.give_up_begun().await?;
            return Err(error);
        }
        let digest = begun.digest;
        match &mut begun.hold {
            Hold::Skip => Ok(()),
            Hold::Whole(whole) => {
                whole.extend_from_slice(&piece);
                Ok(())
            }
            Hold::Pieces { pieces, bytes } => {
                *bytes += piece.len();
                pieces.push(piece);
                if *bytes < batch_bytes_max && pieces.len() < self.store.limits.batch_blobs_max {
                    return Ok(());
                }
                *bytes = 0;
                let pieces = std::mem::take(pieces);
                self.step(move |writer| writer.append(digest, &pieces))
                    .await
            }
        }
    }

    async fn end_blob(&mut self) -> Result<(), BlobError> {
        let begun = self.begun.take().ok_or_else(|| not_begun(&self.store))?;
        if begun.arrived_bytes != begun.announced_bytes {
            let error = begun.size_mismatch();
            self.begun = Some(begun);
            self.give_up_begun().await?;
            return Err(error);
        }
        match begun.hold {
            Hold::Skip => {
                self.known_count += 1;
                Ok(())
            }
            Hold::Whole(whole) => self.put_whole(begun.digest, whole.into()).await,
            Hold::Pieces { pieces, .. } => {
                self.step(move |writer| {
                    writer.append(begun.digest, &pieces)?;
                    writer.end_large()
                })
                .await
            }
        }
    }

    async fn finish_all(mut self) -> Result<UploadReceipt, BlobError> {
        if self.begun.is_some() {
            let error = std::io::Error::other("a blob was begun and not ended");
            return Err(io_error("finish an upload to", &self.store.root)(error));
        }
        self.write_batch().await?;
        let mut receipt = self
            .step(|writer| {
                writer.report()?;
                writer.finish()
            })
            .await?;
        receipt.known_count += self.known_count;
        Ok(receipt)
    }
}

impl Begun {
    fn size_mismatch(&self) -> BlobError {
        BlobError::SizeMismatch {
            digest: self.digest,
            announced_bytes: self.announced_bytes,
            arrived_bytes: self.arrived_bytes,
        }
    }
}

fn not_begun(store: &Store) -> BlobError {
    io_error("write to", &store.root)(std::io::Error::other("no blob was begun"))
}

impl BlobUpload for LocalUpload {
    fn put(&mut self, digest: BlobDigest, bytes: Bytes) -> BlobFuture<'_, ()> {
        Box::pin(self.put_whole(digest, bytes))
    }

    fn begin(&mut self, digest: BlobDigest, size_bytes: u64) -> BlobFuture<'_, ()> {
        Box::pin(self.begin_blob(digest, size_bytes))
    }

    fn append(&mut self, bytes: Bytes) -> BlobFuture<'_, ()> {
        Box::pin(self.append_piece(bytes))
    }

    fn end(&mut self) -> BlobFuture<'_, ()> {
        Box::pin(self.end_blob())
    }

    fn settle(&mut self) -> BlobFuture<'_, ()> {
        Box::pin(self.write_batch())
    }

    fn finish(self: Box<Self>) -> BlobFuture<'static, UploadReceipt> {
        Box::pin(self.finish_all())
    }
}
