//! What of a request the plan looks at.

use holm_types::{Hostname, SitePath};
use http::Method;

/// How the visitor's request reached the rim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In clear text.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// As in a URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// The head of one request, checked at the rim; everything that decides is given this one value.
#[derive(Clone, Debug)]
pub struct RequestHead<'a> {
    /// The method as sent.
    pub method: &'a Method,
    /// How it came.
    pub scheme: Scheme,
    /// The host, lower case, without port.
    pub host: Hostname<'a>,
    /// `host[:port]` as the client named it: what an absolute `Location` on the same host is made of.
    pub authority: &'a str,
    /// Whether the host is a custom domain; `$host` and `$wwwhost` rules act on those only.
    pub is_custom_domain: bool,
    /// The path, decoded once.
    pub path: SitePath<'a>,
    /// The path as it was sent, for redirects that keep it and for functions.
    pub raw_path: &'a str,
    /// The query without `?`. `None` when there is no `?`.
    pub query: Option<&'a str>,
}
