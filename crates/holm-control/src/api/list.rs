//! Lists on the wire: which page is asked for, and how the next one is named.
//!
//! A cursor is the id of the last item, so pages stay stable while new items arrive.

use std::fmt::Display;
use std::str::FromStr;

use axum::response::Response;
use data_encoding::BASE64URL_NOPAD;
use holm_api::{Page, PageQuery};
use holm_types::ErrorCode;
use http::header::{HeaderValue, LINK};
use serde::Serialize;

use super::Call;
use super::respond;
use crate::app::ListAsk;
use crate::error::ApiError;

const LIMIT_DEFAULT: u32 = 20;
const LIMIT_MAX: u32 = 100;

/// Which page was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<Id> {
    before: Option<Id>,
    limit: u32,
}

impl<Id: FromStr + Display + Copy> Asked<Id> {
    /// Reads `limit` and `cursor`.
    pub(super) fn read(call: &Call) -> Result<Self, ApiError> {
        Self::of(call.query()?)
    }

    /// Checks `limit` and `cursor` of a list that is asked for more than these.
    pub(super) fn of(query: PageQuery) -> Result<Self, ApiError> {
        let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(
                ApiError::new(ErrorCode::RequestInvalid, "The query cannot be read")
                    .with_field("query:limit", format!("1 to {LIMIT_MAX}")),
            );
        }
        let before = query
            .cursor
            .map(|cursor| read_cursor(&cursor))
            .transpose()?;
        Ok(Self { before, limit })
    }

    /// What to ask `app` for: one row more than a page, to see whether there is a next one.
    pub(super) fn rows(&self) -> ListAsk<Id> {
        ListAsk {
            before: self.before,
            rows_max: self.limit + 1,
        }
    }

    /// The page.
    pub(super) fn answer<T: Serialize>(
        &self,
        call: &Call,
        mut data: Vec<T>,
        id: impl Fn(&T) -> Id,
    ) -> Result<Response, ApiError> {
        let page_length = self.limit as usize;
        let has_next = data.len() > page_length;
        data.truncate(page_length);
        let last = data.last().filter(|_| has_next);
        let next_cursor = last.map(|item| BASE64URL_NOPAD.encode(id(item).to_string().as_bytes()));
        let link = next_cursor.as_ref().map(|cursor| {
            let path = call.parts.uri.path();
            let limit = self.limit;
            let filters = filters(call.parts.uri.query().unwrap_or_default());
            format!(
                "<{}{path}?{filters}limit={limit}&cursor={cursor}>; rel=\"next\"",
                holm_api::API_PREFIX
            )
        });
        let mut response = respond::json(200, &Page { data, next_cursor })?;
        if let Some(value) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
            response.headers_mut().insert(LINK, value);
        }
        Ok(response)
    }
}

/// What a query says beside which page, as it was sent, so that the next page is one of the same list.
fn filters(query: &str) -> String {
    let is_filter = |part: &&str| {
        !part.is_empty() && !part.starts_with("limit=") && !part.starts_with("cursor=")
    };
    let parts = query.split('&').filter(is_filter);
    parts.flat_map(|part| [part, "&"]).collect()
}

fn read_cursor<Id: FromStr>(cursor: &str) -> Result<Id, ApiError> {
    BASE64URL_NOPAD
        .decode(cursor.as_bytes())
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| {
            ApiError::new(
                ErrorCode::RequestCursor,
                "This cursor is not one of this list's",
            )
        })
}
