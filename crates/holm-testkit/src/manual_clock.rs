//! A clock whose hands the test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use holm_types::{Clock, Timestamp};

/// Stands still until the test moves it. Clones show the same time, so a test keeps one and hands
/// the other to what it tests.
#[derive(Clone, Debug)]
pub struct ManualClock {
    hands: Arc<Hands>,
}

#[derive(Debug)]
struct Hands {
    /// Wall-clock time in milliseconds since the epoch.
    unix_ms: AtomicI64,
    /// Time since the clock was made, in nanoseconds.
    monotonic_ns: AtomicU64,
}

impl ManualClock {
    /// A clock that shows this time.
    pub fn at(now: Timestamp) -> Self {
        Self {
            hands: Arc::new(Hands {
                unix_ms: AtomicI64::new(now.unix_ms()),
                monotonic_ns: AtomicU64::new(0),
            }),
        }
    }

    /// Lets time pass on both hands. The wall clock shows whole milliseconds, rounded down.
    pub fn advance(&self, by: Duration) {
        let ns = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let before = self.hands.monotonic_ns.fetch_add(ns, Ordering::SeqCst);
        let whole_ms = before.saturating_add(ns) / 1_000_000 - before / 1_000_000;
        let ms = i64::try_from(whole_ms).unwrap_or(i64::MAX);
        self.hands.unix_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Sets the wall clock, forwards or backwards, as an operator or NTP may; the other hand stays.
    pub fn jump_to(&self, now: Timestamp) {
        self.hands.unix_ms.store(now.unix_ms(), Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    /// 2026-01-01T00:00:00Z.
    fn default() -> Self {
        Self::at(Timestamp::from_unix_ms(1_767_225_600_000))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.hands.unix_ms.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.hands.monotonic_ns.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_hands_move_and_only_the_wall_clock_jumps() {
        let clock = ManualClock::default();
        let held = clock.clone();
        assert_eq!(clock.now().to_string(), "2026-01-01T00:00:00.000Z");
        held.advance(Duration::from_micros(1_500));
        held.advance(Duration::from_micros(500));
        assert_eq!(clock.now().to_string(), "2026-01-01T00:00:00.002Z");
        assert_eq!(clock.monotonic(), Duration::from_millis(2));
        held.jump_to(Timestamp::from_unix_ms(0));
        assert_eq!(clock.now().unix_ms(), 0);
        assert_eq!(clock.monotonic(), Duration::from_millis(2));
    }
}
