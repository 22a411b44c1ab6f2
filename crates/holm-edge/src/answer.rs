//! What the edge sends for one request, as a value, and the header fields that all answers share.

use std::sync::Arc;

use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, REFERRER_POLICY, RETRY_AFTER, SERVER, VARY,
};
use http::request::Parts;
use http::{Response, StatusCode};

use holm_telemetry::{CacheStatus, ServedBy};
use holm_types::{RequestId, VisitorCode};

use crate::body::{AnswerBody, BodySource};
use crate::edge::EdgeInner;
use crate::error::{Refusal, fault_of};
use crate::hosts::HostRow;
use crate::page::PageFormat;
use crate::record::{Draft, Note};

/// The request's number, as `EdgeOne` names the field.
pub(crate) const EO_LOG_UUID: HeaderName = HeaderName::from_static("eo-log-uuid");
/// Where the bytes came from, as `EdgeOne` names the field.
pub(crate) const EO_CACHE_STATUS: HeaderName = HeaderName::from_static("eo-cache-status");
/// The same in the words of RFC 9211.
pub(crate) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
/// Why a 401, as `EdgeOne` names the field.
pub(crate) const X_EOP_MSG: HeaderName = HeaderName::from_static("x-eop-msg");
/// Keeps previews out of search engines.
const X_ROBOTS_TAG: HeaderName = HeaderName::from_static("x-robots-tag");

/// What may be kept, but must be asked about each time.
pub(crate) const MUST_REVALIDATE: HeaderValue =
    HeaderValue::from_static("public, max-age=0, must-revalidate");

/// One answer, before it has a record.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: StatusCode,
    /// Every field but the ones that frame the message.
    pub(crate) headers: HeaderMap,
    /// The bytes.
    pub(crate) body: BodySource,
    /// What the record is told.
    pub(crate) note: Note,
    /// Whether the connection ends after this answer.
    pub(crate) closes: bool,
}

impl Answer {
    /// A page of Holm's. `headers` are recycled ones, with the format already read from them.
    pub(crate) fn page(
        edge: &EdgeInner,
        mut headers: HeaderMap,
        format: PageFormat,
        refusal: Refusal,
        request_id: RequestId,
    ) -> Self {
        let code = refusal.code;
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(request_id.as_u64());
        let body = edge.pages.body(code, format, digits.as_bytes());
        headers.insert(CONTENT_TYPE, format.content_type());
        headers.insert(VARY, HeaderValue::from_static("accept"));
        let cache_control = match code {
            VisitorCode::NotFound => MUST_REVALIDATE,
            _ => HeaderValue::from_static("no-store"),
        };
        headers.insert(CACHE_CONTROL, cache_control);
        match code {
            VisitorCode::Unauthorized => {
                headers.insert(X_EOP_MSG, HeaderValue::from_static("deployment expired"));
            }
            VisitorCode::MethodNotAllowed => {
                headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
            }
            VisitorCode::ServiceUnavailable => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        Self {
            status: StatusCode::from_u16(code.status())
                .expect("the table has statuses between 400 and 599"),
            headers,
            body: BodySource::Whole(body),
            note: Note {
                fault: Some(fault_of(code)),
                reason: Some(refusal.reason),
                ..Note::new(ServedBy::Page)
            },
            closes: refusal.closes,
        }
    }

    /// Joins the answer with its record: what the HTTP library is given.
    pub(crate) fn into_response(mut self, is_head: bool, mut draft: Draft) -> Response<AnswerBody> {
        self.headers
            .insert(SERVER, HeaderValue::from_static("holm"));
        self.headers
            .insert(EO_LOG_UUID, draft.request_id().as_u64().into());
        if (self.closes || draft.is_last()) && draft.closes() {
            self.headers
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if is_head {
            self.drop_body();
        }
        draft.answered(self.status, self.note);
        let mut response = Response::new(AnswerBody::new(self.body, draft));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }

    /// Keeps what GET would have said about the body, and leaves out the body.
    pub(crate) fn drop_body(&mut self) {
        match &self.body {
            BodySource::Whole(bytes) => {
                self.headers.insert(CONTENT_LENGTH, bytes.len().into());
                self.body = BodySource::Empty;
            }
            BodySource::Live(_) => self.body = BodySource::Empty,
            BodySource::Empty | BodySource::Stream(_) | BodySource::Parts(_) => {}
        }
    }
}

impl Note {
    /// What is known of an answer of this kind before anything else is.
    pub(crate) fn new(served_by: ServedBy) -> Self {
        Self {
            served_by,
            cache: CacheStatus::Bypass,
            fault: None,
            reason: None,
            host: None,
            project_id: None,
            deployment_id: None,
        }
    }

    /// Says whose host answered.
    pub(crate) fn about(&mut self, row: &HostRow) {
        self.host = Some(Arc::clone(&row.host));
        self.project_id = Some(row.project_id);
        self.deployment_id = row.deployment_id();
    }
}

/// The request's header map, emptied: the answer's fields go where the request's were, so that a
/// kept connection allocates no map per request.
pub(crate) fn recycled_headers(parts: &mut Parts) -> HeaderMap {
    let mut headers = std::mem::take(&mut parts.headers);
    headers.clear();
    headers
}

/// Tells search engines to stay away from a preview, and browsers to tell no other site its address,
/// unless a rule of the site's has said what they tell.
pub(crate) fn mark_preview(headers: &mut HeaderMap) {
    headers.insert(X_ROBOTS_TAG, HeaderValue::from_static("noindex"));
    headers
        .entry(REFERRER_POLICY)
        .or_insert(HeaderValue::from_static("same-origin"));
}
