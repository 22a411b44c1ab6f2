//! Holm's socket in each process's folder: what a function cannot do by itself it asks for here.
//!
//! Who asks is known from the socket and from nothing else.

use std::sync::Arc;

use holm_types::DeploymentId;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::BoxFuture;
use crate::contract::{SUB_FAILURE, SUB_REQUEST, ascii_json};
use crate::counters::{self, Counters};
use crate::egress::{Egress, EgressError, Options};
use crate::invocation::RequestBody;

/// What a function asks of the outside, or of its own site.
#[derive(Debug)]
pub struct SubRequest {
    /// The invocation's id as the process names it (see [`ConsoleLine`](crate::ConsoleLine) for what that is
    /// worth); `None` outside of one.
    pub invocation: Option<String>,
    /// What for.
    pub method: Method,
    /// Where: absolute, `http` or `https`.
    pub url: String,
    /// With which headers, exactly.
    pub headers: HeaderMap,
    /// And which body.
    pub body: RequestBody,
}

/// Who answers what a function asks of its own site: assets and Node functions, never edge functions and
/// never middleware (EdgeOne, Fetch), so that nothing asks itself in a circle.
pub trait OwnSite: Send + Sync + std::fmt::Debug {
    /// Whether this host name shows this deployment.
    fn is_own(&self, deployment: DeploymentId, host: &str) -> bool;

    /// The site's own answer. An error is a sentence for the function's author.
    fn answer(
        &self,
        deployment: DeploymentId,
        request: SubRequest,
    ) -> BoxFuture<'_, Result<Response<RequestBody>, String>>;
}

/// What is behind a process's socket.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) deployment: DeploymentId,
    pub(crate) egress: Arc<Egress>,
    pub(crate) own_site: Option<Arc<dyn OwnSite>>,
    pub(crate) counters: Arc<Counters>,
}

#[derive(Deserialize)]
struct Said {
    invocation: Option<String>,
    url: String,
    method: String,
    headers: Vec<(String, String)>,
    #[serde(default)]
    options: Option<Options>,
    #[serde(default)]
    next: bool,
}

/// Serves the socket until it is dropped; `connections_max` connections at once, more wait.
pub(crate) async fn listen(listener: UnixListener, host: Arc<Host>, connections_max: usize) {
    let turns = Arc::new(Semaphore::new(connections_max.max(1)));
    let mut connections = JoinSet::new();
    loop {
        let Ok(turn) = turns.clone().acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            return;
        };
        let host = host.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let host = host.clone();
                async move { Ok::<_, std::convert::Infallible>(host.serve(request).await) }
            });
            let served = hyper::server::conn::http1::Builder::new()
                .max_headers(128)
                .serve_connection(TokioIo::new(stream), service);
            // What goes wrong on it the process sees for itself.
            drop(served.await);
            drop(turn);
        });
        while connections.try_join_next().is_some() {}
    }
}

impl Host {
    async fn serve(&self, request: Request<Incoming>) -> Response<RequestBody> {
        counters::add(&self.counters.sub_requests);
        let answered = match read(request) {
            Ok((said, sub_request)) => self.answer(said, sub_request).await,
            Err(why) => Err(why),
        };
        answered.unwrap_or_else(|why| refusal(&why))
    }

    async fn answer(
        &self,
        said: Said,
        request: SubRequest,
    ) -> Result<Response<RequestBody>, String> {
        let host = request
            .url
            .parse::<http::Uri>()
            .ok()
            .and_then(|uri| uri.host().map(str::to_owned))
            .ok_or_else(|| format!("fetch {:?}: not a URL", request.url))?;
        match &self.own_site {
            Some(own) if said.next || own.is_own(self.deployment, &host) => {
                own.answer(self.deployment, request).await
            }
            None if said.next => Err("next(): the site cannot be asked here".to_owned()),
            _ => {
                let options = said.options.unwrap_or_default();
                let fetched = self.egress.fetch(request, &options).await;
                fetched.map_err(|error| self.refused(&error))
            }
        }
    }

    fn refused(&self, error: &EgressError) -> String {
        if error.is_refusal() {
            counters::add(&self.counters.sub_requests_refused);
        }
        error.to_string()
    }
}

fn read(request: Request<Incoming>) -> Result<(Said, SubRequest), String> {
    let said = request
        .headers()
        .get(SUB_REQUEST)
        .ok_or("a sub-request without its header")?;
    let said: Said = serde_json::from_slice(said.as_bytes())
        .map_err(|error| format!("a sub-request that cannot be read: {error}"))?;
    let method = said
        .method
        .parse()
        .map_err(|_| format!("{:?} is no method", said.method))?;
    let sub_request = SubRequest {
        invocation: said.invocation.clone(),
        method,
        url: said.url.clone(),
        headers: headers(&said.headers)?,
        body: request.into_body().map_err(Into::into).boxed_unsync(),
    };
    Ok((said, sub_request))
}

fn headers(said: &[(String, String)]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::with_capacity(said.len());
    for (name, value) in said {
        let wrong = || format!("{name:?} is no header that can be sent");
        let name = HeaderName::try_from(name).map_err(|_| wrong())?;
        // The web's headers are bytes written as characters (Fetch standard, "isomorphic encode").
        let bytes: Option<Vec<u8>> = value
            .chars()
            .map(|character| u8::try_from(u32::from(character)).ok())
            .collect();
        let value = HeaderValue::from_bytes(&bytes.ok_or_else(wrong)?).map_err(|_| wrong())?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn refusal(why: &str) -> Response<RequestBody> {
    let mut response = Response::new(
        http_body_util::Empty::new()
            .map_err(|never| match never {})
            .boxed_unsync(),
    );
    *response.status_mut() = http::StatusCode::BAD_GATEWAY;
    // A header carries printable ASCII; what is beyond it in a name or a message is escaped.
    let value = HeaderValue::try_from(ascii_json(why));
    let value = value.unwrap_or_else(|_| HeaderValue::from_static("fetch failed"));
    response.headers_mut().insert(SUB_FAILURE, value);
    response
}
