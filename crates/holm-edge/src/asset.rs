//! Answering with a file: which form of it, whether the client has it already, which part of it.

mod byte_range;
mod conditional;
mod entity_tag;
mod multipart;
mod negotiation;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holm_site::Asset;
use holm_storage::{BlobError, ContentCoding};
use holm_telemetry::CacheStatus;
use holm_types::{BlobDigest, Timestamp, VisitorCode};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, HeaderMap, HeaderValue, LAST_MODIFIED, RANGE, VARY,
};
use http::{Method, StatusCode};

use crate::answer::{CACHE_STATUS, EO_CACHE_STATUS, MUST_REVALIDATE};
use crate::blob_stream::BlobStream;
use crate::body::BodySource;
use crate::cache::{BlobKey, CachedBlob};
use crate::edge::EdgeInner;
use crate::error::Refusal;
use crate::record::chain;

use byte_range::ByteRange;
use conditional::{Validators, Verdict, range_applies};
pub(crate) use entity_tag::EntityTag;
use negotiation::Negotiation;

/// Names with a hash in them never change (decision D10.18).
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// One file asked for by one request.
#[derive(Clone, Debug)]
pub(crate) struct AssetRequest<'a> {
    /// The file.
    pub(crate) asset: Asset<'a>,
    /// 200, or 404 for the site's own 404 page.
    pub(crate) status: StatusCode,
    /// The request's method.
    pub(crate) method: &'a Method,
    /// The request's fields.
    pub(crate) headers: &'a HeaderMap,
    /// When the deployment was sealed.
    pub(crate) sealed_at: Timestamp,
    /// How long what is in memory holds without asking the store again (`cacheTtl`); 0 passes memory
    /// by. `None`: no rule says, so it holds, because a new deployment names other blobs.
    pub(crate) memory_ttl: Option<Duration>,
    /// Whether only the form as it was deployed will do: the site says itself how it is encoded, or
    /// an encoded form could not be read.
    pub(crate) is_identity_only: bool,
    /// The blob, if it was fetched for this request.
    pub(crate) fetched: Option<&'a (BlobKey, Arc<CachedBlob>)>,
}

/// A small blob that has to be fetched before there is an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlobWanted {
    /// Its place in memory.
    pub(crate) key: BlobKey,
    /// The blob that holds it.
    pub(crate) blob: BlobDigest,
    /// Whether memory is passed by.
    pub(crate) bypasses_memory: bool,
}

/// What comes of asking for a file.
#[derive(Debug)]
pub(crate) enum AssetStep {
    /// This can be sent.
    Answer(AssetAnswer),
    /// First fetch this, then ask again.
    Fetch(BlobWanted),
    /// The file is not the one that the client means.
    Refuse(Refusal),
}

/// An answer with a file, as values.
#[derive(Debug)]
pub(crate) struct AssetAnswer {
    /// 200, 206, 304, 404 or 416.
    pub(crate) status: StatusCode,
    /// The bytes.
    pub(crate) body: BodySource,
    /// Where they came from.
    pub(crate) cache: CacheStatus,
    fields: AssetFields,
}

/// What is said about the file.
#[derive(Debug)]
struct AssetFields {
    etag: HeaderValue,
    is_hashed: bool,
    varies: bool,
    content: ContentFields,
}

/// What is said about the bytes that are sent.
#[derive(Debug)]
struct ContentFields {
    media_type: HeaderValue,
    coding: ContentCoding,
    content_range: Option<HeaderValue>,
    /// For HEAD of a file that is streamed: how large it is.
    content_length: Option<u64>,
}

/// Which bytes are to be sent.
#[derive(Clone, Copy, Debug)]
struct Form {
    key: BlobKey,
    size_bytes: u64,
}

impl AssetRequest<'_> {
    fn bypasses_memory(&self) -> bool {
        self.memory_ttl == Some(Duration::ZERO)
    }
}

/// A blob that is at hand.
struct AtHand {
    blob: Arc<CachedBlob>,
    cache: CacheStatus,
}

/// Decides the answer; fetches nothing.
pub(crate) fn answer_asset(edge: &EdgeInner, request: &AssetRequest<'_>) -> AssetStep {
    let form = choose_form(edge, request);
    let at_hand = at_hand(edge, request, &form);
    let etag = match &at_hand {
        Some(at_hand) => at_hand.blob.etag.clone(),
        None => EntityTag::new(&form.key.source, form.key.coding).to_header(),
    };
    let cache = at_hand
        .as_ref()
        .map_or(CacheStatus::Miss, |at_hand| at_hand.cache);
    let step = |status, body: BodySource| {
        AssetStep::Answer(AssetAnswer {
            status,
            cache: match &body {
                BodySource::Stream(stream) if stream.begins_in_memory() => CacheStatus::Hit,
                _ => cache,
            },
            body,
            fields: AssetFields::new(request, &form, etag.clone()),
        })
    };
    let validators = Validators {
        etag: etag.as_bytes(),
        modified_at: request.sealed_at,
    };
    match verdict(request, &validators) {
        Verdict::Proceed => {}
        Verdict::NotModified => return step(StatusCode::NOT_MODIFIED, BodySource::Empty),
        Verdict::Failed(reason) => {
            return AssetStep::Refuse(Refusal::new(VisitorCode::PreconditionFailed, reason));
        }
    }
    let source = Source {
        edge,
        request,
        form: &form,
        blob: at_hand.as_ref().map(|at_hand| &at_hand.blob),
    };
    match part_asked_for(edge, request, &form, &validators) {
        ByteRange::Unsatisfiable => {
            let mut step = step(StatusCode::RANGE_NOT_SATISFIABLE, BodySource::Empty);
            step.set_content_range(&format!("bytes */{}", form.size_bytes));
            step
        }
        ByteRange::Part(range) => match source.body(range.clone()) {
            Err(not_here) => not_here.step(edge, request, &form),
            Ok(body) => {
                let mut step = step(StatusCode::PARTIAL_CONTENT, body);
                step.set_content_range(&content_range(&range, form.size_bytes));
                step
            }
        },
        ByteRange::Parts(ranges) => match multipart::body(&source, &ranges) {
            Err(not_here) => not_here.step(edge, request, &form),
            Ok(body) => {
                let mut step = step(StatusCode::PARTIAL_CONTENT, body);
                step.set_media_type(multipart::media_type(&form.key.source));
                step
            }
        },
        ByteRange::Whole => match source.body(0..form.size_bytes) {
            Err(not_here) => not_here.step(edge, request, &form),
            Ok(body) => step(request.status, body),
        },
    }
}

/// The blob, if it was fetched for this request or is in memory and still holds.
fn at_hand(edge: &EdgeInner, request: &AssetRequest<'_>, form: &Form) -> Option<AtHand> {
    if let Some((key, blob)) = request.fetched
        && *key == form.key
    {
        let blob = Arc::clone(blob);
        return Some(AtHand {
            blob,
            cache: CacheStatus::Miss,
        });
    }
    if request.bypasses_memory() {
        return None;
    }
    let blob = edge.cache.get(&form.key)?;
    let cache = match request.memory_ttl {
        None => CacheStatus::Hit,
        Some(ttl) => holds(edge, form, &blob, ttl)?,
    };
    Some(AtHand { blob, cache })
}

/// Whether a blob in memory still holds; one whose time is over holds anew when the store has it.
fn holds(edge: &EdgeInner, form: &Form, blob: &CachedBlob, ttl: Duration) -> Option<CacheStatus> {
    let now = edge.parts.clock.monotonic();
    if now.saturating_sub(blob.seen_in_store()) <= ttl {
        return Some(CacheStatus::Hit);
    }
    edge.parts.blobs.size_bytes(&form.key.blob)?;
    blob.was_seen_in_store(now);
    Some(CacheStatus::RefreshHit)
}

impl AssetStep {
    fn set_content_range(&mut self, text: &str) {
        if let Self::Answer(answer) = self {
            answer.fields.content.content_range =
                Some(HeaderValue::try_from(text).expect("digits may be sent"));
        }
    }

    fn set_media_type(&mut self, media_type: HeaderValue) {
        if let Self::Answer(answer) = self {
            answer.fields.content.media_type = media_type;
        }
    }
}

/// Why there are no bytes to send yet.
enum NotHere {
    /// They have to be fetched first.
    Fetch(BlobWanted),
    /// The store does not have them as they were.
    Lost(BlobError),
}

impl NotHere {
    /// A lost encoded form is no reason not to send the file as it was deployed.
    fn step(self, edge: &EdgeInner, request: &AssetRequest<'_>, form: &Form) -> AssetStep {
        match self {
            Self::Fetch(wanted) => AssetStep::Fetch(wanted),
            Self::Lost(_) if form.key.coding != ContentCoding::Identity => {
                let is_identity_only = true;
                answer_asset(
                    edge,
                    &AssetRequest {
                        is_identity_only,
                        ..request.clone()
                    },
                )
            }
            Self::Lost(error) => {
                AssetStep::Refuse(Refusal::new(VisitorCode::InternalError, chain(&error)))
            }
        }
    }
}

/// What `Content-Range` says about a part.
fn content_range(range: &Range<u64>, size_bytes: u64) -> String {
    format!("bytes {}-{}/{size_bytes}", range.start, range.end - 1)
}

/// The encoded form that the client takes, or the file as it was deployed.
fn choose_form(edge: &EdgeInner, request: &AssetRequest<'_>) -> Form {
    let asset = &request.asset;
    let identity = Form {
        key: BlobKey {
            source: asset.digest,
            coding: ContentCoding::Identity,
            blob: asset.digest,
        },
        size_bytes: asset.size_bytes,
    };
    // Parts are parts of the file as it was deployed, so who asks for parts always gets that form.
    let is_identity =
        !asset.is_compressible || request.is_identity_only || request.headers.contains_key(RANGE);
    if is_identity {
        return identity;
    }
    let Some(variants) = edge.parts.variants.get(&asset.digest) else {
        return identity;
    };
    let coding = Negotiation::of(request.headers).choose(&variants);
    variants.get(coding).map_or(identity, |variant| Form {
        key: BlobKey {
            source: asset.digest,
            coding,
            blob: variant.digest,
        },
        size_bytes: variant.size_bytes,
    })
}

/// Conditions are about the file, so they count only where that is the answer (RFC 9110 section
/// 13.2.1): the site's 404 page is sent whatever they say.
fn verdict(request: &AssetRequest<'_>, validators: &Validators<'_>) -> Verdict {
    if request.status == StatusCode::OK {
        Verdict::of(request.headers, validators)
    } else {
        Verdict::Proceed
    }
}

fn part_asked_for(
    edge: &EdgeInner,
    request: &AssetRequest<'_>,
    form: &Form,
    validators: &Validators<'_>,
) -> ByteRange {
    let is_for_parts = *request.method == Method::GET && request.status == StatusCode::OK;
    match request.headers.get(RANGE) {
        Some(value) if is_for_parts && range_applies(request.headers, validators) => {
            let count_max = edge.config.limits.range_count_max;
            ByteRange::parse(value.as_bytes(), form.size_bytes, count_max)
        }
        _ => ByteRange::Whole,
    }
}

/// Where the bytes of an answer come from.
struct Source<'a> {
    edge: &'a EdgeInner,
    request: &'a AssetRequest<'a>,
    form: &'a Form,
    blob: Option<&'a Arc<CachedBlob>>,
}

impl Source<'_> {
    /// The bytes of a range: from memory, or streamed if they are many, or first to be fetched.
    fn body(&self, range: Range<u64>) -> Result<BodySource, NotHere> {
        if *self.request.method == Method::HEAD {
            return Ok(BodySource::Empty);
        }
        if let Some(blob) = self.blob {
            return Ok(BodySource::Whole(slice(&blob.bytes, &range)));
        }
        let Form { key, size_bytes } = *self.form;
        let bypasses_memory = self.request.bypasses_memory();
        if size_bytes <= self.edge.config.limits.cached_blob_bytes_max {
            return Err(NotHere::Fetch(BlobWanted {
                key,
                blob: key.blob,
                bypasses_memory,
            }));
        }
        let stream = BlobStream::new(self.edge, key.blob, size_bytes, range, bypasses_memory);
        let stream = stream.map_err(NotHere::Lost)?;
        Ok(BodySource::Stream(Box::new(stream)))
    }
}

fn slice(bytes: &Bytes, range: &Range<u64>) -> Bytes {
    let index = |at: u64| usize::try_from(at).map_or(bytes.len(), |at| at.min(bytes.len()));
    bytes.slice(index(range.start)..index(range.end))
}

impl AssetFields {
    fn new(request: &AssetRequest<'_>, form: &Form, etag: HeaderValue) -> Self {
        Self {
            etag,
            is_hashed: request.asset.is_hashed,
            varies: request.asset.is_compressible,
            content: ContentFields {
                media_type: request.asset.media_type.clone(),
                coding: form.key.coding,
                content_range: None,
                content_length: (*request.method == Method::HEAD).then_some(form.size_bytes),
            },
        }
    }
}

impl AssetAnswer {
    /// Sets the fields of the answer, and hands back what is left of it.
    pub(crate) fn dress(
        self,
        headers: &mut HeaderMap,
        last_modified: Option<&HeaderValue>,
    ) -> BodySource {
        let fields = self.fields;
        let has_content = self.status != StatusCode::NOT_MODIFIED;
        // A 404 page is an answer about a path, not a form of the file: nothing to validate or to cut.
        if self.status != StatusCode::NOT_FOUND {
            headers.insert(ETAG, fields.etag);
            if let Some(last_modified) = last_modified {
                headers.insert(LAST_MODIFIED, last_modified.clone());
            }
            if has_content {
                headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
            }
        }
        let is_the_file = !self.status.is_client_error();
        let is_immutable = fields.is_hashed && is_the_file;
        let cache_control = if is_immutable {
            IMMUTABLE
        } else {
            MUST_REVALIDATE
        };
        headers.insert(CACHE_CONTROL, cache_control);
        if fields.varies {
            headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        let (eo, standard) = match self.cache {
            CacheStatus::Hit => ("HIT", "holm; hit"),
            // The store was asked and said that nothing has changed (RFC 9211 section 2.4).
            CacheStatus::RefreshHit => ("RefreshHit", "holm; fwd=stale; fwd-status=304"),
            CacheStatus::Miss | CacheStatus::Bypass => ("MISS", "holm; fwd=miss"),
        };
        headers.insert(EO_CACHE_STATUS, HeaderValue::from_static(eo));
        headers.insert(CACHE_STATUS, HeaderValue::from_static(standard));
        if has_content {
            dress_content(headers, self.status, fields.content);
        }
        self.body
    }
}

fn dress_content(headers: &mut HeaderMap, status: StatusCode, fields: ContentFields) {
    if let Some(content_range) = fields.content_range {
        headers.insert(CONTENT_RANGE, content_range);
    }
    if status == StatusCode::RANGE_NOT_SATISFIABLE {
        return;
    }
    headers.insert(CONTENT_TYPE, fields.media_type);
    if fields.coding != ContentCoding::Identity {
        let coding = HeaderValue::from_static(fields.coding.as_str());
        headers.insert(CONTENT_ENCODING, coding);
    }
    if let Some(length) = fields.content_length {
        headers.insert(CONTENT_LENGTH, length.into());
    }
}
