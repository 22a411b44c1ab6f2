//! In which of its two forms a deployment is announced.

use holm_api::{ARCHIVE_MEDIA_TYPE, DeploymentCreateQuery, MANIFEST_MEDIA_TYPE};
use holm_types::ErrorCode;
use http::header::CONTENT_TYPE;
use http::request::Parts;

use crate::error::ApiError;

/// The form of a deployment's announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Announced {
    /// A streamed manifest; blobs follow in other calls.
    Manifest,
    /// An archive with everything in it.
    Archive,
}

impl Announced {
    /// By the body's media type; a body without one is a manifest. What a manifest says itself may not be
    /// said in the query too, where it would have no effect.
    pub(super) fn of(head: &Parts, query: &DeploymentCreateQuery) -> Result<Self, ApiError> {
        let found = head.headers.get(CONTENT_TYPE);
        let essence = found.map(|value| value.to_str().unwrap_or_default());
        let essence = essence.map(|value| value.split(';').next().unwrap_or_default().trim());
        let form = match essence {
            None => Self::Manifest,
            Some(found) if found.eq_ignore_ascii_case(MANIFEST_MEDIA_TYPE) => Self::Manifest,
            Some(found) if found.eq_ignore_ascii_case(ARCHIVE_MEDIA_TYPE) => Self::Archive,
            Some(_) => {
                let detail =
                    format!("This operation takes {MANIFEST_MEDIA_TYPE} or {ARCHIVE_MEDIA_TYPE}");
                return Err(ApiError::new(ErrorCode::RequestMediaType, detail));
            }
        };
        let said_twice = DeploymentCreateQuery {
            dry_run: false,
            ..query.clone()
        };
        if form == Self::Manifest && said_twice != DeploymentCreateQuery::default() {
            let detail = "A manifest says this in its first line; the query is for archives";
            return Err(
                ApiError::new(ErrorCode::RequestInvalid, "The query cannot be used")
                    .with_field("query:", detail),
            );
        }
        Ok(form)
    }
}
