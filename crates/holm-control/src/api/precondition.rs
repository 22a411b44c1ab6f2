//! Entity tags on the wire: given with what is shown, asked for with what is changed.

use axum::response::Response;
use holm_types::ErrorCode;
use http::HeaderMap;
use http::header::{ETAG, HeaderValue, IF_MATCH};
use serde::Serialize;

use super::respond;
use crate::app::Expected;
use crate::error::ApiError;

/// `If-Match` (RFC 9110 section 13.1.1): `*`, or a list of tags of which a weak one never matches. Tags
/// of ours have no comma in them, so a list is split at commas.
pub(super) fn read(headers: &HeaderMap) -> Result<Expected, ApiError> {
    let mut tags = Vec::new();
    for field in headers.get_all(IF_MATCH) {
        let text = field
            .to_str()
            .map_err(|_| ApiError::new(ErrorCode::RequestInvalid, "`If-Match` is not ASCII"))?;
        tags.extend(text.split(',').map(|tag| tag.trim().to_owned()));
    }
    if tags.is_empty() || tags.iter().any(|tag| tag == "*") {
        Ok(Expected::Any)
    } else {
        Ok(Expected::OneOf(tags))
    }
}

/// A JSON answer with the tag of what it shows.
pub(super) fn tagged<T: Serialize>(
    status: u16,
    view: &T,
    entity_tag: &str,
) -> Result<Response, ApiError> {
    let mut response = respond::json(status, view)?;
    if let Ok(tag) = HeaderValue::from_str(entity_tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}
