//! One finished request.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use holm_types::{DeploymentId, ProjectId, RequestId, Timestamp};

/// What answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServedBy {
    /// A file.
    Asset,
    /// A redirect rule or the trailing slash.
    Redirect,
    /// A function.
    Function,
    /// Holm's own page: unknown host, gate, nothing at this path, refused request.
    Page,
    /// Nothing: the connection ended before there was a request.
    Connection,
}

/// How a request was framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.0 or older.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2.
    Http2,
}

/// Where the bytes came from, in the words of `EO-Cache-Status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheStatus {
    /// From memory.
    Hit,
    /// From memory, after its time was over and the store said that it still holds.
    RefreshHit,
    /// From the store.
    Miss,
    /// No cache was asked.
    Bypass,
}

/// Whose fault an error answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultSource {
    /// The visitor's request.
    Client,
    /// What the site's owner deployed.
    Site,
    /// Holm or its machine.
    Platform,
}

/// How sending ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// Every byte was handed over.
    Sent,
    /// The client went away first.
    ClientGone,
    /// Reading the body's source failed on our side.
    Failed,
}

/// One finished request. Exactly one is written per request, whatever happened.
#[derive(Clone, Debug)]
pub struct AccessRecord {
    /// When the request's head had arrived.
    pub at: Timestamp,
    /// `EO-LOG-UUID`.
    pub request_id: RequestId,
    /// From the head's arrival to the end of the body, in microseconds.
    pub duration_us: u64,
    /// The client's address: the peer, or what a trusted proxy says.
    pub peer: IpAddr,
    /// How the request was framed. `None` when there was no request.
    pub protocol: Option<Protocol>,
    /// Whether it came over TLS that ended here.
    pub is_secure: bool,
    /// The host as sent, shortened; empty when there was none.
    pub host: Arc<str>,
    /// The project. `None` for an unknown host.
    pub project_id: Option<ProjectId>,
    /// The deployment that answered. `None` when none did.
    pub deployment_id: Option<DeploymentId>,
    /// The method, shortened. Borrowed for the usual ones: a record costs few allocations.
    pub method: Cow<'static, str>,
    /// The target as sent (path and query), shortened; the value of `eo_token` is masked.
    pub target: Box<str>,
    /// The status sent; 0 when nothing was.
    pub status: u16,
    /// Body bytes handed over.
    pub sent_bytes: u64,
    /// What answered.
    pub served_by: ServedBy,
    /// Where the bytes came from.
    pub cache: CacheStatus,
    /// Whose fault. `None` when it is no error answer.
    pub fault: Option<FaultSource>,
    /// Why it failed, or which rule that only observes would have refused it, in plain words, for the owner's
    /// log. `None` when neither is so.
    pub reason: Option<Cow<'static, str>>,
    /// How sending ended.
    pub outcome: SendOutcome,
    /// `User-Agent`, shortened. `None` when there was none.
    pub user_agent: Option<Box<str>>,
    /// `Referer` without its query, shortened. `None` when there was none.
    pub referer: Option<Box<str>>,
}
