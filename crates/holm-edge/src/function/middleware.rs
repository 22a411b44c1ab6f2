//! What a middleware wants: answer by itself, let the request go on, or have another path answer
//! (functions spec 9.2 and 9.4).
//!
//! It is said by fields of its answer, in the words of Next.js, which `EdgeOne` has taken over. None of them
//! leaves the server.

use http::HeaderMap;
use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, DATE, HOST, HeaderName, HeaderValue, SET_COOKIE,
    TE, TRANSFER_ENCODING, UPGRADE,
};
use percent_encoding::percent_decode;

/// The request goes on.
const NEXT: &str = "x-middleware-next";
/// Another URL answers.
const REWRITE: &str = "x-middleware-rewrite";
/// Fields of the request to be set, or with `null` to be taken out: a JSON object, percent-encoded.
const REQUEST_HEADERS: &str = "x-middleware-request-headers";
/// All fields that the request is left with, in Next's form; their values are in [`REQUEST_FIELD`].
const OVERRIDE_HEADERS: &str = "x-middleware-override-headers";
/// The beginning of a name with a field's value.
const REQUEST_FIELD: &str = "x-middleware-request-";
/// What all of them begin with.
const PREFIX: &str = "x-middleware-";

/// What a middleware wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Its answer is the answer.
    Answer,
    /// The request goes on.
    GoOn {
        /// To this URL or path, if not to the one that was asked for.
        target: Option<String>,
        /// What changes about the request.
        request: RequestChange,
        /// What is set on the answer.
        response: ResponseChange,
    },
}

/// Fields that are set on the answer that comes after the middleware.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ResponseChange(HeaderMap);

/// Fields of the request that are set, and those that are taken out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RequestChange {
    set: Vec<(HeaderName, HeaderValue)>,
    removed: Vec<HeaderName>,
    /// The only names that stay. `None`: all.
    kept: Option<Vec<HeaderName>>,
}

/// Reads it from the fields of a middleware's answer. An error is a sentence for the author.
pub(super) fn verdict(headers: &HeaderMap) -> Result<Verdict, String> {
    let target = headers.get(REWRITE).map(|value| {
        let text = value.to_str().ok().filter(|text| !text.is_empty());
        text.map(str::to_owned)
            .ok_or_else(|| "the middleware rewrote to what is no URL".to_owned())
    });
    let target = target.transpose()?;
    let is_next = headers.contains_key(NEXT);
    if !is_next && target.is_none() {
        return Ok(Verdict::Answer);
    }
    // A rewrite alone says nothing about the answer (functions spec 9.4).
    let response = if is_next {
        ResponseChange::of(headers)
    } else {
        ResponseChange::default()
    };
    Ok(Verdict::GoOn {
        target,
        request: RequestChange::read(headers)?,
        response,
    })
}

/// Takes out of an answer what is said to Holm only.
pub(super) fn take_out_signals(headers: &mut HeaderMap) {
    let ours = headers
        .keys()
        .filter(|name| name.as_str().starts_with(PREFIX));
    let ours: Vec<HeaderName> = ours.cloned().collect();
    for name in ours {
        headers.remove(name);
    }
}

impl ResponseChange {
    fn of(headers: &HeaderMap) -> Self {
        let mut headers = headers.clone();
        take_out_signals(&mut headers);
        for name in [
            DATE,
            CONNECTION,
            CONTENT_LENGTH,
            CONTENT_ENCODING,
            TRANSFER_ENCODING,
        ] {
            headers.remove(name);
        }
        Self(headers)
    }

    /// Sets them; cookies are added to those that are there.
    pub(super) fn apply(self, headers: &mut HeaderMap) {
        let mut last = None;
        for (name, value) in self.0 {
            let is_first = name.is_some();
            let Some(name) = name.or_else(|| last.clone()) else {
                continue;
            };
            last = Some(name.clone());
            if is_first && name != SET_COOKIE {
                headers.insert(name, value);
            } else {
                headers.append(name, value);
            }
        }
    }
}

impl RequestChange {
    fn read(headers: &HeaderMap) -> Result<Self, String> {
        let mut change = Self::default();
        if let Some(list) = headers.get(OVERRIDE_HEADERS) {
            change.read_overrides(headers, list);
        }
        if let Some(json) = headers.get(REQUEST_HEADERS) {
            change.read_json(json)?;
        }
        Ok(change)
    }

    fn read_overrides(&mut self, headers: &HeaderMap, list: &HeaderValue) {
        let names = list.to_str().unwrap_or_default().split(',');
        let names = names.filter_map(|name| name.trim().parse::<HeaderName>().ok());
        let names: Vec<HeaderName> = names.collect();
        for name in &names {
            match headers.get(format!("{REQUEST_FIELD}{name}")) {
                Some(value) => self.set.push((name.clone(), value.clone())),
                None => self.removed.push(name.clone()),
            }
        }
        self.kept = Some(names);
    }

    fn read_json(&mut self, json: &HeaderValue) -> Result<(), String> {
        let wrong = || "the middleware's request headers cannot be read".to_owned();
        let json: Vec<u8> = percent_decode(json.as_bytes()).collect();
        let fields: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&json).map_err(|_| wrong())?;
        for (name, value) in fields {
            let wrong =
                || format!("the middleware set the request header {name:?} to what is none");
            let name: HeaderName = name.parse().map_err(|_| wrong())?;
            match value {
                serde_json::Value::Null => self.removed.push(name),
                serde_json::Value::String(text) => {
                    let value = HeaderValue::from_bytes(&bytes_of(&text)).map_err(|_| wrong())?;
                    self.set.push((name, value));
                }
                _ => return Err(wrong()),
            }
        }
        Ok(())
    }

    /// Changes the request. What frames it and says whose site it is stays.
    pub(super) fn apply(self, headers: &mut HeaderMap) {
        let is_fixed = |name: &HeaderName| {
            [
                HOST,
                CONTENT_LENGTH,
                TRANSFER_ENCODING,
                CONNECTION,
                TE,
                UPGRADE,
            ]
            .contains(name)
                || name.as_str().starts_with(holm_functions::contract::PREFIX)
        };
        let mut removed = self.removed;
        if let Some(kept) = self.kept {
            let others = headers.keys().filter(|name| !kept.contains(name));
            removed.extend(others.cloned());
        }
        for name in removed.iter().filter(|name| !is_fixed(name)) {
            headers.remove(name);
        }
        for (name, value) in self.set {
            if !is_fixed(&name) {
                headers.insert(name, value);
            }
        }
    }
}

/// The web's headers are bytes written as characters (Fetch standard, "isomorphic encode").
fn bytes_of(text: &str) -> Vec<u8> {
    let bytes = text
        .chars()
        .map(|character| u8::try_from(u32::from(character)));
    let bytes: Result<Vec<u8>, _> = bytes.collect();
    bytes.unwrap_or_else(|_| text.as_bytes().to_vec())
}

#[cfg(test)]
#[path = "middleware/tests.rs"]
mod tests;
