//! How often: token buckets by key, bounded in number. A bucket holds so many requests and fills up
//! again within a window.
//!
//! A bucket is one number, the time at which it will be full (GCRA, as ATM switches police cells), so a
//! full one need not be kept.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// So many within a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// At once, and on average within each window; at least 1.
    pub(crate) count_max: u64,
    /// How long an empty bucket takes to be full.
    pub(crate) window: Duration,
}

impl Rate {
    fn interval(self) -> Duration {
        let nanos = self.window.as_nanos() / u128::from(self.count_max.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// What taking one out of a bucket gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// False: it was empty.
    pub(crate) is_allowed: bool,
    pub(crate) rate: Rate,
    /// How many are left.
    pub(crate) remaining: u64,
    /// When the bucket is full again.
    pub(crate) full_after: Duration,
    /// When there is one to take; zero when there is now.
    pub(crate) retry_after: Duration,
}

/// The buckets of many keys.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    rate: Rate,
    keys_max: usize,
    shelf: Mutex<Shelf<K>>,
}

/// When each bucket is full again, in the time of a monotonic clock.
#[derive(Debug)]
struct Shelf<K> {
    full_at: HashMap<K, Duration>,
    /// One bucket for all keys that there is no room for: many strangers at once wait together.
    others_full_at: Duration,
}

impl<K: Copy + Eq + Hash> Buckets<K> {
    pub(crate) fn new(rate: Rate, keys_max: usize) -> Self {
        Self {
            rate,
            keys_max,
            shelf: Mutex::new(Shelf {
                full_at: HashMap::new(),
                others_full_at: Duration::ZERO,
            }),
        }
    }

    /// Takes one out of the key's bucket, if there is one.
    pub(crate) fn take(&self, key: K, now: Duration) -> Taken {
        let mut shelf = self.lock();
        let full_at = shelf.of(key, now, self.keys_max);
        let taken = take_from(self.rate, *full_at, now);
        if taken.is_allowed {
            *full_at = now + taken.full_after;
        }
        taken
    }

    /// Fills the key's bucket.
    pub(crate) fn fill(&self, key: K) {
        self.lock().full_at.remove(&key);
    }

    /// Puts one back into the key's bucket.
    pub(crate) fn put_back(&self, key: K) {
        let interval = self.rate.interval();
        if let Some(full_at) = self.lock().full_at.get_mut(&key) {
            *full_at = full_at.saturating_sub(interval);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shelf<K>> {
        // A panic while it was held cannot have left a time half changed.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash> Shelf<K> {
    fn of(&mut self, key: K, now: Duration, keys_max: usize) -> &mut Duration {
        if !self.full_at.contains_key(&key) && self.full_at.len() >= keys_max {
            self.full_at.retain(|_, full_at| *full_at > now);
            if self.full_at.len() >= keys_max {
                return &mut self.others_full_at;
            }
        }
        self.full_at.entry(key).or_insert(now)
    }
}

fn take_from(rate: Rate, full_at: Duration, now: Duration) -> Taken {
    let interval = rate.interval();
    let missing = full_at.saturating_sub(now);
    let after = missing + interval;
    let is_allowed = after <= rate.window;
    let full_after = if is_allowed { after } else { missing };
    let room = rate.window.saturating_sub(full_after);
    let remaining = room.as_nanos() / interval.as_nanos().max(1);
    Taken {
        is_allowed,
        rate,
        remaining: u64::try_from(remaining).unwrap_or(u64::MAX),
        full_after,
        retry_after: after.saturating_sub(rate.window),
    }
}

/// What counts as one address: of IPv6, the network that one customer is given.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let bits = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        count_max: 4,
        window: Duration::from_mins(1),
    };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let buckets = Buckets::new(RATE, 10);
        let left: Vec<u64> = (0..4)
            .map(|_| buckets.take('a', at(100)).remaining)
            .collect();
        assert_eq!(left, [3, 2, 1, 0]);
        let refused = buckets.take('a', at(100));
        assert!(!refused.is_allowed);
        assert_eq!((refused.retry_after, refused.full_after), (at(15), at(60)));
        assert!(
            buckets.take('b', at(100)).is_allowed,
            "each key has its own"
        );
        assert!(!buckets.take('a', at(114)).is_allowed);
        assert!(buckets.take('a', at(115)).is_allowed);
        assert_eq!(buckets.take('a', at(1000)).remaining, 3);
    }

    #[test]
    fn what_is_put_back_can_be_taken_again() {
        let buckets = Buckets::new(RATE, 10);
        for _ in 0..100 {
            assert!(buckets.take('a', at(1)).is_allowed);
            buckets.put_back('a');
        }
        for _ in 0..4 {
            buckets.take('a', at(1));
        }
        buckets.fill('a');
        assert_eq!(buckets.take('a', at(1)).remaining, 3);
    }

    #[test]
    fn more_keys_than_there_is_room_for_share_a_bucket() {
        let buckets = Buckets::new(RATE, 2);
        assert!(buckets.take(1, at(1)).is_allowed && buckets.take(2, at(1)).is_allowed);
        let allowed = (3..100).filter(|key| buckets.take(*key, at(1)).is_allowed);
        assert_eq!(allowed.count(), 4);
        assert!(buckets.take(1, at(1)).is_allowed);
        // Once the known ones are full again, there is room.
        assert_eq!(buckets.take(3, at(100)).remaining, 3);
    }

    #[test]
    fn an_ipv6_customer_is_one_address() {
        let network = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
