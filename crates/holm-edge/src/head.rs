//! What a request asks for, read once: host and path are decoded, checked and canonical from here on
//! (decision D10.17), for rules, files and cache alike.

use holm_site::{RequestHead, Scheme};
use holm_types::{Hostname, SitePath, VisitorCode};
use http::Version;
use http::header::HOST;
use http::request::Parts;

use crate::admit::single_host;
use crate::error::Refusal;

/// On a request: it came over TLS. What a client says itself (`:scheme`) is not believed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OverTls;

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
            scheme: match parts.extensions.get() {
                Some(OverTls) => Scheme::Https,
                None => Scheme::Http,
            },
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
    let parse = |text| {
        Hostname::parse(text)
            .map_err(|error| Refusal::closing(VisitorCode::BadRequest, error.to_string()))
    };
    let target = parts.uri.authority().map(http::uri::Authority::as_str);
    // In HTTP/2 `:authority` takes the place of `Host`, and a client may send either or both.
    let is_host_optional = parts.version == Version::HTTP_2 && target.is_some();
    if is_host_optional && !parts.headers.contains_key(HOST) {
        let target = target.unwrap_or_default();
        return Ok((parse(target)?, target));
    }
    let field = single_host(&parts.headers)?;
    // The field is checked also where the target wins: nothing behind may believe a bad one.
    let host = parse(field)?;
    match target {
        None => Ok((host, field)),
        // RFC 9113 section 8.3.1: two that differ are malformed.
        Some(target) if parts.version == Version::HTTP_2 && !target.eq_ignore_ascii_case(field) => {
            Err(Refusal::closing(
                VisitorCode::BadRequest,
                "`:authority` and Host name different hosts",
            ))
        }
        Some(target) => Ok((parse(target)?, target)),
    }
}
