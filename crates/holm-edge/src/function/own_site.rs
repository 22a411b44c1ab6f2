//! What a function asks of its own site is answered here, from what lies beneath the functions: redirects and
//! files, never code of the edge (functions spec 2.4). So nothing asks itself in a circle.

use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use bytes::Bytes;
use holm_functions::{BoxError, BoxFuture, OwnSite, RequestBody, SubRequest};
use holm_types::{DeploymentId, RequestId};
use http::header::{ACCEPT_ENCODING, HOST, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;

use super::call::mark_secure;
use crate::answer::Answer;
use crate::body::BodySource;
use crate::decide::{Gathered, Stage, decide};
use crate::edge::EdgeInner;
use crate::gate::Passed;
use crate::hosts::{HostRow, RowTarget};
use crate::serve::{self, WAIT_COUNT_MAX};

/// The sites of an edge, for their own functions.
#[derive(Debug)]
pub(super) struct OwnFiles {
    /// Weak: the edge has the functions, and they have this.
    edge: Weak<EdgeInner>,
}

impl OwnFiles {
    pub(super) fn new(edge: &Arc<EdgeInner>) -> Self {
        Self {
            edge: Arc::downgrade(edge),
        }
    }
}

impl OwnSite for OwnFiles {
    fn is_own(&self, deployment: DeploymentId, host: &str) -> bool {
        let edge = self.edge.upgrade();
        edge.is_some_and(|edge| row_of(&edge, deployment, host).is_some())
    }

    fn answer(
        &self,
        deployment: DeploymentId,
        request: SubRequest,
    ) -> BoxFuture<'_, Result<Response<RequestBody>, String>> {
        Box::pin(async move {
            let edge = self.edge.upgrade();
            let edge = edge.ok_or_else(|| "the server is stopping".to_owned())?;
            answer(&edge, deployment, request).await
        })
    }
}

/// The row of a host that shows a deployment: now, or when the deployment was asked for last.
fn row_of(edge: &EdgeInner, deployment: DeploymentId, host: &str) -> Option<Arc<HostRow>> {
    let host = host.to_ascii_lowercase();
    let shows = |row: &HostRow| match &row.target {
        RowTarget::Site(site) => site.shows(deployment),
        RowTarget::Gate { .. } => false,
    };
    let now = edge.hosts.load().find(&host).cloned();
    now.filter(|row| shows(row)).or_else(|| {
        let known = edge.functions.as_ref()?.known(deployment)?;
        (*known.row.host == *host).then_some(known.row)
    })
}

async fn answer(
    edge: &Arc<EdgeInner>,
    deployment: DeploymentId,
    request: SubRequest,
) -> Result<Response<RequestBody>, String> {
    let url = request.url.clone();
    let wrong = || format!("fetch {url}: not a URL of this site");
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let host = uri.host().ok_or_else(wrong)?;
    // `next()` goes on with the site that was asked, however it is called in the URL.
    let row = row_of(edge, deployment, host).or_else(|| {
        let known = edge.functions.as_ref()?.known(deployment)?;
        Some(known.row)
    });
    let row = row.ok_or_else(wrong)?;
    let is_head = request.method == Method::HEAD;
    let parts = parts_of(&uri, request).ok_or_else(wrong)?;
    let mut answer = plan_and_carry_out(edge, row, parts).await?;
    if is_head {
        answer.drop_body();
    }
    let mut response = Response::new(OwnBody(answer.body).boxed_unsync());
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    Ok(response)
}

fn parts_of(uri: &Uri, request: SubRequest) -> Option<Parts> {
    let path = uri.path_and_query()?.clone();
    let authority = HeaderValue::try_from(uri.authority()?.as_str()).ok()?;
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = request.method;
    parts.uri = path.into();
    parts.headers = request.headers;
    parts.headers.insert(HOST, authority);
    // Function and engine do not speak every coding that visitors do, and what is read is not sent on as it is.
    parts.headers.remove(ACCEPT_ENCODING);
    if uri.scheme() == Some(&http::uri::Scheme::HTTPS) {
        mark_secure(&mut parts);
    }
    Some(parts)
}

async fn plan_and_carry_out(
    edge: &Arc<EdgeInner>,
    row: Arc<HostRow>,
    mut parts: Parts,
) -> Result<Answer, String> {
    let failed = |refusal: crate::error::Refusal| format!("fetch: {}", refusal.reason);
    let RowTarget::Site(site_row) = &row.target else {
        return Err("fetch: the site shows no deployment".to_owned());
    };
    let site = edge.sites.load(&site_row.slot, &*edge.parts.blobs).await;
    let site = site.map_err(|error| crate::record::chain(&error))?;
    let mut gathered = Gathered {
        // It stands behind the gate: the visitor has come through it, or the function would not run.
        passed: Some(Passed {
            guard: row.guard.clone(),
            ..Passed::default()
        }),
        site: Some((row, site)),
        stage: Stage::OwnSite,
        ..Gathered::default()
    };
    let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    for _ in 0..WAIT_COUNT_MAX {
        match decide(edge, &parts, nobody, &mut gathered) {
            Ok(decision) => return Ok(serve::dress(edge, &mut parts, NO_REQUEST, decision)),
            Err(missing) => {
                let fetched = serve::fetch(edge, &mut gathered, missing).await;
                fetched.map_err(failed)?;
            }
        }
    }
    Err(failed(serve::dropped_too_fast()))
}

/// It has no record of its own: it is part of the visitor's request.
const NO_REQUEST: RequestId = RequestId::from_u64(0);

/// The bytes of an answer that goes to a function.
struct OwnBody(BodySource);

impl Body for OwnBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = self.get_mut().0.poll_bytes(cx);
        polled.map(|piece| piece.map(|piece| piece.map(Frame::data).map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.remaining_bytes() == 0
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
