//! What one connection is doing and since when, so that one sweep a moment can find those that are
//! too slow. Requests cost a few relaxed stores and no timer each.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::EdgeLimits;

/// The time of the last sweep, in milliseconds of the monotonic clock.
#[derive(Debug, Default)]
pub(crate) struct SweepClock(AtomicU64);

impl SweepClock {
    /// Sets the time.
    pub(crate) fn set(&self, now: Duration) {
        let ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        // 0 stands for "not stalled" below.
        self.0.store(ms.max(1), Ordering::Relaxed);
    }

    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Phase {
    /// Open, and not a byte came yet.
    Fresh = 0,
    /// Part of a request head has come.
    Head = 1,
    /// A request is being answered.
    Busy = 2,
    /// Between two requests.
    Idle = 3,
    /// Keys are being agreed upon.
    Handshake = 4,
}

impl Phase {
    fn from_u8(number: u8) -> Self {
        match number {
            0 => Self::Fresh,
            1 => Self::Head,
            2 => Self::Busy,
            4 => Self::Handshake,
            _ => Self::Idle,
        }
    }
}

/// How connections end while the edge stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Drain {
    /// The edge goes on.
    No = 0,
    /// What has no request ends at once, the rest after its answer.
    Prompt = 1,
    /// Another process goes on with the listener: every connection may have one more request, and is
    /// told with its answer that it was the last. Closing one that is idle would fail a request that is
    /// just being sent.
    Patient = 2,
}

/// Why a connection is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// TLS was not agreed upon in time.
    HandshakeTooSlow,
    /// The request head did not arrive in time.
    HeadTooSlow,
    /// No request in time.
    Idle,
    /// The client takes nothing.
    Stalled,
    /// The client takes too little.
    TakesTooSlowly,
    /// The client has left while code of the site was making its answer.
    Left,
}

const NO_VERDICT: u8 = 0;

impl Verdict {
    fn from_u8(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::HeadTooSlow),
            2 => Some(Self::Idle),
            3 => Some(Self::Stalled),
            4 => Some(Self::TakesTooSlowly),
            5 => Some(Self::HandshakeTooSlow),
            6 => Some(Self::Left),
            _ => None,
        }
    }

    const fn as_u8(self) -> u8 {
        match self {
            Self::HeadTooSlow => 1,
            Self::Idle => 2,
            Self::Stalled => 3,
            Self::TakesTooSlowly => 4,
            Self::HandshakeTooSlow => 5,
            Self::Left => 6,
        }
    }

    /// What the record of an answer that was cut short by it says.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::HandshakeTooSlow => "TLS was not agreed upon within edge.tls_handshake_max",
            Self::HeadTooSlow => "the request head did not arrive within edge.header_read_max",
            Self::Idle => "the connection was idle for edge.idle_max",
            Self::Stalled => "the client took nothing for edge.write_stall_max",
            Self::Left => "the client left before it had its answer",
            Self::TakesTooSlowly => "the client took less than edge.send_rate_min_bytes a second",
        }
    }
}

/// How long a client has kept the socket full, and from where it is counted what it took. Only the
/// sweep touches this.
#[derive(Debug, Default)]
struct TakingWindow {
    swept_ms: AtomicU64,
    blocked_ms: AtomicU64,
    written_bytes: AtomicU64,
}

/// What an HTTP/2 connection has going on at once. All zero on an HTTP/1 connection.
#[derive(Debug, Default)]
struct Streams {
    is_multiplexed: AtomicBool,
    /// Requests whose answer has not ended.
    open_count: AtomicU32,
    /// Answers of which something was handed over and waits for the client to make room.
    offered_count: AtomicU32,
}

/// One connection as the sweep and its own task see it.
#[derive(Debug)]
pub(crate) struct ConnectionWatch {
    peer: IpAddr,
    is_secure: bool,
    clock: Arc<SweepClock>,
    phase: AtomicU8,
    since_ms: AtomicU64,
    stalled_since_ms: AtomicU64,
    /// Bytes that the socket took since the opening.
    written_bytes: AtomicU64,
    taking: TakingWindow,
    streams: Streams,
    verdict: AtomicU8,
    drain: AtomicU8,
    lingers: AtomicBool,
    /// See [`ConnectionWatch::minds_leaving`].
    minds_leaving: AtomicBool,
    /// Whether a request has come whose answer may not be sent whole yet. Meaningless with HTTP/2.
    owes_answer: AtomicBool,
    wake: Notify,
}

impl ConnectionWatch {
    /// A connection that was just opened; a secure one begins with a handshake.
    pub(crate) fn new(peer: IpAddr, is_secure: bool, clock: Arc<SweepClock>) -> Self {
        let phase = if is_secure {
            Phase::Handshake
        } else {
            Phase::Fresh
        };
        Self {
            peer: peer.to_canonical(),
            is_secure,
            phase: AtomicU8::new(phase as u8),
            since_ms: AtomicU64::new(clock.now_ms()),
            clock,
            stalled_since_ms: AtomicU64::new(0),
            written_bytes: AtomicU64::new(0),
            taking: TakingWindow::default(),
            streams: Streams::default(),
            verdict: AtomicU8::new(NO_VERDICT),
            drain: AtomicU8::new(Drain::No as u8),
            lingers: AtomicBool::new(false),
            minds_leaving: AtomicBool::new(false),
            owes_answer: AtomicBool::new(false),
            wake: Notify::new(),
        }
    }

    /// The client's address.
    pub(crate) fn peer(&self) -> IpAddr {
        self.peer
    }

    /// Whether TLS ends here.
    pub(crate) fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// TLS was agreed upon; the time for the first request begins.
    pub(crate) fn handshake_ends(&self) {
        self.enter(Phase::Fresh);
    }

    /// From here on the connection is HTTP/2: it is idle while no request is open, and heads come in
    /// between each other.
    pub(crate) fn multiplex(&self) {
        self.enter(Phase::Idle);
        self.streams.is_multiplexed.store(true, Ordering::Relaxed);
    }

    /// Whether several requests may be open at once.
    pub(crate) fn is_multiplexed(&self) -> bool {
        self.streams.is_multiplexed.load(Ordering::Relaxed)
    }

    /// On an HTTP/2 connection an answer waits for the client to make room, or does so no longer: the
    /// socket alone does not tell, because there the client opens a window for each answer.
    pub(crate) fn offers(&self, is_offered: bool) {
        let count = &self.streams.offered_count;
        if is_offered {
            count.fetch_add(1, Ordering::Relaxed);
        } else {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn phase(&self) -> Phase {
        match Phase::from_u8(self.phase.load(Ordering::Relaxed)) {
            // Requests begin and end on several threads, so only their count is to be trusted.
            _ if self.is_multiplexed() => match self.streams.open_count.load(Ordering::Relaxed) {
                0 => Phase::Idle,
                _ => Phase::Busy,
            },
            phase => phase,
        }
    }

    fn enter(&self, phase: Phase) {
        self.since_ms.store(self.clock.now_ms(), Ordering::Relaxed);
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// Bytes came in. On an HTTP/2 connection that alone makes nobody busy.
    pub(crate) fn bytes_read(&self) {
        if self.is_multiplexed() {
            return;
        }
        match self.phase() {
            // The time for the head runs from the opening, or from its first byte on a kept connection.
            Phase::Fresh => self.phase.store(Phase::Head as u8, Ordering::Relaxed),
            Phase::Idle => self.enter(Phase::Head),
            Phase::Head | Phase::Busy | Phase::Handshake => {}
        }
    }

    /// A request's head has arrived.
    pub(crate) fn request_begins(&self) {
        if self.is_multiplexed() {
            self.streams.open_count.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.phase.store(Phase::Busy as u8, Ordering::Relaxed);
        self.owes_answer.store(true, Ordering::Relaxed);
    }

    /// Whether what is written now belongs to an answer.
    pub(crate) fn owes_answer(&self) -> bool {
        self.owes_answer.load(Ordering::Relaxed)
    }

    /// Everything that was written so far is on its way.
    pub(crate) fn flushed(&self) {
        if self.phase() != Phase::Busy {
            self.owes_answer.store(false, Ordering::Relaxed);
        }
    }

    /// An answer has ended.
    pub(crate) fn request_ends(&self) {
        if self.is_multiplexed() {
            self.since_ms.store(self.clock.now_ms(), Ordering::Relaxed);
            self.streams.open_count.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        self.enter(Phase::Idle);
    }

    /// The socket takes no more for now.
    pub(crate) fn write_blocked(&self) {
        if self.stalled_since_ms.load(Ordering::Relaxed) == 0 {
            self.stalled_since_ms
                .store(self.clock.now_ms(), Ordering::Relaxed);
        }
    }

    /// The socket took so many bytes.
    pub(crate) fn write_progressed(&self, bytes: usize) {
        // Only the connection's task writes here, so this need not be one step.
        let written = self.written_bytes.load(Ordering::Relaxed) + bytes as u64;
        self.written_bytes.store(written, Ordering::Relaxed);
        if self.stalled_since_ms.load(Ordering::Relaxed) != 0 {
            self.stalled_since_ms.store(0, Ordering::Relaxed);
        }
    }

    /// The client may still be sending what nobody will read: read it for a moment before closing,
    /// so that the answer is not lost to a reset.
    pub(crate) fn linger(&self) {
        self.lingers.store(true, Ordering::Relaxed);
    }

    /// See [`ConnectionWatch::linger`].
    pub(crate) fn lingers(&self) -> bool {
        self.lingers.load(Ordering::Relaxed)
    }

    /// Whether the connection ends as soon as the client says that it sends nothing more: it has most likely
    /// left, and code that makes an answer for nobody takes a place from others. Never with HTTP/2, which says
    /// so itself.
    pub(crate) fn minds_leaving(&self) -> bool {
        self.minds_leaving.load(Ordering::Relaxed)
    }

    /// The client has left; does nothing unless [`ConnectionWatch::minds_leaving`].
    pub(crate) fn client_left(&self) {
        if self.minds_leaving.swap(false, Ordering::Relaxed) {
            self.verdict.store(Verdict::Left.as_u8(), Ordering::Release);
            self.wake.notify_one();
        }
    }

    /// Whether part of a request head, and no request, was seen.
    pub(crate) fn is_reading_head(&self) -> bool {
        self.phase() == Phase::Head
    }

    /// Judges the connection, and wakes its task when it is to end. `slack` is the time between two
    /// sweeps: times here may be that much too early, and nobody is to be cut short.
    pub(crate) fn sweep(&self, limits: &EdgeLimits, slack: Duration) -> Option<Verdict> {
        let now = self.clock.now_ms();
        let is_over = |since: u64, max: Duration| {
            Duration::from_millis(now.saturating_sub(since)) >= max + slack
        };
        let since = self.since_ms.load(Ordering::Relaxed);
        let stalled_since = self.stalled_since_ms.load(Ordering::Relaxed);
        let verdict = match self.phase() {
            Phase::Handshake if is_over(since, limits.tls_handshake_max) => {
                Some(Verdict::HandshakeTooSlow)
            }
            Phase::Fresh if is_over(since, limits.header_read_max) => Some(Verdict::Idle),
            Phase::Head if is_over(since, limits.header_read_max) => Some(Verdict::HeadTooSlow),
            Phase::Idle if is_over(since, limits.idle_max) && stalled_since == 0 => {
                Some(Verdict::Idle)
            }
            _ if stalled_since != 0 && is_over(stalled_since, limits.write_stall_max) => {
                Some(Verdict::Stalled)
            }
            _ if self.takes_too_slowly(limits, slack) => Some(Verdict::TakesTooSlowly),
            _ => None,
        }?;
        self.verdict.store(verdict.as_u8(), Ordering::Release);
        self.wake.notify_one();
        Some(verdict)
    }

    /// Counts the time since the sweep before if the client makes no room now, and judges once that
    /// time is `write_stall_max`: time in which we, or the client, have nothing to send is not the
    /// client's slowness.
    fn takes_too_slowly(&self, limits: &EdgeLimits, slack: Duration) -> bool {
        let now = self.clock.now_ms();
        let swept = self.taking.swept_ms.swap(now, Ordering::Relaxed);
        let stalled_since = self.stalled_since_ms.load(Ordering::Relaxed);
        let is_offered = self.streams.offered_count.load(Ordering::Relaxed) > 0;
        if stalled_since == 0 && !is_offered {
            return false;
        }
        let blocked = self.taking.blocked_ms.load(Ordering::Relaxed)
            + now.saturating_sub(swept.max(stalled_since));
        if Duration::from_millis(blocked) < limits.write_stall_max + slack {
            self.taking.blocked_ms.store(blocked, Ordering::Relaxed);
            return false;
        }
        let written = self.written_bytes.load(Ordering::Relaxed);
        let before = self.taking.written_bytes.swap(written, Ordering::Relaxed);
        self.taking.blocked_ms.store(0, Ordering::Relaxed);
        let due = limits.send_rate_min_bytes.saturating_mul(blocked) / 1000;
        written.saturating_sub(before) < due
    }

    /// Tells the task to end the connection, promptly or patiently.
    pub(crate) fn drain(&self, how: Drain) {
        self.drain.store(how as u8, Ordering::Release);
        self.wake.notify_one();
    }

    /// Whether the edge stops, in whichever way.
    pub(crate) fn is_draining(&self) -> bool {
        self.drain.load(Ordering::Acquire) != Drain::No as u8
    }

    /// Whether the connection is to end as soon as no request is open.
    pub(crate) fn is_draining_promptly(&self) -> bool {
        self.drain.load(Ordering::Acquire) == Drain::Prompt as u8
    }

    /// Whether the next answer of a connection is its last, and says so.
    pub(crate) fn is_draining_patiently(&self) -> bool {
        self.drain.load(Ordering::Acquire) == Drain::Patient as u8
    }

    /// Why the connection is to end at once. `None` when it is not.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        Verdict::from_u8(self.verdict.load(Ordering::Acquire))
    }

    /// Waits until there is a verdict about a connection that has had no request yet. `None` when it is
    /// to end because nothing came on it and a prompt draining has begun.
    pub(crate) async fn judged_or_unused(&self) -> Option<Verdict> {
        loop {
            if let Some(verdict) = self.verdict() {
                return Some(verdict);
            }
            if self.is_draining_promptly() && self.phase() == Phase::Fresh {
                return None;
            }
            self.woken().await;
        }
    }

    /// Waits until there is a verdict or draining begins.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }
}

/// While this is held, the connection minds its client's leaving.
#[derive(Debug)]
pub(crate) struct MindsLeaving(Arc<ConnectionWatch>);

impl MindsLeaving {
    /// From here on. `None` on an HTTP/2 connection.
    pub(crate) fn begin(watch: &Arc<ConnectionWatch>) -> Option<Self> {
        if watch.is_multiplexed() {
            return None;
        }
        watch.minds_leaving.store(true, Ordering::Relaxed);
        Some(Self(Arc::clone(watch)))
    }
}

impl Drop for MindsLeaving {
    fn drop(&mut self) {
        self.0.minds_leaving.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[path = "watch/tests.rs"]
mod tests;
