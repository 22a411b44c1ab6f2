//! A deployment's place in the supervisor: its turnstile, its process, and its luck so far.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::Instant;

use super::instance::Instance;
use crate::counters::{self, Counters};
use crate::failure::InvocationFailure;
use crate::limits::FunctionLimits;

/// The pause after a first failure; it doubles from there.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// The longest pause after a death; requests wait for its end.
const DEATH_PAUSE_MAX: Duration = Duration::from_secs(1);
/// A process that worked for so long has not failed at start, whatever it died of.
const GOOD_AFTER: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Slot {
    turnstile: Arc<Semaphore>,
    waiting: AtomicUsize,
    current: Mutex<Option<Arc<Instance>>>,
    /// Held by whoever starts a process; the others wait here for it.
    pub(super) starting: tokio::sync::Mutex<Luck>,
}

impl Slot {
    pub(super) fn new(limits: &FunctionLimits) -> Self {
        Self {
            turnstile: Arc::new(Semaphore::new(limits.concurrency_max.max(1))),
            waiting: AtomicUsize::new(0),
            current: Mutex::new(None),
            starting: tokio::sync::Mutex::new(Luck::default()),
        }
    }

    /// Waits for a turn, not longer and not with more others than the limits allow.
    pub(super) async fn admit(
        &self,
        limits: &FunctionLimits,
        counters: &Counters,
    ) -> Result<OwnedSemaphorePermit, InvocationFailure> {
        match self.turnstile.clone().try_acquire_owned() {
            Ok(permit) => return Ok(permit),
            Err(TryAcquireError::Closed) => return Err(InvocationFailure::Stopped),
            Err(TryAcquireError::NoPermits) => {}
        }
        let Some(_place) = Waiting::enter(&self.waiting, limits.queue_max, counters) else {
            counters::add(&counters.overloaded);
            return Err(overloaded(format!(
                "{} requests wait already; {} may",
                limits.queue_max, limits.queue_max
            )));
        };
        let turn = self.turnstile.clone().acquire_owned();
        match tokio::time::timeout(limits.queue_wait_max, turn).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(InvocationFailure::Stopped),
            Err(_) => {
                counters::add(&counters.overloaded);
                Err(overloaded(format!(
                    "the request waited for {} ms",
                    limits.queue_wait_max.as_millis()
                )))
            }
        }
    }

    /// The process that takes requests, if there is one.
    pub(super) fn current(&self) -> Option<Arc<Instance>> {
        let current = self.lock();
        current
            .as_ref()
            .filter(|instance| instance.is_open())
            .cloned()
    }

    pub(super) fn set_current(&self, instance: Arc<Instance>) {
        *self.lock() = Some(instance);
    }

    /// Takes the process away, so that the next request starts another.
    pub(super) fn take_current(&self) -> Option<Arc<Instance>> {
        self.lock().take()
    }

    /// Forgets `instance` if it is the one that takes requests.
    pub(super) fn forget(&self, instance: &Arc<Instance>) {
        let mut current = self.lock();
        if current
            .as_ref()
            .is_some_and(|found| Arc::ptr_eq(found, instance))
        {
            *current = None;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Instance>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) const fn overloaded(reason: String) -> InvocationFailure {
    InvocationFailure::Overloaded { reason }
}

/// A place in the queue.
struct Waiting<'a> {
    slot: &'a AtomicUsize,
    counters: &'a Counters,
}

impl<'a> Waiting<'a> {
    fn enter(slot: &'a AtomicUsize, max: usize, counters: &'a Counters) -> Option<Self> {
        let entered = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
            (count < max).then_some(count + 1)
        });
        entered.ok()?;
        counters::add(&counters.waiting);
        Some(Self { slot, counters })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.slot.fetch_sub(1, Ordering::Relaxed);
        counters::sub(&self.counters.waiting);
    }
}

/// How the last starts went, and when the next may be.
#[derive(Debug, Default)]
pub(super) struct Luck {
    failures: u32,
    last: Option<(Instant, Bad)>,
}

#[derive(Clone, Debug)]
enum Bad {
    /// It could not be started: it will hardly be better for the next request.
    Start(InvocationFailure),
    /// It was started and died young: the next request may be a good one.
    Death,
}

/// What a start has to do first.
#[derive(Debug)]
pub(super) enum Before {
    /// Nothing.
    Go,
    /// Wait.
    Wait(Duration),
    /// Give up: the last start failed so, just now.
    Refuse(InvocationFailure),
}

impl Luck {
    pub(super) fn before(&self, now: Instant, max: Duration) -> Before {
        let Some((since, bad)) = &self.last else {
            return Before::Go;
        };
        let (failures, max) = match bad {
            Bad::Start(_) => (self.failures, max),
            Bad::Death => (self.failures.saturating_sub(1), max.min(DEATH_PAUSE_MAX)),
        };
        let left = pause_after(failures, max).saturating_sub(now.saturating_duration_since(*since));
        match bad {
            _ if left.is_zero() => Before::Go,
            Bad::Start(failure) => Before::Refuse(failure.clone()),
            Bad::Death => Before::Wait(left),
        }
    }

    /// A process could not be started.
    pub(super) fn failed(&mut self, now: Instant, failure: InvocationFailure) {
        self.failures = self.failures.saturating_add(1);
        self.last = Some((now, Bad::Start(failure)));
    }

    /// A process died, having lived for `lived`.
    pub(super) fn died(&mut self, now: Instant, lived: Duration) {
        if lived >= GOOD_AFTER {
            *self = Self::default();
        } else {
            self.failures = self.failures.saturating_add(1);
            self.last = Some((now, Bad::Death));
        }
    }
}

fn pause_after(failures: u32, max: Duration) -> Duration {
    if failures == 0 {
        return Duration::ZERO;
    }
    let doubled = BACKOFF_FIRST.saturating_mul(1 << (failures - 1).min(16));
    doubled.min(max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_maximum() {
        let max = Duration::from_secs(30);
        let pauses: Vec<u128> = [0, 1, 2, 3, 9, 10, 1000]
            .map(|failures| pause_after(failures, max).as_millis())
            .to_vec();
        assert_eq!(pauses, [0, 100, 200, 400, 25_600, 30_000, 30_000]);
    }

    #[test]
    fn a_failed_start_is_remembered_and_a_death_is_waited_for() {
        let (max, start) = (Duration::from_secs(30), Instant::now());
        let mut luck = Luck::default();
        luck.failed(start, InvocationFailure::Stopped);
        assert!(matches!(luck.before(start, max), Before::Refuse(_)));
        let later = start + BACKOFF_FIRST;
        assert!(matches!(luck.before(later, max), Before::Go));
        luck.died(later, Duration::from_secs(1));
        assert!(matches!(luck.before(later, max), Before::Wait(left) if left == BACKOFF_FIRST));
    }

    #[test]
    fn the_first_death_costs_nothing_and_a_long_life_forgives() {
        let (max, now) = (Duration::from_secs(30), Instant::now());
        let mut luck = Luck::default();
        luck.died(now, Duration::from_secs(1));
        assert!(matches!(luck.before(now, max), Before::Go));
        for _ in 0..40 {
            luck.died(now, Duration::from_secs(1));
        }
        assert!(matches!(luck.before(now, max), Before::Wait(left) if left == DEATH_PAUSE_MAX));
        luck.died(now, GOOD_AFTER);
        assert!(matches!(luck.before(now, max), Before::Go));
    }
}
