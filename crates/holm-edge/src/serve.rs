//! Carrying out: decide, fetch what was missing, decide again, dress. Most requests never wait and
//! are answered within the call; only the others cost a future of their own.

use std::any::Any;
use std::future::Future;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use holm_site::Redirect;
use holm_storage::{BlobError, ContentCoding};
use holm_telemetry::event::RequestFailed;
use holm_telemetry::{FaultSource, ServedBy};
use holm_types::{RequestId, VisitorCode};
use http::header::{ALLOW, CACHE_CONTROL, HeaderMap, HeaderValue, LOCATION};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;

use crate::admit::{Admitted, admit};
use crate::answer::{Answer, MUST_REVALIDATE, mark_preview, recycled_headers};
use crate::asset::{AssetAnswer, BlobWanted};
use crate::body::{AnswerBody, BodySource};
use crate::cache::{self, CachedBlob};
use crate::decide::{Decision, Gathered, Missing, Outcome, decide};
use crate::discard::{Discarded, discard};
use crate::edge::EdgeInner;
use crate::error::Refusal;
use crate::function::{self, Asking};
use crate::gate::{self, Passed};
use crate::head::OverTls;
use crate::hosts::{HostRow, RowTarget};
use crate::page::PageFormat;
use crate::record::{Draft, Note, chain};
use crate::rule_headers::{RuleHeaders, Subject};
use crate::watch::ConnectionWatch;

/// How often one request may have to wait for something before it is given up: a site, a blob in an
/// encoded form, the blob as it was deployed, and one to spare.
pub(crate) const WAIT_COUNT_MAX: usize = 4;

/// What answers the requests of one connection.
#[derive(Debug)]
pub(crate) struct ConnectionService {
    edge: Arc<EdgeInner>,
    watch: Arc<ConnectionWatch>,
}

impl ConnectionService {
    /// The service of one connection.
    pub(crate) fn new(edge: Arc<EdgeInner>, watch: Arc<ConnectionWatch>) -> Self {
        Self { edge, watch }
    }
}

impl hyper::service::Service<Request<Incoming>> for ConnectionService {
    type Response = Response<AnswerBody>;
    type Error = std::convert::Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Answering {
        let (mut parts, body) = request.into_parts();
        if self.watch.is_secure() {
            parts.extensions.insert(OverTls);
        }
        let draft = Draft::begin(&self.edge, &self.watch, &parts);
        let request_id = draft.request_id();
        let is_head = parts.method == Method::HEAD;
        let begun = catch_unwind(AssertUnwindSafe(|| {
            begin(&self.edge, &self.watch, parts, body, request_id)
        }));
        match begun {
            Ok(Progress::Now(answer)) => Answering::Now(answer.into_response(is_head, draft)),
            Ok(Progress::Later(future)) => Answering::Later(Box::new(Waiting {
                edge: Arc::clone(&self.edge),
                is_head,
                draft,
                future,
            })),
            Err(panic) => {
                let answer = after_panic(&self.edge, request_id, panic.as_ref());
                Answering::Now(answer.into_response(is_head, draft))
            }
        }
    }
}

/// An answer, or the wait for it.
#[expect(
    clippy::large_enum_variant,
    reason = "the large variant is the usual one, and boxing it would cost an allocation a request"
)]
enum Progress {
    Now(Answer),
    Later(Pin<Box<dyn Future<Output = Answer> + Send>>),
}

/// One request on its way to a response.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "the large variant is the usual one, and boxing it would cost an allocation a request"
)]
pub(crate) enum Answering {
    /// There.
    Now(Response<AnswerBody>),
    /// Waiting for a body, a site or a blob.
    Later(Box<Waiting>),
    /// Handed over.
    Done,
}

/// A request that waits.
pub(crate) struct Waiting {
    edge: Arc<EdgeInner>,
    is_head: bool,
    draft: Draft,
    future: Pin<Box<dyn Future<Output = Answer> + Send>>,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting")
            .field("draft", &self.draft)
            .finish_non_exhaustive()
    }
}

impl Future for Answering {
    type Output = Result<Response<AnswerBody>, std::convert::Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        match std::mem::replace(this, Self::Done) {
            Self::Now(response) => Poll::Ready(Ok(response)),
            Self::Done => Poll::Pending,
            Self::Later(mut waiting) => {
                let future = waiting.future.as_mut();
                let answer = match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
                    Ok(Poll::Ready(answer)) => answer,
                    Ok(Poll::Pending) => {
                        *this = Self::Later(waiting);
                        return Poll::Pending;
                    }
                    Err(panic) => {
                        after_panic(&waiting.edge, waiting.draft.request_id(), panic.as_ref())
                    }
                };
                Poll::Ready(Ok(answer.into_response(waiting.is_head, waiting.draft)))
            }
        }
    }
}

/// A panic is a bug, and one request's: it is counted, answered, and the connection ends.
fn after_panic(edge: &EdgeInner, request_id: RequestId, panic: &(dyn Any + Send)) -> Answer {
    edge.note_panic("request", panic);
    let refusal = Refusal::closing(VisitorCode::InternalError, "a panic while answering");
    Answer::page(
        edge,
        HeaderMap::new(),
        PageFormat::Html,
        refusal,
        request_id,
    )
}

/// Answers at once if nothing has to be waited for.
fn begin(
    edge: &Arc<EdgeInner>,
    watch: &Arc<ConnectionWatch>,
    mut parts: Parts,
    body: Incoming,
    request_id: RequestId,
) -> Progress {
    let peer = watch.peer();
    let admitted = match admit(&parts, &edge.config.limits).and_then(|admitted| {
        check_in_flight(edge)?;
        Ok(admitted)
    }) {
        Ok(admitted) => admitted,
        Err(refusal) => return Progress::Now(page(edge, &mut parts, request_id, refusal)),
    };
    let edge = Arc::clone(edge);
    if !body.is_end_stream() {
        parts.extensions.insert(Arc::clone(watch));
        let answer = answer_with_body(edge, parts, body, (request_id, peer), admitted);
        return Progress::Later(Box::pin(answer));
    }
    let mut gathered = Gathered::default();
    match answer_now(&edge, &mut parts, (request_id, peer), &mut gathered) {
        Ok(mut answer) => {
            answer.closes |= admitted.closes;
            Progress::Now(answer)
        }
        Err(missing) => {
            let asker = (request_id, peer);
            parts.extensions.insert(Arc::clone(watch));
            Progress::Later(Box::pin(async move {
                let mut answer = fetch_and_answer(edge, parts, asker, gathered, missing).await;
                answer.closes |= admitted.closes;
                answer
            }))
        }
    }
}

fn check_in_flight(edge: &EdgeInner) -> Result<(), Refusal> {
    let in_flight = edge.counters.requests_in_flight.load(Ordering::Relaxed);
    if in_flight > edge.config.limits.requests_in_flight_max {
        return Err(Refusal::closing(
            VisitorCode::ServiceUnavailable,
            "edge.requests_in_flight_max is reached",
        ));
    }
    Ok(())
}

/// Gets the body out of the way, then answers.
async fn answer_with_body(
    edge: Arc<EdgeInner>,
    mut parts: Parts,
    body: Incoming,
    (request_id, peer): (RequestId, IpAddr),
    admitted: Admitted,
) -> Answer {
    if gate::password::may_be_form(&parts)
        && let Some(row) = gate::password::asking_row(&edge, &parts)
    {
        let asker = (request_id, peer);
        let mut answer = gate::password::answer(&edge, &row, &mut parts, body, asker).await;
        answer.closes |= admitted.closes;
        answer.note.about(&row);
        return answer;
    }
    let asking = Asking::new(edge, parts, (request_id, peer));
    let (asking, body) = match function::answer_with_body(asking, body).await {
        Ok(mut answer) => {
            answer.closes |= admitted.closes;
            return answer;
        }
        Err(given_back) => given_back,
    };
    let Asking {
        edge, mut parts, ..
    } = asking;
    let closes = match discard_body(&edge, &parts, body, admitted).await {
        Ok(is_read) => admitted.closes || !is_read,
        Err(refusal) => return page(&edge, &mut parts, request_id, refusal),
    };
    let asker = (request_id, peer);
    let mut gathered = Gathered::default();
    let mut answer = match answer_now(&edge, &mut parts, asker, &mut gathered) {
        Ok(answer) => answer,
        Err(missing) => fetch_and_answer(edge, parts, asker, gathered, missing).await,
    };
    answer.closes |= closes;
    answer
}

/// True when the body was read to its end, so that the connection can go on.
pub(crate) async fn discard_body(
    edge: &EdgeInner,
    parts: &Parts,
    body: Incoming,
    admitted: Admitted,
) -> Result<bool, Refusal> {
    if admitted.waits_for_continue {
        // Nobody wants the body, so it is not asked for; whether it comes all the same is unknown.
        return Ok(false);
    }
    // A method that is not for files is told so, however large its body is.
    let is_told_about_size = [Method::GET, Method::HEAD, Method::OPTIONS].contains(&parts.method);
    match discard(body, &edge.config.limits).await {
        Discarded::All => Ok(true),
        Discarded::Broken => Err(Refusal::closing(
            VisitorCode::BadRequest,
            "the request body breaks HTTP or was cut off",
        )),
        Discarded::TooLarge if is_told_about_size => Err(Refusal::closing(
            VisitorCode::PayloadTooLarge,
            "the request body is larger than edge.body_bytes_max",
        )),
        Discarded::TooSlow if is_told_about_size => Err(Refusal::closing(
            VisitorCode::RequestTimeout,
            "the request body did not arrive within edge.body_read_max",
        )),
        Discarded::TooLarge | Discarded::TooSlow => Ok(false),
    }
}

/// Fetches what is missing and asks again, until there is an answer.
async fn fetch_and_answer(
    edge: Arc<EdgeInner>,
    mut parts: Parts,
    (request_id, peer): (RequestId, IpAddr),
    mut gathered: Gathered,
    mut missing: Missing,
) -> Answer {
    for _ in 0..WAIT_COUNT_MAX {
        let row = Arc::clone(missing.row());
        if let Missing::Call(row, decision) = missing {
            let asking = Asking::gathered(edge, parts, (request_id, peer), gathered);
            return function::answer(asking, row, *decision).await;
        }
        if let Err(refusal) = fetch(&edge, &mut gathered, missing).await {
            let reason = refusal.reason.clone().into_owned();
            RequestFailed { request_id, reason }.emit();
            let mut answer = page(&edge, &mut parts, request_id, refusal);
            answer.note.about(&row);
            return answer;
        }
        match answer_now(&edge, &mut parts, (request_id, peer), &mut gathered) {
            Ok(answer) => return answer,
            Err(next) => missing = next,
        }
    }
    page(&edge, &mut parts, request_id, dropped_too_fast())
}

/// Waiting has not led to an answer.
pub(crate) fn dropped_too_fast() -> Refusal {
    Refusal::new(
        VisitorCode::ServiceUnavailable,
        "what the answer is made of is dropped from memory faster than it can be used",
    )
}

/// Fetches what a decision lacks.
pub(crate) async fn fetch(
    edge: &EdgeInner,
    gathered: &mut Gathered,
    missing: Missing,
) -> Result<(), Refusal> {
    let blobs = &*edge.parts.blobs;
    let platform_fault =
        |error: &dyn std::error::Error| Refusal::new(VisitorCode::InternalError, chain(error));
    match missing {
        Missing::Site(row) => {
            let RowTarget::Site(site_row) = &row.target else {
                return Ok(());
            };
            let site = edge.sites.load(&site_row.slot, blobs).await;
            let site = site.map_err(|error| platform_fault(&error))?;
            gathered.site = Some((row, site));
        }
        Missing::Blob(_, wanted) => match fetch_blob(edge, &wanted).await {
            Ok(blob) => gathered.blob = Some((wanted.key, blob)),
            Err(_) if wanted.key.coding != ContentCoding::Identity => {
                gathered.is_identity_only = true;
            }
            Err(error) => return Err(platform_fault(&error)),
        },
        Missing::Call(..) => {}
    }
    Ok(())
}

async fn fetch_blob(edge: &EdgeInner, wanted: &BlobWanted) -> Result<Arc<CachedBlob>, BlobError> {
    let blobs = &*edge.parts.blobs;
    if wanted.bypasses_memory {
        cache::read(&wanted.key, wanted.blob, blobs).await
    } else {
        edge.cache.load(&wanted.key, wanted.blob, blobs).await
    }
}

/// Decides and dresses, without waiting for anything.
fn answer_now(
    edge: &EdgeInner,
    parts: &mut Parts,
    (request_id, peer): (RequestId, IpAddr),
    gathered: &mut Gathered,
) -> Result<Answer, Missing> {
    let decision = decide(edge, parts, peer, gathered)?;
    if let (Outcome::Call(_), Some(row)) = (&decision.outcome, &decision.row) {
        return Err(Missing::Call(Arc::clone(row), Box::new(decision)));
    }
    Ok(dress(edge, parts, request_id, decision))
}

/// Makes the answer of a decision; the site's header rules come last and overwrite.
pub(crate) fn dress(
    edge: &EdgeInner,
    parts: &mut Parts,
    request_id: RequestId,
    decision: Decision,
) -> Answer {
    let Decision {
        row,
        host_text,
        rules,
        passed,
        outcome,
    } = decision;
    let outcome = match outcome {
        Outcome::Gate(gate) => {
            let mut answer = gate::dress(edge, parts, request_id, gate);
            if let Some(row) = &row {
                answer.note.about(row);
            }
            return answer;
        }
        outcome => outcome,
    };
    let (mut answer, subject) = carry_out(edge, parts, request_id, row.as_deref(), outcome);
    let dress = Dress {
        row,
        host_text,
        rules,
        passed,
    };
    dress.put_on(subject, &mut answer);
    answer
}

/// Makes the answer of an outcome, and what the site's rules are set on.
pub(crate) fn carry_out(
    edge: &EdgeInner,
    parts: &mut Parts,
    request_id: RequestId,
    row: Option<&HostRow>,
    outcome: Outcome,
) -> (Answer, Subject) {
    let mut subject = Subject::Message;
    let answer = match outcome {
        Outcome::Gate(gate) => gate::dress(edge, parts, request_id, gate),
        Outcome::Page(refusal) => page(edge, parts, request_id, refusal),
        Outcome::Redirect(redirect) => match redirect_answer(parts, redirect) {
            Ok(answer) => answer,
            Err(refusal) => page(edge, parts, request_id, refusal),
        },
        Outcome::Asset {
            answer,
            subject: of_file,
        } => {
            subject = of_file;
            asset_answer(parts, row, answer)
        }
        Outcome::Methods => methods_answer(parts),
        Outcome::Call(_) => {
            let reason = "the site's code was to be asked where it cannot be";
            let refusal = Refusal::new(VisitorCode::InternalError, reason);
            page(edge, parts, request_id, refusal)
        }
    };
    (answer, subject)
}

/// What every answer of a site is given in the end.
pub(crate) struct Dress {
    /// As in [`Decision`].
    pub(crate) row: Option<Arc<HostRow>>,
    /// As in [`Decision`].
    pub(crate) host_text: Option<Arc<str>>,
    /// As in [`Decision`].
    pub(crate) rules: RuleHeaders,
    /// As in [`Decision`].
    pub(crate) passed: Passed,
}

impl Dress {
    /// Dresses an answer.
    pub(crate) fn put_on(self, subject: Subject, answer: &mut Answer) {
        let Self {
            row,
            host_text,
            rules,
            passed,
        } = self;
        if let Some(row) = &row {
            answer.note.about(row);
        }
        if let Some(host_text) = host_text {
            answer.note.host = Some(host_text);
        }
        rules.apply(subject, answer.status, &mut answer.headers);
        // After the rules: what is only for looking at stays out of search engines, whatever they say.
        if row.is_some_and(|row| row.is_preview) {
            mark_preview(&mut answer.headers);
        }
        if passed.is_private {
            gate::make_private(&mut answer.headers);
        }
        if answer.note.reason.is_none() {
            answer.note.reason = passed.observed;
        }
    }
}

/// A page of Holm's.
pub(crate) fn page(
    edge: &EdgeInner,
    parts: &mut Parts,
    request_id: RequestId,
    refusal: Refusal,
) -> Answer {
    let format = PageFormat::of(&parts.headers);
    Answer::page(edge, recycled_headers(parts), format, refusal, request_id)
}

fn asset_answer(parts: &mut Parts, row: Option<&HostRow>, asset: AssetAnswer) -> Answer {
    let mut headers = recycled_headers(parts);
    let (status, cache) = (asset.status, asset.cache);
    let body = asset.dress(&mut headers, row.and_then(HostRow::last_modified));
    Answer {
        status,
        headers,
        body,
        note: Note {
            cache,
            fault: status.is_client_error().then_some(FaultSource::Client),
            ..Note::new(ServedBy::Asset)
        },
        closes: false,
    }
}

fn redirect_answer(parts: &mut Parts, redirect: Redirect) -> Result<Answer, Refusal> {
    let location = HeaderValue::try_from(redirect.location);
    let status = StatusCode::from_u16(redirect.status);
    let (Ok(location), Ok(status)) = (location, status) else {
        let reason = "a redirect that cannot be sent";
        return Err(Refusal::new(VisitorCode::InternalError, reason));
    };
    let mut headers = recycled_headers(parts);
    headers.insert(LOCATION, location);
    headers.insert(CACHE_CONTROL, MUST_REVALIDATE);
    Ok(Answer {
        status,
        headers,
        body: BodySource::Empty,
        note: Note::new(ServedBy::Redirect),
        closes: false,
    })
}

fn methods_answer(parts: &mut Parts) -> Answer {
    let mut headers = recycled_headers(parts);
    headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
    Answer {
        status: StatusCode::NO_CONTENT,
        headers,
        body: BodySource::Empty,
        note: Note::new(ServedBy::Asset),
        closes: false,
    }
}
