//! The real clock and the real entropy: the only place that asks the operating system for either.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use holm_types::{Clock, Entropy, Timestamp};

/// For how long the distance between the two clocks is taken as it was, in milliseconds.
const DISTANCE_AGE_MAX_MS: u64 = 1000;

/// The machine's clock.
#[derive(Debug)]
pub(crate) struct SystemClock {
    start: Instant,
    /// Wall-clock time at `start`, as it was when it was last looked at, in milliseconds since 1970.
    wall_at_start_ms: AtomicU64,
    /// When that was, in milliseconds since `start`.
    looked_at_ms: AtomicU64,
}

impl SystemClock {
    pub(crate) fn new() -> Self {
        let clock = Self {
            start: Instant::now(),
            wall_at_start_ms: AtomicU64::new(0),
            looked_at_ms: AtomicU64::new(0),
        };
        clock.look_at_wall(0);
        clock
    }

    /// Threads that do this at the same time write the same, give or take a millisecond.
    fn look_at_wall(&self, elapsed_ms: u64) {
        let at_start_ms = unix_ms().saturating_sub(elapsed_ms);
        self.wall_at_start_ms.store(at_start_ms, Ordering::Relaxed);
        self.looked_at_ms.store(elapsed_ms, Ordering::Relaxed);
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        timestamp(unix_ms())
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    // Reading a clock costs a request about as much as finding its host.
    fn both(&self) -> (Timestamp, Duration) {
        let elapsed = self.start.elapsed();
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let age_ms = elapsed_ms.saturating_sub(self.looked_at_ms.load(Ordering::Relaxed));
        if age_ms > DISTANCE_AGE_MAX_MS {
            self.look_at_wall(elapsed_ms);
        }
        let at_start_ms = self.wall_at_start_ms.load(Ordering::Relaxed);
        (timestamp(at_start_ms.saturating_add(elapsed_ms)), elapsed)
    }
}

fn unix_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn timestamp(unix_ms: u64) -> Timestamp {
    Timestamp::from_unix_ms(i64::try_from(unix_ms).unwrap_or(i64::MAX))
}

/// The operating system's random numbers.
#[derive(Debug)]
pub(crate) struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        // Without random numbers there are no secrets; going on would hand out guessable ones.
        getrandom::fill(buffer).expect("the operating system gives random bytes");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_reading_gives_both_times_and_follows_the_wall_clock() {
        let clock = SystemClock::new();
        // As if the wall clock had jumped ahead since it was looked at.
        clock.wall_at_start_ms.store(1_000, Ordering::Relaxed);
        let (at, elapsed) = clock.both();
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap();
        assert_eq!(at, timestamp(1_000 + elapsed_ms));
        clock.look_at_wall(elapsed_ms);
        let before = clock.now();
        let (at, _) = clock.both();
        let apart_ms = at.unix_ms() - before.unix_ms();
        assert!((-1..=1000).contains(&apart_ms), "{apart_ms} ms apart");
    }
}
