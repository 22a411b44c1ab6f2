//! The address of a server's API, and whether a token may travel to it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ureq::http::Uri;
use ureq::http::uri::Scheme;

/// Where a Holm on this machine listens when nobody says otherwise.
pub(crate) const DEFAULT_API: &str = "http://127.0.0.1:8089";

/// `http` or `https`, a host, perhaps a port; nothing else. Equal addresses have equal text, so that
/// tokens can be kept by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ApiUrl {
    text: String,
    host: String,
    is_encrypted: bool,
}

/// The text is no address of an API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an address such as {DEFAULT_API}: {why}")]
pub(crate) struct ApiUrlError {
    text: String,
    why: &'static str,
}

impl ApiUrl {
    /// As text, without a slash at the end.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the address leads to this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        match host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => host == "localhost" || host.ends_with(".localhost"),
        }
    }

    /// Whether a token sent there can be read on the way.
    pub(crate) fn is_exposed(&self) -> bool {
        !self.is_encrypted && !self.is_loopback()
    }
}

impl FromStr for ApiUrl {
    type Err = ApiUrlError;

    fn from_str(text: &str) -> Result<Self, ApiUrlError> {
        let fail = |why| ApiUrlError {
            text: text.to_owned(),
            why,
        };
        let uri: Uri = text.trim().parse().map_err(|_| fail("it cannot be read"))?;
        let is_encrypted = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(fail("it does not start with http:// or https://")),
        };
        let authority = uri.authority().ok_or_else(|| fail("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(fail("it must not contain a user name"));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(fail("it must not have a path"));
        }
        let scheme = if is_encrypted { "https" } else { "http" };
        let host = authority.host().to_ascii_lowercase();
        let standard_port = if is_encrypted { 443 } else { 80 };
        let text = match authority.port_u16() {
            Some(port) if port != standard_port => format!("{scheme}://{host}:{port}"),
            _ => format!("{scheme}://{host}"),
        };
        Ok(Self {
            text,
            host,
            is_encrypted,
        })
    }
}

impl fmt::Display for ApiUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: Result<&str, &str>) {
        let got = text.parse::<ApiUrl>();
        let got = got.as_ref().map(ApiUrl::as_str).map_err(|error| error.why);
        assert_eq!(got, want, "{text}");
    }

    #[test]
    fn one_address_has_one_text() {
        check("http://127.0.0.1:8089/", Ok("http://127.0.0.1:8089"));
        check("HTTPS://Holm.Example:443", Ok("https://holm.example"));
        check("http://[::1]:8089", Ok("http://[::1]:8089"));
        check(
            "holm.example",
            Err("it does not start with http:// or https://"),
        );
        check(
            "ftp://holm.example",
            Err("it does not start with http:// or https://"),
        );
        check(
            "https://user:pw@holm.example",
            Err("it must not contain a user name"),
        );
        check("https://holm.example/v1", Err("it must not have a path"));
        check("", Err("it cannot be read"));
    }

    #[test]
    fn a_token_may_only_travel_unread() {
        let is_exposed = |text: &str| text.parse::<ApiUrl>().unwrap().is_exposed();
        for safe in [
            "http://127.0.0.1:1",
            "http://[::1]",
            "http://localhost",
            "http://a.localhost",
            "https://x.example",
        ] {
            assert!(!is_exposed(safe), "{safe}");
        }
        for exposed in [
            "http://10.0.0.1",
            "http://holm.example",
            "http://localhost.example",
        ] {
            assert!(is_exposed(exposed), "{exposed}");
        }
    }
}
