//! The real clock and the real entropy: the only place that asks the operating system for either.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use holm_types::{Clock, Entropy, Timestamp};

/// The machine's clock.
#[derive(Debug)]
pub(crate) struct SystemClock {
    start: Instant,
}

impl SystemClock {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Timestamp::from_unix_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
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
