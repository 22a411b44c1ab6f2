//! The one way out: every request of every function to another server is made here.
//!
//! A name is resolved once, each address is checked, and the connection goes to an address that was checked;
//! so what a name means cannot change in between. Redirects are not followed here: the function's side asks
//! again for each, and is checked again.

mod address;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use holm_types::IpNetworkSet;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::BodyExt;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::BoxFuture;
use crate::host_socket::SubRequest;
use crate::invocation::RequestBody;
use crate::limits::FunctionLimits;
use crate::supervisor::strip;

/// Where functions may send requests.
#[derive(Clone, Debug, Default)]
pub struct EgressPolicy {
    /// Networks beside the public ones that the operator lets functions reach.
    pub also: IpNetworkSet,
}

/// Who makes addresses of names.
pub trait Resolve: Send + Sync + std::fmt::Debug {
    /// All addresses of a host, which may be an address itself.
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;
}

/// The resolver of the system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolve;

impl Resolve for SystemResolve {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }
}

/// The `eo` options of `fetch` that are about the connection (EdgeOne, Fetch).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Options {
    /// Connect to this host or address; name and `Host` stay those of the URL.
    resolve_override: Option<String>,
    timeout_setting: Option<Timeouts>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Timeouts {
    connect_timeout: Option<f64>,
    read_timeout: Option<f64>,
}

/// Why a sub-request has no answer. `Display` is for the function's author.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EgressError {
    #[error("fetch {url}: only http and https")]
    Scheme { url: String },
    #[error("fetch {url}: not a URL with a host")]
    Url { url: String },
    #[error("fetch {host}: the name cannot be resolved")]
    Unresolved { host: String },
    #[error("fetch {host}: it has no address that functions may reach ({address} is not public)")]
    Refused { host: String, address: IpAddr },
    #[error("fetch {host}: cannot connect: {reason}")]
    Connect { host: String, reason: String },
    #[error("fetch {host}: no connection after {} ms", allowed.as_millis())]
    ConnectTime { host: String, allowed: Duration },
    #[error("fetch {host}: no answer after {} ms", allowed.as_millis())]
    HeadTime { host: String, allowed: Duration },
    #[error("fetch {host}: the connection broke: {reason}")]
    Broken { host: String, reason: String },
}

impl EgressError {
    /// Whether it was not even tried.
    pub(crate) const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Scheme { .. })
    }
}

/// The connector.
pub(crate) struct Egress {
    policy: EgressPolicy,
    resolve: Arc<dyn Resolve>,
    tls: TlsConnector,
    connect_max: Duration,
    head_max: Duration,
}

impl std::fmt::Debug for Egress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Egress")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// Where a request goes, taken from its URL.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    is_tls: bool,
    host: String,
    port: u16,
    authority: String,
    path: String,
}

/// A connection to anything, TLS or not.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Egress {
    pub(crate) fn new(
        policy: EgressPolicy,
        resolve: Arc<dyn Resolve>,
        limits: &FunctionLimits,
    ) -> Result<Self, rustls::Error> {
        let roots: rustls::RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            policy,
            resolve,
            tls: TlsConnector::from(Arc::new(tls)),
            connect_max: limits.egress_connect_max,
            head_max: limits.egress_head_max,
        })
    }

    /// Makes one request; the answer comes as it is, redirects included.
    pub(crate) async fn fetch(
        &self,
        request: SubRequest,
        options: &Options,
    ) -> Result<Response<RequestBody>, EgressError> {
        let target = target(&request.url)?;
        let timeouts = options.timeout_setting.clone().unwrap_or_default();
        let connect_max = capped(timeouts.connect_timeout, self.connect_max);
        let head_max = capped(timeouts.read_timeout, self.head_max);
        let connecting = self.connect(&target, options.resolve_override.as_deref());
        let stream = tokio::time::timeout(connect_max, connecting)
            .await
            .map_err(|_| EgressError::ConnectTime {
                host: target.host.clone(),
                allowed: connect_max,
            })??;
        let asking = exchange(stream, outgoing(request, &target), &target.host);
        tokio::time::timeout(head_max, asking)
            .await
            .map_err(|_| EgressError::HeadTime {
                host: target.host.clone(),
                allowed: head_max,
            })?
    }

    async fn connect(
        &self,
        target: &Target,
        instead: Option<&str>,
    ) -> Result<Box<dyn Stream>, EgressError> {
        let addresses = self
            .addresses(instead.unwrap_or(&target.host), target.port)
            .await?;
        let failed = |error: io::Error| EgressError::Connect {
            host: target.host.clone(),
            reason: error.to_string(),
        };
        let tcp = dial(&addresses).await.map_err(failed)?;
        // Small writes wait for nothing; an error here is told by the next write.
        drop(tcp.set_nodelay(true));
        if !target.is_tls {
            return Ok(Box::new(tcp));
        }
        let name = rustls::pki_types::ServerName::try_from(target.host.clone());
        let name = name.map_err(|error| failed(io::Error::other(error)))?;
        let tls = self.tls.connect(name, tcp).await.map_err(failed)?;
        Ok(Box::new(tls))
    }

    /// The addresses of a host that may be reached: resolved here, and nowhere again.
    async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, EgressError> {
        let unresolved = || EgressError::Unresolved {
            host: host.to_owned(),
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found = if let Ok(address) = bare.parse::<IpAddr>() {
            vec![SocketAddr::new(address, port)]
        } else {
            let resolved = self.resolve.resolve(bare, port).await;
            resolved.map_err(|_| unresolved())?
        };
        let first = found.first().ok_or_else(unresolved)?.ip();
        let allowed: Vec<SocketAddr> = found
            .into_iter()
            .filter(|address| self.may_reach(address.ip()))
            .collect();
        if allowed.is_empty() {
            return Err(EgressError::Refused {
                host: host.to_owned(),
                address: first,
            });
        }
        Ok(allowed)
    }

    fn may_reach(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address::is_public(address) || self.policy.also.contains(address)
    }
}

/// A wish in milliseconds, within what is allowed.
fn capped(wish: Option<f64>, max: Duration) -> Duration {
    wish.filter(|ms| ms.is_finite() && *ms >= 1.0)
        .and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok())
        .map_or(max, |wish| wish.min(max))
}

fn target(url: &str) -> Result<Target, EgressError> {
    let wrong = || EgressError::Url {
        url: url.to_owned(),
    };
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let is_tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => {
            return Err(EgressError::Scheme {
                url: url.to_owned(),
            });
        }
    };
    let host = uri
        .host()
        .filter(|host| !host.is_empty())
        .ok_or_else(wrong)?;
    let default_port = if is_tls { 443 } else { 80 };
    let port = uri.port_u16().unwrap_or(default_port);
    let authority = match uri.port_u16() {
        Some(port) if port != default_port => format!("{host}:{port}"),
        _ => host.to_owned(),
    };
    Ok(Target {
        is_tls,
        host: host.trim_matches(['[', ']']).to_owned(),
        port,
        authority,
        path: uri
            .path_and_query()
            .map_or_else(|| "/".to_owned(), ToString::to_string),
    })
}

async fn dial(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The request as the other server gets it.
fn outgoing(request: SubRequest, target: &Target) -> Request<RequestBody> {
    let mut headers = request.headers;
    strip(&mut headers);
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::EXPECT);
    if !headers.contains_key(header::HOST)
        && let Ok(host) = HeaderValue::try_from(&target.authority)
    {
        headers.insert(header::HOST, host);
    }
    // RFC 8586: whoever meets its own name here too often is in a circle.
    headers.append("cdn-loop", HeaderValue::from_static("holm"));
    let mut out = Request::new(request.body);
    *out.method_mut() = request.method;
    if let Ok(path) = target.path.parse() {
        *out.uri_mut() = path;
    }
    *out.headers_mut() = headers;
    out
}

async fn exchange(
    stream: Box<dyn Stream>,
    request: Request<RequestBody>,
    host: &str,
) -> Result<Response<RequestBody>, EgressError> {
    let broken = |error: hyper::Error| EgressError::Broken {
        host: host.to_owned(),
        reason: error.to_string(),
    };
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // What goes wrong on it is told by the answer or its body.
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(broken)?;
    let (mut parts, body) = response.into_parts();
    strip(&mut parts.headers);
    Ok(Response::from_parts(
        parts,
        body.map_err(Into::into).boxed_unsync(),
    ))
}

#[cfg(test)]
mod tests;
