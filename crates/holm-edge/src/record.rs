//! The access record of one request: begun when its head has arrived, emitted when its answer has
//! ended or was given up, exactly once.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use holm_telemetry::event::{FunctionFailed, RequestFailed};
use holm_telemetry::{AccessRecord, CacheStatus, FaultSource, Protocol, SendOutcome, ServedBy};
use holm_types::{DeploymentId, ProjectId, RequestId, shortened_address};
use http::header::{REFERER, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};

use crate::edge::{EdgeConfig, EdgeInner};
use crate::visitor;
use crate::watch::ConnectionWatch;

/// What answering adds to a record.
#[derive(Debug)]
pub(crate) struct Note {
    /// As in [`AccessRecord`].
    pub(crate) served_by: ServedBy,
    /// As in [`AccessRecord`].
    pub(crate) cache: CacheStatus,
    /// As in [`AccessRecord`].
    pub(crate) fault: Option<FaultSource>,
    /// As in [`AccessRecord`].
    pub(crate) reason: Option<Cow<'static, str>>,
    /// The host: shared with the host table, or the beginning of what was sent.
    pub(crate) host: Option<Arc<str>>,
    /// As in [`AccessRecord`].
    pub(crate) project_id: Option<ProjectId>,
    /// As in [`AccessRecord`].
    pub(crate) deployment_id: Option<DeploymentId>,
}

/// A record that has been begun. Dropping it emits it.
#[derive(Debug)]
pub(crate) struct Draft {
    edge: Arc<EdgeInner>,
    watch: Arc<ConnectionWatch>,
    started: Duration,
    /// Boxed, because the draft moves from hand to hand and the record is large.
    record: Option<Box<AccessRecord>>,
    request_id: RequestId,
}

impl Draft {
    /// Begins the record of a request whose head has arrived.
    pub(crate) fn begin(
        edge: &Arc<EdgeInner>,
        watch: &Arc<ConnectionWatch>,
        parts: &Parts,
    ) -> Self {
        let limits = &edge.config.limits;
        let text_max = limits.record_text_chars_max;
        edge.counters
            .requests_in_flight
            .fetch_add(1, Ordering::Relaxed);
        watch.request_begins();
        let request_id = edge.request_ids.next();
        let Said {
            user_agent,
            referer,
        } = Said::in_headers(&parts.headers);
        let (at, started) = edge.parts.clock.both();
        Self {
            request_id,
            started,
            record: Some(Box::new(AccessRecord {
                at,
                request_id,
                duration_us: 0,
                peer: peer_to_keep(
                    &edge.config,
                    visitor::address(watch.peer(), &parts.headers, &edge.config.trusted_proxies),
                ),
                protocol: Some(protocol(parts.version)),
                is_secure: watch.is_secure(),
                host: Arc::clone(&edge.no_host),
                project_id: None,
                deployment_id: None,
                method: method_text(&parts.method, text_max),
                target: target(parts, limits.record_target_chars_max),
                status: 0,
                sent_bytes: 0,
                served_by: ServedBy::Page,
                cache: CacheStatus::Bypass,
                fault: None,
                reason: None,
                outcome: SendOutcome::ClientGone,
                user_agent: user_agent.map(|value| header_text(value, text_max)),
                referer: referer.map(|value| without_query(header_text(value, text_max))),
            })),
            edge: Arc::clone(edge),
            watch: Arc::clone(watch),
        }
    }

    /// The request's number.
    pub(crate) fn request_id(&self) -> RequestId {
        self.request_id
    }

    /// Takes over what answering found out.
    pub(crate) fn answered(&mut self, status: StatusCode, note: Note) {
        let Some(record) = &mut self.record else {
            return;
        };
        record.status = status.as_u16();
        record.served_by = note.served_by;
        record.cache = note.cache;
        record.fault = note.fault;
        record.reason = note.reason;
        record.project_id = note.project_id;
        record.deployment_id = note.deployment_id;
        if let Some(host) = note.host {
            record.host = host;
        }
    }

    /// The connection ends after this answer, if it can only have one at a time: what one request
    /// does to the framing of an HTTP/2 connection ends with its own stream. False when it goes on.
    pub(crate) fn closes(&self) -> bool {
        if self.watch.is_multiplexed() {
            return false;
        }
        self.watch.linger();
        true
    }

    /// Whether the edge hands its connections over, so that this answer is the last here.
    pub(crate) fn is_last(&self) -> bool {
        self.watch.is_draining_patiently()
    }

    /// Whether other answers are sent at the same time.
    pub(crate) fn is_multiplexed(&self) -> bool {
        self.watch.is_multiplexed()
    }

    /// On an HTTP/2 connection: whether part of the body waits for the client to make room.
    pub(crate) fn offers(&self, is_offered: bool) {
        self.watch.offers(is_offered);
    }

    /// Body bytes were handed over.
    pub(crate) fn sent(&mut self, bytes: u64) {
        if let Some(record) = &mut self.record {
            record.sent_bytes += bytes;
        }
    }

    /// The whole answer was handed over.
    pub(crate) fn ended(&mut self) {
        if let Some(record) = &mut self.record {
            record.outcome = SendOutcome::Sent;
        }
    }

    /// Answering or sending failed on our side, or on that of the site's code.
    pub(crate) fn failed(&mut self, fault: FaultSource, reason: String) {
        let deployment_id = self.record.as_ref().and_then(|record| record.deployment_id);
        self.say_failed(fault, deployment_id, reason.clone());
        if let Some(record) = &mut self.record {
            record.outcome = SendOutcome::Failed;
            record.fault = Some(fault);
            record.reason = Some(reason.into());
        }
    }

    fn say_failed(&self, fault: FaultSource, deployment: Option<DeploymentId>, reason: String) {
        let request_id = self.request_id;
        match (fault, deployment) {
            (FaultSource::Site, Some(deployment_id)) => FunctionFailed {
                request_id,
                deployment_id,
                kind: "cut".to_owned(),
                reason,
                stack: String::new(),
            }
            .emit(),
            _ => RequestFailed { request_id, reason }.emit(),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.failed(
                FaultSource::Platform,
                "a panic ended the connection".to_owned(),
            );
        }
        self.watch.request_ends();
        let counters = &self.edge.counters;
        counters.requests_in_flight.fetch_sub(1, Ordering::Relaxed);
        let Some(mut record) = self.record.take() else {
            return;
        };
        if let Some(verdict) = self.watch.verdict()
            && record.outcome == SendOutcome::ClientGone
        {
            record.fault = Some(FaultSource::Client);
            record.reason = Some(Cow::Borrowed(verdict.reason()));
        }
        let took = self
            .edge
            .parts
            .clock
            .monotonic()
            .saturating_sub(self.started);
        record.duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.edge.parts.records.emit(&record);
    }
}

/// Emits the record of a connection that ended before there was a request.
pub(crate) fn emit_connection(
    edge: &EdgeInner,
    watch: &ConnectionWatch,
    status: u16,
    outcome: SendOutcome,
    reason: Cow<'static, str>,
) {
    let request_id = edge.request_ids.next();
    emit_refused(edge, watch, request_id, status, outcome, reason);
}

/// As [`emit_connection`], with the number that the client was told.
pub(crate) fn emit_refused(
    edge: &EdgeInner,
    watch: &ConnectionWatch,
    request_id: RequestId,
    status: u16,
    outcome: SendOutcome,
    reason: Cow<'static, str>,
) {
    edge.parts.records.emit(&AccessRecord {
        at: edge.parts.clock.now(),
        request_id,
        duration_us: 0,
        peer: peer_to_keep(&edge.config, watch.peer()),
        protocol: None,
        is_secure: watch.is_secure(),
        host: Arc::clone(&edge.no_host),
        project_id: None,
        deployment_id: None,
        method: Cow::Borrowed(""),
        target: Box::default(),
        status,
        sent_bytes: 0,
        served_by: ServedBy::Connection,
        cache: CacheStatus::Bypass,
        fault: Some(FaultSource::Client),
        reason: Some(reason),
        outcome,
        user_agent: None,
        referer: None,
    });
}

/// What is written down of an address. Shortened here, the whole address is in no record, file or buffer.
fn peer_to_keep(config: &EdgeConfig, peer: IpAddr) -> IpAddr {
    if config.addresses_are_shortened {
        shortened_address(peer)
    } else {
        peer
    }
}

/// An error and what caused it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The beginning of a text: at most `chars_max` characters.
pub(crate) fn shortened(text: &str, chars_max: usize) -> Box<str> {
    if text.len() <= chars_max {
        return text.into();
    }
    let end = text
        .char_indices()
        .nth(chars_max)
        .map_or(text.len(), |(index, _)| index);
    text.get(..end).unwrap_or_default().into()
}

fn protocol(version: Version) -> Protocol {
    match version {
        Version::HTTP_2 => Protocol::Http2,
        Version::HTTP_11 => Protocol::Http11,
        _ => Protocol::Http10,
    }
}

/// The usual methods cost no allocation.
fn method_text(method: &Method, chars_max: usize) -> Cow<'static, str> {
    const USUAL: [(Method, &str); 5] = [
        (Method::GET, "GET"),
        (Method::HEAD, "HEAD"),
        (Method::POST, "POST"),
        (Method::OPTIONS, "OPTIONS"),
        (Method::PUT, "PUT"),
    ];
    match USUAL.iter().find(|(usual, _)| usual == method) {
        Some((_, text)) => Cow::Borrowed(*text),
        None => Cow::Owned(shortened(method.as_str(), chars_max).into()),
    }
}

fn target(parts: &Parts, chars_max: usize) -> Box<str> {
    let text = parts
        .uri
        .path_and_query()
        .map_or("", http::uri::PathAndQuery::as_str);
    // Shortened first: what is cut off needs no mask, and the work stays bounded.
    let text = shortened(text, chars_max);
    if parts.uri.query().is_none() {
        return text;
    }
    match holm_site::guard::without_ticket(&text) {
        Some(masked) => masked.into(),
        None => text,
    }
}

/// What the client said that is worth recording. Found in one walk: looking for each costs more.
#[derive(Debug, Default)]
struct Said<'a> {
    user_agent: Option<&'a HeaderValue>,
    referer: Option<&'a HeaderValue>,
}

impl<'a> Said<'a> {
    fn in_headers(headers: &'a HeaderMap) -> Self {
        let mut said = Self::default();
        for (name, value) in headers {
            if *name == USER_AGENT {
                said.user_agent = said.user_agent.or(Some(value));
            } else if *name == REFERER {
                said.referer = said.referer.or(Some(value));
            }
        }
        said
    }
}

fn header_text(value: &HeaderValue, chars_max: usize) -> Box<str> {
    let bytes = value.as_bytes();
    match std::str::from_utf8(bytes) {
        Ok(text) => shortened(text, chars_max),
        Err(_) => shortened(&String::from_utf8_lossy(bytes), chars_max),
    }
}

/// A query may carry secrets of another site; the record keeps none.
fn without_query(referer: Box<str>) -> Box<str> {
    match referer.find(['?', '#']) {
        None => referer,
        Some(end) => referer.get(..end).unwrap_or_default().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_shortened_at_characters() {
        assert_eq!(&*shortened("abc", 3), "abc");
        assert_eq!(&*shortened("abcd", 3), "abc");
        assert_eq!(&*shortened("标标标标", 2), "标标");
        assert_eq!(
            &*without_query("https://a.test/x?token=1".into()),
            "https://a.test/x"
        );
    }
}
