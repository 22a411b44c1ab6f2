//! The number of a request: `EO-LOG-UUID`, the access record's key, what an error page shows.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that is unique per request, shown in decimal (19 or 20 digits, as EdgeOne's `EO-LOG-UUID`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(u64);

impl RequestId {
    /// From its number.
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Hands out request ids. Never the same twice in one process; the seed keeps processes apart.
#[derive(Debug)]
pub struct RequestIds {
    next: AtomicU64,
}

impl RequestIds {
    /// Starts at a seed from the house's entropy.
    pub const fn new(seed: u64) -> Self {
        Self {
            next: AtomicU64::new(seed),
        }
    }

    /// The next id.
    pub fn next(&self) -> RequestId {
        // The golden-ratio step visits every number before one returns; the mix is a bijection
        // (splitmix64), so ids stay distinct while neighbours look unrelated.
        let mut z = self
            .next
            .fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        RequestId((z ^ (z >> 31)) | (1 << 63))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_distinct_and_long() {
        let ids = RequestIds::new(7);
        let seen: std::collections::HashSet<_> = (0..10_000).map(|_| ids.next()).collect();
        assert_eq!(seen.len(), 10_000);
        assert!(seen.iter().all(|id| id.to_string().len() >= 19));
    }
}
