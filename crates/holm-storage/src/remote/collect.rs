//! Giving back space in a store elsewhere: forget, delete; copy out of sparse packs, delete those.

use std::sync::{Arc, PoisonError};

use holm_types::BlobDigest;

use crate::blob::{BlobError, BlobFuture};
use crate::collect::{BlobCollector, CollectStep, StoreUsage};
use crate::index::{Moved, PackUse, Place};
use crate::pack::{PackEntry, PackWriter};

use super::objects::{large_name, pack_name};
use super::{Access, Store, remote_error};

impl Store {
    async fn sweep_some(&self) -> Result<CollectStep, BlobError> {
        let dead = self.index.dead(self.limits.collect_step_max);
        let mut step = CollectStep {
            is_done: dead.is_empty(),
            ..CollectStep::default()
        };
        for (digest, place) in self.index.forget_dead(&dead) {
            step.removed_count += 1;
            step.removed_bytes += place.size_bytes();
            if let Place::Large { number, size_bytes } = place {
                let name = large_name(&digest, size_bytes, number);
                self.objects.delete(&name).await?;
                step.freed_bytes += size_bytes;
            }
        }
        Ok(step)
    }

    async fn compact_some(&self) -> Result<CollectStep, BlobError> {
        let mut step = CollectStep {
            freed_bytes: self.delete_unused_packs().await?,
            ..CollectStep::default()
        };
        let moved = self.copy_wanted().await?;
        step.moved_count = moved.len() as u64;
        step.moved_bytes = moved.iter().map(|moved| moved.from.size_bytes()).sum();
        step.freed_bytes += self.delete_unused_packs().await?;
        step.is_done = moved.is_empty();
        Ok(step)
    }

    /// Every pack: number, size, and what of it is wanted.
    fn packs(&self) -> Vec<(u32, u64, PackUse)> {
        let used = self.index.pack_use();
        let mut packs: Vec<_> = self
            .lock_packs()
            .iter()
            .map(|(number, size)| {
                (
                    *number,
                    *size,
                    used.get(number).copied().unwrap_or_default(),
                )
            })
            .collect();
        packs.sort_unstable_by_key(|pack| pack.0);
        packs
    }

    async fn delete_unused_packs(&self) -> Result<u64, BlobError> {
        let unused: Vec<_> = {
            let naming = self.naming.write();
            let _naming = naming.unwrap_or_else(PoisonError::into_inner);
            let packs = self.packs().into_iter();
            let unused = packs.filter(|(_, _, used)| used.count == 0);
            let unused: Vec<_> = unused.map(|(number, size, _)| (number, size)).collect();
            let mut known = self.lock_packs();
            for (number, _) in &unused {
                known.remove(number);
            }
            unused
        };
        let mut freed_bytes = 0;
        for (number, size) in unused {
            self.objects.delete(&pack_name(number)).await?;
            freed_bytes += size;
        }
        Ok(freed_bytes)
    }

    /// Packs worth being written anew: sparse ones, and small ones when there are many.
    fn sources(&self) -> Vec<u32> {
        let limits = &self.limits;
        let packs = self.packs();
        let is_small = |size: u64| size < limits.pack_small_bytes;
        let small_count = packs.iter().filter(|pack| is_small(pack.1)).count();
        let merges = small_count > limits.small_packs_max;
        let is_source = |(_, size, used): &(u32, u64, PackUse)| {
            let dead_bytes = size.saturating_sub(used.bytes);
            let is_sparse = dead_bytes * 100 > size * limits.pack_dead_percent_max;
            let is_worth_it = *size > used.bytes + 64 * (used.count + 2);
            (is_worth_it && is_sparse) || (merges && is_small(*size))
        };
        let sources = packs.into_iter().filter(is_source);
        sources.map(|(number, ..)| number).collect()
    }

    async fn copy_wanted(&self) -> Result<Vec<Moved>, BlobError> {
        let failed = |error: std::io::Error| remote_error("write", "a pack", error);
        let mut pack = PackWriter::begin(Vec::new()).map_err(failed)?;
        let mut from = Vec::new();
        let room = self.limits.remote_pack_bytes_max;
        let mut copied_bytes = 0;
        for (digest, place) in self.wanted_of(&self.sources()) {
            if copied_bytes + place.size_bytes() > room {
                break;
            }
            let bytes = match self.read_verified(digest).await {
                Ok(bytes) => bytes,
                Err(BlobError::Damaged { .. } | BlobError::NotFound { .. }) => continue,
                Err(error) => return Err(error),
            };
            pack.append(digest, &bytes).map_err(failed)?;
            copied_bytes += bytes.len() as u64;
            from.push(place);
        }
        if from.is_empty() {
            return Ok(Vec::new());
        }
        let (bytes, entries) = pack.end().map_err(failed)?;
        self.keep_copies(bytes, &entries, from).await
    }

    /// The wanted blobs of packs, in the order of the packs.
    fn wanted_of(&self, packs: &[u32]) -> Vec<(BlobDigest, Place)> {
        let is_in_them =
            |place: &Place| matches!(place, Place::Packed { pack, .. } if packs.contains(pack));
        let all = self.index.all().into_iter();
        let wanted = all.filter(|(place, digest)| {
            let is_damaged = self.index.get(digest).is_none_or(|found| found.is_damaged);
            is_in_them(place) && !is_damaged
        });
        wanted.map(|(place, digest)| (digest, place)).collect()
    }

    async fn keep_copies(
        &self,
        bytes: Vec<u8>,
        entries: &[PackEntry],
        from: Vec<Place>,
    ) -> Result<Vec<Moved>, BlobError> {
        let number = self.new_number()?;
        let size_bytes = bytes.len() as u64;
        self.objects.put(&pack_name(number), bytes.into()).await?;
        let moved = entries.iter().zip(from);
        let moved: Vec<Moved> = moved
            .map(|(entry, from)| Moved {
                digest: entry.digest,
                from,
                to: Place::Packed {
                    pack: number,
                    offset: entry.offset,
                    size_bytes: entry.size_bytes,
                },
            })
            .collect();
        let naming = self.naming.read();
        let _naming = naming.unwrap_or_else(PoisonError::into_inner);
        self.lock_packs().insert(number, size_bytes);
        self.index.move_to(&moved);
        Ok(moved)
    }

    fn usage(&self) -> StoreUsage {
        let packs = self.packs();
        let (blob_count, blob_bytes) = self.index.totals();
        let pack_bytes = packs.iter().map(|pack| pack.1).sum::<u64>();
        let used_bytes = packs.iter().map(|pack| pack.2.bytes).sum();
        let packed_count = packs.iter().map(|pack| pack.2.count).sum::<u64>();
        StoreUsage {
            blob_count,
            blob_bytes,
            pack_count: packs.len() as u64,
            pack_bytes,
            pack_dead_bytes: pack_bytes.saturating_sub(used_bytes),
            large_count: blob_count.saturating_sub(packed_count),
            free_bytes: None,
        }
    }
}

/// The store as its collector sees it.
#[derive(Debug)]
pub(super) struct RemoteCollector(pub(super) Arc<Store>);

impl BlobCollector for RemoteCollector {
    fn begin(&self) -> bool {
        self.0.access == Access::Write && self.0.index.begin_collection(&self.0.limits)
    }

    fn end(&self) {
        self.0.index.end_collection();
    }

    fn keep(&self, digests: &[BlobDigest]) -> bool {
        self.0.index.keep(digests)
    }

    fn keeps(&self, digest: &BlobDigest) -> bool {
        self.0.index.keeps(digest)
    }

    fn unwanted(&self) -> BlobFuture<'_, (u64, u64)> {
        Box::pin(std::future::ready(Ok(self.0.index.unwanted())))
    }

    fn sweep(&self) -> BlobFuture<'_, CollectStep> {
        Box::pin(self.0.sweep_some())
    }

    fn compact(&self) -> BlobFuture<'_, CollectStep> {
        Box::pin(self.0.compact_some())
    }

    fn usage(&self) -> BlobFuture<'_, StoreUsage> {
        Box::pin(std::future::ready(Ok(self.0.usage())))
    }
}
