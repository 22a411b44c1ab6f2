//! Sockets: binding, accepting, the sweep over open connections, and draining.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hashbrown::HashMap;
use holm_telemetry::event::TaskFailed;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

use crate::conn::{OpenConnection, serve_connection};
use crate::counters::count;
use crate::edge::{Edge, EdgeInner};
use crate::tls::{Certificate, TlsSettings};
use crate::watch::{ConnectionWatch, Drain, SweepClock};

/// Connections that the kernel keeps while nobody accepts them.
const BACKLOG_COUNT: i32 = 1024;
/// The time between two sweeps; shorter when a limit is.
const SWEEP_INTERVAL_MAX: Duration = Duration::from_secs(1);
/// How long accepting rests when the kernel refuses (mostly: out of file descriptors).
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// How serving a listener ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DrainReport {
    /// Connections that were open when the edge was told to stop.
    pub open_count: usize,
    /// Those of them that were still open after `drain_max` and were cut.
    pub cut_count: usize,
}

/// Opens a listener: address reusable at once after a restart, and a long enough queue. Port 0 takes
/// a free one.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG_COUNT)?;
    TcpListener::from_std(socket.into())
}

/// Waits until the value is true, or nobody is left to set it.
pub(crate) async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

impl Edge {
    /// Accepts and serves clear-text connections, HTTP/1.1 and HTTP/2 with prior knowledge, until
    /// `stop` is true (or its sender is gone), then lets requests in flight end, for `drain_max` at most
    /// (after [`Edge::hand_over`]: patiently).
    pub async fn serve(&self, listener: TcpListener, stop: watch::Receiver<bool>) -> DrainReport {
        self.serve_connections(listener, None, stop).await
    }

    /// As [`Edge::serve`], over TLS with this certificate; HTTP/2 where the client wants it (ALPN).
    pub async fn serve_tls(
        &self,
        listener: TcpListener,
        certificate: Certificate,
        stop: watch::Receiver<bool>,
    ) -> DrainReport {
        let tls = TlsSettings::new(certificate);
        self.serve_connections(listener, Some(tls), stop).await
    }

    async fn serve_connections(
        &self,
        listener: TcpListener,
        tls: Option<TlsSettings>,
        mut stop: watch::Receiver<bool>,
    ) -> DrainReport {
        let mut connections = Connections::new(Arc::clone(&self.inner), tls);
        let mut sweep = interval(connections.sweep_interval);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => connections.open(stream, peer),
                    Err(error) => {
                        let task = "accept".to_owned();
                        TaskFailed { task, reason: error.to_string() }.emit();
                        tokio::time::sleep(ACCEPT_REST).await;
                    }
                },
                Some(ended) = connections.tasks.join_next_with_id() => connections.closed(ended),
                _ = sweep.tick() => connections.sweep(),
                () = told_to_stop(&mut stop) => break,
            }
        }
        drop(listener);
        connections.drain().await
    }
}

/// The connections of one listener.
#[derive(Debug)]
struct Connections {
    edge: Arc<EdgeInner>,
    clock: Arc<SweepClock>,
    tls: Option<TlsSettings>,
    sweep_interval: Duration,
    tasks: JoinSet<()>,
    watches: HashMap<Id, Arc<ConnectionWatch>>,
}

impl Connections {
    fn new(edge: Arc<EdgeInner>, tls: Option<TlsSettings>) -> Self {
        let limits = &edge.config.limits;
        let shortest = limits
            .header_read_max
            .min(limits.idle_max)
            .min(limits.tls_handshake_max)
            .min(limits.write_stall_max);
        let clock = Arc::new(SweepClock::default());
        clock.set(edge.parts.clock.monotonic());
        Self {
            sweep_interval: (shortest / 4).clamp(Duration::from_millis(5), SWEEP_INTERVAL_MAX),
            clock,
            edge,
            tls,
            tasks: JoinSet::new(),
            watches: HashMap::new(),
        }
    }

    fn open(&mut self, stream: TcpStream, peer: SocketAddr) {
        let Some(place) = OpenConnection::take(&self.edge) else {
            count(&self.edge.counters.connections_refused);
            return;
        };
        if stream.set_nodelay(true).is_err() {
            // The client is gone already.
            return;
        }
        // Where the kernel cannot do this, its own limits hold.
        let unsent_bytes_max = self.edge.config.limits.unsent_bytes_max;
        let unsent_bytes_max = u32::try_from(unsent_bytes_max).unwrap_or(u32::MAX);
        SockRef::from(&stream)
            .set_tcp_notsent_lowat(unsent_bytes_max.max(1))
            .ok();
        let is_secure = self.tls.is_some();
        let watch = ConnectionWatch::new(peer.ip(), is_secure, Arc::clone(&self.clock));
        let watch = Arc::new(watch);
        let task = self.tasks.spawn(serve_connection(
            place,
            stream,
            Arc::clone(&watch),
            self.tls.clone(),
        ));
        self.watches.insert(task.id(), watch);
    }

    fn closed(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                let id = error.id();
                if let Ok(panic) = error.try_into_panic() {
                    self.edge.note_panic("connection", panic.as_ref());
                }
                id
            }
        };
        self.watches.remove(&id);
    }

    fn sweep(&self) {
        self.clock.set(self.edge.parts.clock.monotonic());
        for watch in self.watches.values() {
            watch.sweep(&self.edge.config.limits, self.sweep_interval);
        }
    }

    async fn drain(mut self) -> DrainReport {
        let open_count = self.tasks.len();
        let how = if self.edge.is_handed_over.load(Ordering::Acquire) {
            Drain::Patient
        } else {
            Drain::Prompt
        };
        for watch in self.watches.values() {
            watch.drain(how);
        }
        let mut sweep = interval(self.sweep_interval);
        let deadline = tokio::time::sleep(self.edge.config.limits.drain_max);
        let mut deadline = std::pin::pin!(deadline);
        while !self.tasks.is_empty() {
            tokio::select! {
                Some(ended) = self.tasks.join_next_with_id() => self.closed(ended),
                _ = sweep.tick() => self.sweep(),
                () = &mut deadline => break,
            }
        }
        let cut_count = self.tasks.len();
        self.tasks.shutdown().await;
        DrainReport {
            open_count,
            cut_count,
        }
    }
}
