//! The objects by their names: getting, putting, deleting, listing, each within a time.

use std::collections::HashMap;
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use holm_telemetry::event::StorageDamaged;
use holm_types::BlobDigest;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions};

use crate::blob::BlobError;
use crate::index::{BlobIndex, Place};
use crate::pack::{PACK_FOOTER_LEN, PackEntry, PackFault, decode_index, index_range};

use super::{RemoteSettings, remote_error};

/// Packs whose indexes are read at once when a store is opened.
const INDEX_READS: usize = 16;

/// The object store, by names below the prefix.
#[derive(Debug)]
pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: String,
    time_max: Duration,
}

/// What is there when a store is opened.
#[derive(Debug, Default)]
pub(super) struct Stock {
    pub(super) index: BlobIndex,
    pub(super) packs: HashMap<u32, u64>,
    pub(super) next_number: u32,
    /// Objects whose blob is in a later one.
    pub(super) superseded: Vec<String>,
}

pub(super) fn pack_name(number: u32) -> String {
    format!("packs/{number:08x}.pack")
}

pub(super) fn large_name(digest: &BlobDigest, size_bytes: u64, number: u32) -> String {
    format!("large/{digest}-{size_bytes}-{number:08x}")
}

fn read_pack_name(name: &str) -> Option<u32> {
    let hex = name.strip_prefix("packs/")?.strip_suffix(".pack")?;
    u32::from_str_radix(hex, 16).ok()
}

fn read_large_name(name: &str) -> Option<(BlobDigest, u64, u32)> {
    let mut parts = name.strip_prefix("large/")?.split('-');
    let digest = parts.next()?.parse().ok()?;
    let size_bytes = parts.next()?.parse().ok()?;
    let number = u32::from_str_radix(parts.next()?, 16).ok()?;
    Some((digest, size_bytes, number))
}

/// Whether an object is not there.
pub(super) fn is_absent(error: &BlobError) -> bool {
    let BlobError::Io { source, .. } = error else {
        return false;
    };
    let inner = source.get_ref();
    let inner = inner.and_then(|inner| inner.downcast_ref::<object_store::Error>());
    matches!(inner, Some(object_store::Error::NotFound { .. }))
}

/// A refusal of ours.
pub(super) fn refused(doing: &'static str, object: &str) -> BlobError {
    remote_error(doing, object, "it is refused")
}

impl Objects {
    pub(super) fn new(store: Arc<dyn ObjectStore>, how: &RemoteSettings) -> Self {
        Self {
            store,
            prefix: how.prefix.trim_matches('/').to_owned(),
            time_max: how.limits.remote_time_max,
        }
    }

    /// The store for people.
    pub(super) fn describe(&self) -> String {
        format!("{}/{}", self.store, self.prefix)
    }

    fn path(&self, name: &str) -> Path {
        if self.prefix.is_empty() {
            Path::from(name)
        } else {
            Path::from(format!("{}/{name}", self.prefix))
        }
    }

    async fn within<T>(
        &self,
        doing: &'static str,
        name: &str,
        asked: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, BlobError> {
        match tokio::time::timeout(self.time_max, asked).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(remote_error(doing, name, error)),
            Err(_) => Err(remote_error(
                doing,
                name,
                "it took longer than storage.remote_time_max",
            )),
        }
    }

    pub(super) async fn get(&self, name: &str, range: Range<u64>) -> Result<Bytes, BlobError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let path = self.path(name);
        let wanted = range.end - range.start;
        let bytes = self
            .within("read", name, self.store.get_range(&path, range))
            .await?;
        if bytes.len() as u64 == wanted {
            Ok(bytes)
        } else {
            Err(remote_error("read", name, "it is shorter than it was"))
        }
    }

    pub(super) async fn put(&self, name: &str, bytes: Bytes) -> Result<(), BlobError> {
        let path = self.path(name);
        self.within("write", name, self.store.put(&path, bytes.into()))
            .await
            .map(drop)
    }

    pub(super) async fn delete(&self, name: &str) -> Result<(), BlobError> {
        let path = self.path(name);
        match self.within("delete", name, self.store.delete(&path)).await {
            Err(error) if is_absent(&error) => Ok(()),
            other => other,
        }
    }

    pub(super) async fn begin_large(
        &self,
        name: &str,
    ) -> Result<Box<dyn MultipartUpload>, BlobError> {
        let path = self.path(name);
        self.within("write", name, self.store.put_multipart(&path))
            .await
    }

    pub(super) async fn put_part(
        &self,
        name: &str,
        upload: &mut Box<dyn MultipartUpload>,
        bytes: Bytes,
    ) -> Result<(), BlobError> {
        self.within("write", name, upload.put_part(bytes.into()))
            .await
    }

    pub(super) async fn complete(
        &self,
        name: &str,
        upload: &mut Box<dyn MultipartUpload>,
    ) -> Result<(), BlobError> {
        self.within("write", name, upload.complete())
            .await
            .map(drop)
    }

    /// Becomes the owner, or checks that this server is it.
    pub(super) async fn claim(&self, owner: &str) -> Result<(), BlobError> {
        const NAME: &str = "owner";
        let path = self.path(NAME);
        let options = PutOptions {
            mode: PutMode::Create,
            ..PutOptions::default()
        };
        let text = Bytes::from(owner.to_owned());
        let put = self.store.put_opts(&path, text.into(), options);
        let put = tokio::time::timeout(self.time_max, put).await;
        match put {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(object_store::Error::AlreadyExists { .. })) => {}
            Ok(Err(error)) => return Err(remote_error("write", NAME, error)),
            Err(_) => return Err(refused("reach within storage.remote_time_max", NAME)),
        }
        let found = async { self.store.get(&path).await?.bytes().await };
        let found = self.within("read", NAME, found).await?;
        if found == owner.as_bytes() {
            return Ok(());
        }
        Err(remote_error(
            "use",
            &self.describe(),
            "another server writes there (its object `owner` says so); choose another bucket or prefix",
        ))
    }

    pub(super) async fn take_stock(&self) -> Result<Stock, BlobError> {
        let mut packs = Vec::new();
        let mut large = Vec::new();
        let prefix = self.path("");
        let mut listing = self.store.list(Some(&prefix));
        while let Some(found) = self
            .within("list", "objects", async {
                listing.next().await.transpose()
            })
            .await?
        {
            let location = found.location.to_string();
            let name = location.strip_prefix(&self.prefix).unwrap_or(&location);
            let name = name.trim_start_matches('/');
            if let Some(number) = read_pack_name(name) {
                packs.push((number, found.size));
            } else if let Some((digest, size_bytes, number)) = read_large_name(name) {
                large.push((number, digest, size_bytes));
            }
        }
        drop(listing);
        self.index(packs, large).await
    }

    /// In the order of the numbers, so that the later copy of a blob holds.
    async fn index(
        &self,
        mut packs: Vec<(u32, u64)>,
        mut large: Vec<(u32, BlobDigest, u64)>,
    ) -> Result<Stock, BlobError> {
        packs.sort_unstable();
        large.sort_unstable();
        let mut stock = Stock::default();
        let numbers = packs.iter().map(|pack| pack.0);
        let numbers = numbers.chain(large.iter().map(|large| large.0));
        stock.next_number = numbers.max().map_or(0, |number| number.saturating_add(1));
        let read = packs.into_iter().map(|(number, size)| async move {
            Ok::<_, BlobError>((number, size, self.pack_index(number, size).await?))
        });
        let mut read = futures_util::stream::iter(read).buffered(INDEX_READS);
        while let Some((number, size, entries)) = read.try_next().await? {
            stock.packs.insert(number, size);
            for entry in entries {
                let place = Place::Packed {
                    pack: number,
                    offset: entry.offset,
                    size_bytes: entry.size_bytes,
                };
                stock.index.set(entry.digest, place);
            }
        }
        drop(read);
        for (number, digest, size_bytes) in large {
            if let Some(before) = stock.index.get(&digest)
                && let Place::Large { number, size_bytes } = before.place
            {
                stock
                    .superseded
                    .push(large_name(&digest, size_bytes, number));
            }
            stock.index.set(digest, Place::Large { number, size_bytes });
        }
        Ok(stock)
    }

    /// A pack that is not whole has no blobs.
    async fn pack_index(&self, number: u32, size: u64) -> Result<Vec<PackEntry>, BlobError> {
        let name = pack_name(number);
        let footer = self
            .get(&name, size.saturating_sub(PACK_FOOTER_LEN)..size)
            .await?;
        let entries = match index_range(&footer, size) {
            Ok(range) => decode_index(&self.get(&name, range).await?, &footer),
            Err(fault) => Err(fault),
        };
        match entries {
            Ok(entries) => Ok(entries),
            Err(PackFault::Torn(reason)) => {
                StorageDamaged {
                    path: format!("{}/{name}", self.describe()),
                    reason: format!("{reason}; it is ignored"),
                }
                .emit();
                Ok(Vec::new())
            }
            Err(PackFault::Newer(version)) => Err(remote_error(
                "read",
                &name,
                format!("it has format {version}, written by a later version of this program"),
            )),
            Err(PackFault::Io(error)) => Err(remote_error("read", &name, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_strangers_are_not_read() {
        let digest = BlobDigest::of(b"hello");
        assert_eq!(read_pack_name(&pack_name(0xAB)), Some(0xAB));
        assert_eq!(
            read_large_name(&large_name(&digest, 70_000, 7)),
            Some((digest, 70_000, 7))
        );
        for stranger in ["owner", "packs/x.pack", "packs/1", "large/ab-1-2", "large/"] {
            assert_eq!(read_pack_name(stranger), None, "{stranger}");
            assert_eq!(read_large_name(stranger), None, "{stranger}");
        }
    }
}
