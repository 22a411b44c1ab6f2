//! One request on its way through the middleware and to a function.

use std::net::IpAddr;
use std::sync::Arc;

use holm_functions::{FunctionResponse, RequestBody, SubRequest};
use holm_site::{FunctionRef, RequestHead, Site, cookie_leaves_host};
use holm_types::{RequestId, VisitorCode};
use http::header::{HOST, HeaderValue, SET_COOKIE};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{StatusCode, Uri};
use hyper::body::Incoming;

use super::answer::{Unanswered, from_outside, is_over, page, taken_over};
use super::invocation::{params_json, take_out_ours, url};
use super::middleware::{ResponseChange, Verdict, take_out_signals, verdict};
use super::upload::{UploadState, empty_body, no_upload, upload};
use crate::answer::Answer;
use crate::body::BodySource;
use crate::decide::{Decision, Gathered, Missing, Outcome, Stage, decide};
use crate::edge::EdgeInner;
use crate::error::Refusal;
use crate::gate::Passed;
use crate::head::{Asked, OverTls};
use crate::hosts::{HostRow, RowTarget};
use crate::page::PageFormat;
use crate::rule_headers::{RuleHeaders, Subject};
use crate::serve::{self, Dress, WAIT_COUNT_MAX};
use crate::visitor;
use crate::watch::{ConnectionWatch, MindsLeaving};

/// What is to be asked before there is an answer.
#[derive(Debug)]
pub(crate) struct Call {
    /// The site that it belongs to.
    pub(crate) site: Arc<Site>,
    /// Which of its code.
    pub(crate) target: CallTarget,
}

/// Which code of a site is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallTarget {
    /// The middleware, which may let the request go on.
    Middleware,
    /// A function.
    Function(FunctionRef),
}

/// Whose request it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    pub(crate) request_id: RequestId,
    pub(crate) peer: IpAddr,
}

/// A request that is being answered by code.
pub(crate) struct Asking {
    pub(crate) edge: Arc<EdgeInner>,
    pub(crate) parts: Parts,
    pub(crate) asker: Asker,
    pub(crate) gathered: Gathered,
    /// The visitor's address, as it came: what the middleware does to fields does not change it.
    pub(super) client_ip: String,
}

/// Where a request belongs, whatever the middleware makes of its path.
struct Place {
    row: Arc<HostRow>,
    authority: String,
}

/// An answer, and what the rules are set on.
type Answered = (Answer, Subject);

/// Answers a request without a body for which the plan has named a function or the middleware.
pub(crate) async fn answer(asking: Asking, row: Arc<HostRow>, decision: Decision) -> Answer {
    answer_call(asking, row, decision, no_upload()).await
}

/// Answers a request with a body, if it is one to a site with functions. Gives everything back if not.
pub(crate) async fn answer_with_body(
    asking: Asking,
    body: Incoming,
) -> Result<Answer, (Asking, Incoming)> {
    let mut asking = asking;
    match asking.site_with_code().await {
        Ok(true) => {}
        // What cannot be read is found out, and said, by who is asked next.
        Ok(false) | Err(_) => return Err((asking, body)),
    }
    let decision = match asking.decide().await {
        Ok(decision) => decision,
        Err(refusal) => {
            let id = asking.asker.request_id;
            let closing = Refusal::closing(refusal.code, refusal.reason);
            return Ok(serve::page(&asking.edge, &mut asking.parts, id, closing));
        }
    };
    let Some(row) = decision.row.clone() else {
        return Err((asking, body));
    };
    if !matches!(decision.outcome, Outcome::Call(_)) {
        return Ok(asking.answer_after_body(decision, body).await);
    }
    let upload = match upload(body, &asking.edge.config.limits) {
        Ok(upload) => upload,
        Err(refusal) => {
            let id = asking.asker.request_id;
            let mut answer = serve::page(&asking.edge, &mut asking.parts, id, refusal);
            answer.note.about(&row);
            return Ok(answer);
        }
    };
    Ok(answer_call(asking, row, decision, upload).await)
}

async fn answer_call(
    mut asking: Asking,
    row: Arc<HostRow>,
    decision: Decision,
    (body, state): (RequestBody, UploadState),
) -> Answer {
    let Decision {
        rules,
        passed,
        outcome,
        ..
    } = decision;
    let Outcome::Call(call) = outcome else {
        let refusal = Refusal::new(VisitorCode::InternalError, "a call that is none");
        let id = asking.asker.request_id;
        return serve::page(&asking.edge, &mut asking.parts, id, refusal);
    };
    let format = PageFormat::of(&asking.parts.headers);
    let trusted = &asking.edge.config.trusted_proxies;
    let client = visitor::address(asking.asker.peer, &asking.parts.headers, trusted);
    asking.client_ip = client.to_string();
    take_out_ours(&mut asking.parts.headers);
    asking.keep(&row, &call, &passed, &rules);
    let watch = asking.parts.extensions.get::<Arc<ConnectionWatch>>();
    let minds_leaving = watch.and_then(MindsLeaving::begin);
    let answered = asking.run(&row, *call, body, &state).await;
    let (mut answer, subject) = answered.unwrap_or_else(|unanswered| {
        let unanswered = state.refusal().map_or(unanswered, Unanswered::Refused);
        let id = asking.asker.request_id;
        let answer = page(&asking.edge, format, id, row.deployment_id(), &unanswered);
        (answer, Subject::Message)
    });
    answer.closes |= !state.is_whole();
    if let BodySource::Live(live) = &mut answer.body {
        live.minds_leaving = minds_leaving;
    }
    asking.keep_cookies_home(&row.host, &mut answer);
    let dress = Dress {
        row: Some(row),
        host_text: None,
        rules,
        passed,
    };
    dress.put_on(subject, &mut answer);
    answer
}

impl Asking {
    /// A request about which nothing is known yet.
    pub(crate) fn new(edge: Arc<EdgeInner>, parts: Parts, asker: (RequestId, IpAddr)) -> Self {
        Self::gathered(edge, parts, asker, Gathered::default())
    }

    /// A request, and what was fetched for it.
    pub(crate) fn gathered(
        edge: Arc<EdgeInner>,
        parts: Parts,
        (request_id, peer): (RequestId, IpAddr),
        gathered: Gathered,
    ) -> Self {
        Self {
            edge,
            parts,
            asker: Asker { request_id, peer },
            gathered,
            client_ip: String::new(),
        }
    }

    /// Keeps what was decided by, for what is decided after the middleware.
    fn keep(&mut self, row: &Arc<HostRow>, call: &Call, passed: &Passed, rules: &RuleHeaders) {
        self.gathered.site = Some((Arc::clone(row), Arc::clone(&call.site)));
        self.gathered.passed = Some(passed.clone());
        // The rules of the visitor's path are those that are set in the end.
        self.gathered.is_identity_only |= rules.sets(&http::header::CONTENT_ENCODING);
    }

    /// Code may set no cookie that other sites would be sent too, as rules may not (S-32).
    fn keep_cookies_home(&self, host: &str, answer: &mut Answer) {
        let Some(base) = &self.edge.config.base_domain else {
            return;
        };
        let http::header::Entry::Occupied(cookies) = answer.headers.entry(SET_COOKIE) else {
            return;
        };
        let stays = |value: &HeaderValue| !cookie_leaves_host(value.as_bytes(), host, base);
        if cookies.iter().all(stays) {
            return;
        }
        let (_, all) = cookies.remove_entry_mult();
        let kept: Vec<HeaderValue> = all.filter(stays).collect();
        for cookie in kept {
            answer.headers.append(SET_COOKIE, cookie);
        }
    }

    /// Asks what is to be asked, until there is an answer.
    async fn run(
        &mut self,
        row: &Arc<HostRow>,
        call: Call,
        body: RequestBody,
        state: &UploadState,
    ) -> Result<Answered, Unanswered> {
        let place = self.place(row)?;
        match call.target {
            CallTarget::Function(function) => {
                let answer = self
                    .ask_function(&place, &call.site, function, body)
                    .await?;
                Ok(answer)
            }
            CallTarget::Middleware => self.ask_middleware(&place, &call.site, body, state).await,
        }
    }

    fn place(&self, row: &Arc<HostRow>) -> Result<Place, Refusal> {
        let head = self.head(row)?;
        Ok(Place {
            row: Arc::clone(row),
            authority: head.authority.to_owned(),
        })
    }

    fn head(&self, row: &HostRow) -> Result<RequestHead<'_>, Refusal> {
        let asked = Asked::read(&self.parts)?;
        let peer = self.asker.peer;
        Ok(self
            .edge
            .head(asked, &self.parts, row.is_custom_domain, peer))
    }

    async fn ask_middleware(
        &mut self,
        place: &Place,
        site: &Arc<Site>,
        body: RequestBody,
        state: &UploadState,
    ) -> Result<Answered, Unanswered> {
        let asked_url = self.url(&place.row)?;
        // The body is for whoever answers; a middleware that read it would take it away.
        let message = (self.parts.headers.clone(), empty_body());
        let invocation = self.invocation(None, None, asked_url, message);
        let response = self.invoke(&place.row, site, invocation).await?;
        match verdict(response.headers()).map_err(Unanswered::Unusable)? {
            Verdict::Answer => {
                let mut answer = taken_over(&self.parts.method, response).await;
                take_out_signals(&mut answer.headers);
                let subject = subject_of(answer.status);
                Ok((answer, subject))
            }
            Verdict::GoOn {
                target,
                request,
                response: change,
            } => {
                // What it says besides is for nobody; read to its end, its connection is of use again.
                is_over(&mut response.into_body()).await;
                request.apply(&mut self.parts.headers);
                let (mut answer, subject) = match target {
                    Some(target) => self.go_to(place, site, &target, body, state).await?,
                    None => self.go_on(place, site, body, state).await?,
                };
                merge(change, &mut answer);
                Ok((answer, subject))
            }
        }
    }

    /// Another URL answers: a path of the site, or another server.
    async fn go_to(
        &mut self,
        place: &Place,
        site: &Arc<Site>,
        target: &str,
        body: RequestBody,
        state: &UploadState,
    ) -> Result<Answered, Unanswered> {
        let wrong = || Unanswered::Unusable(format!("the middleware rewrote to {target:?}"));
        let uri: Uri = target.parse().map_err(|_| wrong())?;
        let is_own = match uri.authority() {
            None => target.starts_with('/'),
            Some(_) => uri
                .host()
                .is_some_and(|host| is_host_of(&place.authority, host)),
        };
        if !is_own {
            if uri.scheme().is_none() {
                return Err(wrong());
            }
            return self.ask_outside(target, body).await;
        }
        let path = uri.path_and_query().cloned();
        self.set_path(path.unwrap_or(PathAndQuery::from_static("/")));
        self.go_on(place, site, body, state).await
    }

    fn set_path(&mut self, path: PathAndQuery) {
        let mut uri = std::mem::take(&mut self.parts.uri).into_parts();
        uri.path_and_query = Some(path);
        // Parts that were a URI with a path are one with another.
        self.parts.uri = Uri::from_parts(uri).unwrap_or_default();
    }

    /// What the site answers behind its middleware.
    async fn go_on(
        &mut self,
        place: &Place,
        site: &Arc<Site>,
        body: RequestBody,
        state: &UploadState,
    ) -> Result<Answered, Unanswered> {
        self.gathered.stage = Stage::AfterMiddleware;
        let decision = self.decide().await?;
        if let Outcome::Call(call) = &decision.outcome
            && let CallTarget::Function(function) = call.target
        {
            return self.ask_function(place, site, function, body).await;
        }
        drop(body);
        let edge = Arc::clone(&self.edge);
        let id = self.asker.request_id;
        let row = decision.row.as_deref();
        let made = serve::carry_out(&edge, &mut self.parts, id, row, decision.outcome);
        // Files do not read bodies; what is left of one is not waited for.
        let (mut answer, subject) = made;
        answer.closes |= !state.is_whole();
        Ok((answer, subject))
    }

    async fn ask_function(
        &mut self,
        place: &Place,
        site: &Arc<Site>,
        function: FunctionRef,
        body: RequestBody,
    ) -> Result<Answered, Unanswered> {
        let asked_url = self.url(&place.row)?;
        let params = params_json(site, function, self.parts.uri.path());
        let route = site.function(function).handler;
        let headers = std::mem::take(&mut self.parts.headers);
        let invocation = self.invocation(Some(route), params, asked_url, (headers, body));
        let response = self.invoke(&place.row, site, invocation).await?;
        let answer = taken_over(&self.parts.method, response).await;
        let subject = subject_of(answer.status);
        Ok((answer, subject))
    }

    async fn ask_outside(&mut self, url: &str, body: RequestBody) -> Result<Answered, Unanswered> {
        let desk = self.edge.functions.as_ref().ok_or_else(not_run)?;
        let functions = desk.functions(&self.edge).await?;
        let mut headers = std::mem::take(&mut self.parts.headers);
        headers.remove(HOST);
        let request = SubRequest {
            invocation: None,
            method: self.parts.method.clone(),
            url: url.to_owned(),
            headers,
            body,
        };
        let response = functions
            .fetch(request)
            .await
            .map_err(Unanswered::Unusable)?;
        let answer = from_outside(&self.parts.method, response);
        let subject = subject_of(answer.status);
        Ok((answer, subject))
    }

    async fn invoke(
        &self,
        row: &Arc<HostRow>,
        site: &Site,
        invocation: holm_functions::Invocation,
    ) -> Result<FunctionResponse, Unanswered> {
        let desk = self.edge.functions.as_ref().ok_or_else(not_run)?;
        let functions = desk.functions(&self.edge).await?;
        let deployment = desk.deployment(&self.edge, row, site).await?;
        let deployment = deployment.ok_or_else(not_run)?;
        Ok(functions.invoke(&deployment, invocation).await?)
    }

    fn url(&self, row: &HostRow) -> Result<String, Refusal> {
        Ok(url(&self.parts, &self.head(row)?))
    }

    /// Decides, fetching what that needs.
    async fn decide(&mut self) -> Result<Decision, Refusal> {
        for _ in 0..WAIT_COUNT_MAX {
            let peer = self.asker.peer;
            match decide(&self.edge, &self.parts, peer, &mut self.gathered) {
                Ok(decision) => return Ok(decision),
                Err(missing) => serve::fetch(&self.edge, &mut self.gathered, missing).await?,
            }
        }
        Err(serve::dropped_too_fast())
    }

    /// Whether the request is to a site that runs code, so that its body may be wanted.
    async fn site_with_code(&mut self) -> Result<bool, Refusal> {
        if self.edge.functions.is_none() {
            return Ok(false);
        }
        let Ok((host, _)) = crate::head::read_host(&self.parts) else {
            return Ok(false);
        };
        let Some(row) = self.edge.hosts.load().find(host.as_str()).cloned() else {
            return Ok(false);
        };
        let RowTarget::Site(site_row) = &row.target else {
            return Ok(false);
        };
        if let Some(site) = site_row.slot.built(&self.edge.sites) {
            return Ok(site.edge_bundle().is_some());
        }
        let missing = Missing::Site(Arc::clone(&row));
        serve::fetch(&self.edge, &mut self.gathered, missing).await?;
        let site = self.gathered.site.as_ref();
        Ok(site.is_some_and(|(_, site)| site.edge_bundle().is_some()))
    }

    /// The answer that was decided on is sent when the body is out of the way.
    async fn answer_after_body(mut self, decision: Decision, body: Incoming) -> Answer {
        let admitted = crate::admit::Admitted {
            closes: false,
            waits_for_continue: self.parts.headers.contains_key(http::header::EXPECT),
        };
        let id = self.asker.request_id;
        match serve::discard_body(&self.edge, &self.parts, body, admitted).await {
            Ok(is_read) => {
                let mut answer = serve::dress(&self.edge, &mut self.parts, id, decision);
                answer.closes |= !is_read;
                answer
            }
            Err(refusal) => serve::page(&self.edge, &mut self.parts, id, refusal),
        }
    }
}

/// What the rules are set on: what is said about a file holds for an answer that is as good as one.
fn subject_of(status: StatusCode) -> Subject {
    if status.is_client_error() || status.is_server_error() {
        Subject::StandIn
    } else if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
        Subject::Message
    } else {
        Subject::File
    }
}

/// Fields that a middleware sets on the answer. What frames a file that is sent stays as it is.
fn merge(change: ResponseChange, answer: &mut Answer) {
    change.apply(&mut answer.headers);
    take_out_signals(&mut answer.headers);
}

fn is_host_of(authority: &str, host: &str) -> bool {
    let own: Result<http::uri::Authority, _> = authority.parse();
    own.is_ok_and(|own| own.host().eq_ignore_ascii_case(host))
}

fn not_run() -> Refusal {
    let reason = "the path belongs to a function, and functions are not run here";
    Refusal::new(VisitorCode::NodeFunctionServiceUnavailable, reason)
}

/// Marks a request of a function's own as one that came over TLS.
pub(super) fn mark_secure(parts: &mut Parts) {
    parts.extensions.insert(OverTls);
}
