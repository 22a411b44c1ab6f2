//! Who watches a process: is it answering, what has it computed, how much does it hold, is it needed.
//!
//! CPU time is that of the thread that runs the code (the engine's main thread), read from the kernel.
//! Two rules end a process, and neither can blame who did nothing wrong:
//! - *It does not answer.* Between two signs of life its thread computed for longer than an invocation
//!   may. Several requests that came at once may be computed in a row before the first sign, so with
//!   several in flight up to [`ROW_MAX`] times as much is allowed.
//! - *The sum is too large.* While the requests in flight were the same ones, they computed more than all of
//!   them together may; so at least one of them did. With one request this is its own CPU time.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use super::ask;
use super::functions::Inner;
use super::instance::{Instance, Load};
use super::slot::Slot;
use crate::counters;
use crate::failure::InvocationFailure;
use crate::limits::FunctionLimits;

/// Requests computed in a row that are allowed for before a process counts as not answering.
const ROW_MAX: u32 = 4;
/// How often a process without requests is looked at.
const IDLE_INTERVAL: Duration = Duration::from_secs(1);
/// CPU time that a process may use without any request, in multiples of what an invocation may.
const BACKGROUND_FACTOR: u32 = 10;

/// What was read of a process.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    cpu: Duration,
    private_bytes: u64,
}

#[cfg(target_os = "linux")]
fn sample(pid: u32) -> Option<Sample> {
    // https://docs.kernel.org/scheduler/sched-stats.html: nanoseconds on a CPU come first; of a process,
    // its first thread's.
    let cpu = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
    let nanos = cpu.split(' ').next()?.parse().ok()?;
    // proc_pid_statm(5): pages; resident less shared is what nobody else has.
    let memory = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let mut pages = memory.split(' ').skip(1).map(str::parse::<u64>);
    let (resident, shared) = (pages.next()?.ok()?, pages.next()?.ok()?);
    Some(Sample {
        cpu: Duration::from_nanos(nanos),
        private_bytes: resident.saturating_sub(shared) * rustix::param::page_size() as u64,
    })
}

/// Elsewhere the heap's own limit and the first byte's deadline are what holds.
#[cfg(not(target_os = "linux"))]
fn sample(_pid: u32) -> Option<Sample> {
    None
}

/// What the watchdog remembers, and decides from.
#[derive(Debug)]
struct Watch {
    /// CPU time at the last sign of life.
    alive_at: Duration,
    progress: u64,
    /// CPU time when the set of requests last changed.
    set_at: Duration,
    version: u64,
    /// CPU time when the last request ended.
    idle_at: Option<Duration>,
}

impl Watch {
    fn new(sample: Sample, load: Load) -> Self {
        Self {
            alive_at: sample.cpu,
            progress: load.progress,
            set_at: sample.cpu,
            version: load.version,
            idle_at: None,
        }
    }

    /// The ping was answered.
    const fn pong(&mut self, sample: Sample) {
        self.alive_at = sample.cpu;
    }

    /// Why the process must end now, if it must.
    fn judge(
        &mut self,
        sample: Sample,
        load: Load,
        limits: &FunctionLimits,
    ) -> Option<InvocationFailure> {
        if load.progress != self.progress || load.version != self.version {
            self.progress = load.progress;
            self.alive_at = sample.cpu;
        }
        if load.version != self.version {
            self.version = load.version;
            self.set_at = sample.cpu;
        }
        over_memory(sample, limits).or_else(|| self.over_cpu(sample, load, limits))
    }

    fn over_cpu(
        &mut self,
        sample: Sample,
        load: Load,
        limits: &FunctionLimits,
    ) -> Option<InvocationFailure> {
        let count = u32::try_from(load.count).unwrap_or(u32::MAX);
        let over = |used: Duration, allowed: Duration| {
            (used >= allowed).then_some(InvocationFailure::CpuTime { used, allowed })
        };
        if count == 0 {
            let since = *self.idle_at.get_or_insert(sample.cpu);
            let used = sample.cpu.saturating_sub(since);
            return over(used, limits.cpu_max.saturating_mul(BACKGROUND_FACTOR));
        }
        self.idle_at = None;
        let silent = sample.cpu.saturating_sub(self.alive_at);
        let whole = sample.cpu.saturating_sub(self.set_at);
        over(silent, limits.cpu_max.saturating_mul(count.min(ROW_MAX)))
            .or_else(|| over(whole, limits.cpu_max.saturating_mul(count)))
    }
}

fn over_memory(sample: Sample, limits: &FunctionLimits) -> Option<InvocationFailure> {
    let allowed_bytes = limits.memory_bytes_max + limits.memory_bytes_max / 2;
    (sample.private_bytes > allowed_bytes).then_some(InvocationFailure::Memory {
        used_bytes: sample.private_bytes,
        allowed_bytes,
    })
}

type Ping = Pin<Box<dyn Future<Output = Option<bytes::Bytes>> + Send>>;

/// Watches a process until it has ended, and settles what is left of it.
pub(super) async fn watch(inner: Weak<Inner>, slot: Arc<Slot>, instance: Arc<Instance>) {
    let born = Instant::now();
    if let Some(strong) = inner.upgrade() {
        let limits = strong.config.limits.clone();
        drop(strong);
        watch_over(&inner, &slot, &instance, &limits).await;
    }
    let ended = instance.process.ended().await;
    slot.forget(&instance);
    if let (Some(inner), Some(ended)) = (inner.upgrade(), ended) {
        if instance.doom().is_none() {
            counters::add(&inner.counters.crashed);
            let runtime = &inner.config.runtime;
            let limits = &inner.config.limits;
            instance.end(runtime.explain_exit(ended.status, &ended.stderr, limits));
        }
        if instance.doom() != Some(InvocationFailure::Stopped) {
            slot.starting
                .lock()
                .await
                .died(Instant::now(), born.elapsed());
        }
    }
    instance.end(InvocationFailure::Stopped);
    instance.clean_up();
}

async fn watch_over(
    inner: &Weak<Inner>,
    slot: &Arc<Slot>,
    instance: &Arc<Instance>,
    limits: &FunctionLimits,
) {
    let mut ticks = tokio::time::interval(limits.watch_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let Some(first) = sample(instance.process.pid) else {
        return evict_when_idle(inner, slot, instance, limits).await;
    };
    let mut watch = Watch::new(first, instance.load());
    let mut ping: Option<Ping> = None;
    loop {
        tokio::select! {
            biased;
            _ = instance.process.ended() => return,
            pong = answered(&mut ping) => {
                ping = None;
                if pong.is_some() && let Some(sample) = sample(instance.process.pid) {
                    watch.pong(sample);
                }
            }
            () = next_look(&mut ticks, instance) => {
                let Some(sample) = sample(instance.process.pid) else { return };
                let load = instance.load();
                if let Some(failure) = watch.judge(sample, load, limits) {
                    return condemn(slot, instance, failure);
                }
                if load.count > 0 && ping.is_none() {
                    let instance = instance.clone();
                    ping = Some(Box::pin(async move { ask::control(&instance, "ping").await }));
                }
                if load.count == 0 && evict(inner, slot, instance, limits).await {
                    return;
                }
            }
        }
    }
}

/// The next moment to look: soon while it works, else when work comes or after a while.
async fn next_look(ticks: &mut tokio::time::Interval, instance: &Instance) {
    if instance.load().count > 0 {
        ticks.tick().await;
        return;
    }
    tokio::select! {
        () = instance.work.notified() => ticks.reset(),
        () = tokio::time::sleep(IDLE_INTERVAL) => {}
    }
}

async fn answered(ping: &mut Option<Ping>) -> Option<bytes::Bytes> {
    match ping {
        Some(ping) => ping.await,
        None => std::future::pending().await,
    }
}

fn condemn(slot: &Slot, instance: &Arc<Instance>, failure: InvocationFailure) {
    let counters = &instance.counters;
    counters::add(match failure {
        InvocationFailure::Memory { .. } => &counters.killed_memory,
        _ => &counters.killed_cpu,
    });
    slot.forget(instance);
    instance.end(failure);
}

/// Ends a process that nobody has asked for long enough and that has nothing left to do.
async fn evict(
    inner: &Weak<Inner>,
    slot: &Slot,
    instance: &Arc<Instance>,
    limits: &FunctionLimits,
) -> bool {
    if instance.load().idle_for < limits.idle_max {
        return false;
    }
    // What it does in the background is waited for, as long as a drain is.
    let has_work = ask::control(instance, "ping")
        .await
        .is_some_and(|tasks| tasks.as_ref() != b"0");
    let is_patient = instance.load().idle_for < limits.idle_max + limits.drain_max;
    if (has_work && is_patient) || !instance.close_if_idle() {
        return false;
    }
    slot.forget(instance);
    if let Some(inner) = inner.upgrade() {
        counters::add(&inner.counters.evicted);
    }
    instance.end(InvocationFailure::Stopped);
    true
}

/// Where a process's clock cannot be read, only this is done.
async fn evict_when_idle(
    inner: &Weak<Inner>,
    slot: &Slot,
    instance: &Arc<Instance>,
    limits: &FunctionLimits,
) {
    loop {
        tokio::select! {
            _ = instance.process.ended() => return,
            () = tokio::time::sleep(IDLE_INTERVAL) => {}
        }
        if evict(inner, slot, instance, limits).await {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
