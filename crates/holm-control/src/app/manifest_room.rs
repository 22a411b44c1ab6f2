//! Room in memory for the manifests that are being read, all together.

use holm_types::ErrorCode;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::ApiError;

/// Bytes that are taken at a time; a small manifest takes one of these.
const UNIT_BYTES: u64 = 64 * 1024;

/// Room for manifests, in bytes as they are sent.
#[derive(Debug)]
pub(crate) struct ManifestRoom {
    units: Semaphore,
    bytes_max: u64,
}

impl ManifestRoom {
    pub(crate) fn new(bytes_max: u64) -> Self {
        let units = usize::try_from(bytes_max.div_ceil(UNIT_BYTES)).unwrap_or(usize::MAX);
        Self {
            units: Semaphore::new(units.min(Semaphore::MAX_PERMITS)),
            bytes_max,
        }
    }

    /// A place for one manifest, empty so far.
    pub(super) fn place(&self) -> Place<'_> {
        Place {
            room: self,
            held_bytes: 0,
            held: None,
        }
    }
}

/// What one manifest takes up. Given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place<'r> {
    room: &'r ManifestRoom,
    held_bytes: u64,
    held: Option<SemaphorePermit<'r>>,
}

impl Place<'_> {
    /// Takes room for a manifest of this many bytes. Refuses rather than waits: two that wait for one
    /// another's room would wait for ever.
    pub(super) fn grow_to(&mut self, bytes: u64) -> Result<(), ApiError> {
        while self.held_bytes < bytes {
            let unit = self.room.units.try_acquire().map_err(|_| {
                let limit = self.room.bytes_max;
                ApiError::new(ErrorCode::ServerBusy, "Too many manifests are being read")
                    .with_limit(limit, limit + 1, "control.manifests_bytes_max")
            })?;
            self.held_bytes += UNIT_BYTES;
            match &mut self.held {
                Some(held) => held.merge(unit),
                None => self.held = Some(unit),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_share_the_room_and_give_it_back() {
        let room = ManifestRoom::new(3 * UNIT_BYTES);
        let mut one = room.place();
        one.grow_to(1).unwrap();
        one.grow_to(UNIT_BYTES).unwrap();
        one.grow_to(UNIT_BYTES + 1).unwrap();
        let mut other = room.place();
        other.grow_to(10).unwrap();
        let refused = other.grow_to(UNIT_BYTES + 1).unwrap_err();
        assert_eq!(refused.code, ErrorCode::ServerBusy);
        drop(one);
        other.grow_to(3 * UNIT_BYTES).unwrap();
    }
}
