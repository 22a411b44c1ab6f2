//! Counting requests of an address in a window, in a fixed room.
//!
//! Counters lie in sets of eight places, each set behind a lock of its own; what a counter is for decides its
//! set. When all eight are taken, the counter whose window ends first makes room, and whoever it counted
//! begins anew: more addresses than places can only make a limit more lenient, never less, and never
//! cost memory.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// Places in a set.
const PLACES: usize = 8;

/// What came of counting a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// It is one of the allowed ones.
    Within,
    /// It is one too many.
    Over {
        /// Until the window ends.
        wait: Duration,
    },
}

/// How many requests are allowed in which time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    pub(crate) requests: u32,
    pub(crate) window: Duration,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    key: u64,
    /// Milliseconds of the monotonic clock. What lies in the past counts no more.
    until_ms: u64,
    count: u32,
}

/// The counters. Takes no memory before the first is needed.
#[derive(Debug)]
pub(crate) struct RateTable {
    seed: u64,
    set_count: usize,
    sets: OnceLock<Box<[Mutex<[Counter; PLACES]>]>>,
}

impl RateTable {
    /// A table with at least this many places. `seed` is secret: nobody is to choose their set.
    pub(crate) fn new(places_min: usize, seed: u64) -> Self {
        Self {
            seed,
            set_count: places_min.div_ceil(PLACES).max(1),
            sets: OnceLock::new(),
        }
    }

    /// The key of a counter for this.
    pub(crate) fn key(&self, what: &impl Hash) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.seed.hash(&mut hasher);
        what.hash(&mut hasher);
        hasher.finish()
    }

    /// Counts one request. The window begins with the first.
    pub(crate) fn count(&self, key: u64, allowed: Allowance, now: Duration) -> Counted {
        let now_ms = millis(now);
        self.with_counter(key, now_ms, |counter| {
            if counter.key != key || counter.until_ms <= now_ms {
                *counter = Counter {
                    key,
                    until_ms: now_ms.saturating_add(millis(allowed.window)),
                    count: 0,
                };
            }
            counter.count = counter.count.saturating_add(1);
            if counter.count <= allowed.requests {
                return Counted::Within;
            }
            Counted::Over {
                wait: Duration::from_millis(counter.until_ms - now_ms),
            }
        })
    }

    /// Begins anew.
    pub(crate) fn forget(&self, key: u64, now: Duration) {
        self.with_counter(key, millis(now), |counter| {
            if counter.key == key {
                *counter = Counter::default();
            }
        });
    }

    /// The counter with this key, else the one that makes room.
    fn with_counter<T>(&self, key: u64, now_ms: u64, act: impl FnOnce(&mut Counter) -> T) -> T {
        let sets = self.sets.get_or_init(|| {
            let empty = || Mutex::new([Counter::default(); PLACES]);
            std::iter::repeat_with(empty).take(self.set_count).collect()
        });
        let set = usize::try_from(key % self.set_count as u64).unwrap_or(0);
        // A panic while it was held leaves counters, if of a wrong number.
        let mut counters = sets[set].lock().unwrap_or_else(PoisonError::into_inner);
        let own = counters.iter().position(|counter| counter.key == key);
        let place = own.unwrap_or_else(|| {
            let ends = |(_, counter): &(usize, &Counter)| counter.until_ms.max(now_ms);
            let first = counters.iter().enumerate().min_by_key(ends);
            first.map_or(0, |(place, _)| place)
        });
        act(&mut counters[place])
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_A_SECOND: Allowance = Allowance {
        requests: 2,
        window: Duration::from_secs(1),
    };

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_window_begins_with_the_first_request_and_ends() {
        let table = RateTable::new(64, 1);
        let key = table.key(&"a");
        let count = |ms| table.count(key, TWO_A_SECOND, at(ms));
        assert_eq!(count(5000), Counted::Within);
        assert_eq!(count(5400), Counted::Within);
        assert_eq!(count(5700), Counted::Over { wait: at(300) });
        assert_eq!(count(5999), Counted::Over { wait: at(1) });
        assert_eq!(count(6000), Counted::Within);
        assert_eq!(
            table.count(table.key(&"b"), TWO_A_SECOND, at(5999)),
            Counted::Within
        );
    }

    #[test]
    fn what_is_forgotten_begins_anew() {
        let table = RateTable::new(64, 1);
        let key = table.key(&"a");
        for _ in 0..3 {
            table.count(key, TWO_A_SECOND, at(1));
        }
        table.forget(key, at(2));
        assert_eq!(table.count(key, TWO_A_SECOND, at(3)), Counted::Within);
    }

    #[test]
    fn a_flood_of_addresses_takes_no_more_room_and_spares_the_newest() {
        let table = RateTable::new(64, 1);
        for number in 0..100_000_u32 {
            let counted = table.count(
                table.key(&number),
                TWO_A_SECOND,
                at(u64::from(number) / 100),
            );
            assert_eq!(counted, Counted::Within, "nobody is refused for others");
        }
        assert_eq!(table.sets.get().unwrap().len(), 8);
        let key = table.key(&99_999_u32);
        table.count(key, TWO_A_SECOND, at(999));
        let counted = table.count(key, TWO_A_SECOND, at(999));
        assert!(matches!(counted, Counted::Over { .. }), "{counted:?}");
    }
}
