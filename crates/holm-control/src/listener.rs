//! The control listener: connections in, bounded in number and time; one gate before the router.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use holm_telemetry::event::TaskFailed;
use http::Request;
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::api::{self, Peer};
use crate::authz::origin;
use crate::core::Core;
use crate::error::{ApiError, chain};
use crate::guard;
use crate::rate::Taken;
use crate::stop::stopped;

/// How long to wait after the system refuses a connection (no descriptors left, for example).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Answers until `stop` is true or gone; then lets what is in flight finish, within a limit.
pub(crate) async fn serve(core: Arc<Core>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
    let limits = &core.config.limits;
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let gate = Gate {
        router: api::router(&core),
        core: Arc::clone(&core),
    };
    let stop_of_connections = stop.clone();
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        tokio::select! {
            () = stopped(&mut stop) => break,
            (place, accepted) = next => match accepted {
                Ok((stream, peer)) => {
                    let connection = Connection { stream, peer, _place: place };
                    tokio::spawn(connection.run(gate.clone(), stop_of_connections.clone()));
                }
                Err(error) => {
                    failed("control_accept", chain(&error));
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
    drop(listener);
    core.events.stop();
    let all = u32::try_from(limits.connections_max).unwrap_or(u32::MAX);
    let drained = tokio::time::timeout(limits.drain_time_max, places.acquire_many(all)).await;
    if drained.is_err() {
        failed(
            "control_drain",
            "requests that did not end in time are cut off".to_owned(),
        );
    }
}

fn failed(task: &str, reason: String) {
    TaskFailed {
        task: task.to_owned(),
        reason,
    }
    .emit();
}

/// One connection; holds its place among the allowed ones until it ends.
struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    _place: Option<OwnedSemaphorePermit>,
}

impl Connection {
    async fn run(self, gate: Gate, mut stop: watch::Receiver<bool>) {
        // A connection that cannot be told so is only a little slower.
        drop(self.stream.set_nodelay(true));
        let peer = self.peer;
        let head_time_max = gate.core.config.limits.head_time_max;
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let gate = gate.clone();
            async move { Ok::<_, Infallible>(gate.answer(peer, request).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(head_time_max)
            .serve_connection(TokioIo::new(self.stream), service);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            outcome = connection.as_mut() => {
                // How a client breaks off is its own affair.
                drop(outcome);
                return;
            }
            () = stopped(&mut stop) => {}
        }
        connection.as_mut().graceful_shutdown();
        drop(connection.await);
    }
}

/// What every request passes before the router.
#[derive(Clone)]
struct Gate {
    core: Arc<Core>,
    router: Router,
}

impl Gate {
    async fn answer(self, peer: SocketAddr, request: Request<Incoming>) -> Response {
        let request_id = self.core.request_ids.next();
        let clock = self.core.clock.as_ref();
        let trusted = &self.core.config.trusted_proxies;
        let peer = origin::address(peer.ip(), request.headers(), trusted);
        let taken = self.core.rates.take_address(peer, clock);
        let mut response = match self.check(&request, taken) {
            Ok(()) => {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(Peer(peer));
                request.extensions_mut().insert(request_id);
                let routed = TowerToHyperService::new(self.router).call(request).await;
                routed.unwrap_or_else(|never| match never {})
            }
            Err(error) => api::problem(error, request_id),
        };
        api::tell_rate(response.headers_mut(), "address", &taken);
        api::dress(response.headers_mut(), request_id);
        response
    }

    /// Whether the request did not come too often, and was meant for this listener.
    fn check(&self, request: &Request<Incoming>, taken: Taken) -> Result<(), ApiError> {
        guard::check(taken, "control.address_requests_max")?;
        origin::check(
            request.method(),
            request.uri(),
            request.headers(),
            &self.core.config.control_origin,
        )
    }
}
