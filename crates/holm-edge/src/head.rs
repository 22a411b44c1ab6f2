//! What a request asks for, read once: host and path are decoded, checked and canonical from here on
//! (decision D10.17), for rules, files and cache alike.

use holm_site::{RequestHead, Scheme};
use holm_types::{Hostname, SitePath, VisitorCode};
use http::request::Parts;

use crate::admit::single_host;
use crate::error::Refusal;

/// Host and path of a request.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    /// The host, lower case, without port.
    pub(crate) host: Hostname<'a>,
    /// `host[:port]` as the client named it.
    authority: &'a str,
    /// The path, decoded once.
    pub(crate) path: SitePath<'a>,
}

impl<'a> Asked<'a> {
    /// Reads host and path; an absolute target wins over `Host` (RFC 9112 section 3.2.2).
    pub(crate) fn read(parts: &'a Parts) -> Result<Self, Refusal> {
        let (host, authority) = read_host(parts)?;
        let path = SitePath::parse(parts.uri.path())
            .map_err(|error| Refusal::new(VisitorCode::BadRequest, error.to_string()))?;
        Ok(Self {
            host,
            authority,
            path,
        })
    }

    /// The head as the plan wants it.
    pub(crate) fn head(self, parts: &'a Parts, is_custom_domain: bool) -> RequestHead<'a> {
        RequestHead {
            method: &parts.method,
            scheme: Scheme::Http,
            host: self.host,
            authority: self.authority,
            is_custom_domain,
            path: self.path,
            raw_path: parts.uri.path(),
            query: parts.uri.query(),
        }
    }
}

/// The host that a request names, checked, and as it was sent.
pub(crate) fn read_host(parts: &Parts) -> Result<(Hostname<'_>, &str), Refusal> {
    let field = single_host(&parts.headers)?;
    let parse = |text| {
        Hostname::parse(text)
            .map_err(|error| Refusal::closing(VisitorCode::BadRequest, error.to_string()))
    };
    // The field is checked also where the target wins: nothing behind may believe a bad one.
    let host = parse(field)?;
    match parts.uri.authority() {
        None => Ok((host, field)),
        Some(authority) => Ok((parse(authority.as_str())?, authority.as_str())),
    }
}
