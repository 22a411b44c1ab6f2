//! Whom a request comes from, and whether it was meant for this listener: against DNS rebinding (the name in `Host`) and
//! against other sites' pages that make a browser ask (`Origin`, `Sec-Fetch-Site`).

use std::net::IpAddr;

use holm_types::{ErrorCode, Hostname, IpNetworkSet, forwarded_address};
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Method, Uri};

use crate::error::ApiError;

/// Names that always mean this machine.
const LOOPBACK_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Whom a request comes from: the other end of the connection, or, behind proxies that are trusted, what
/// they say. Nobody is on this machine because a proxy on another says so.
pub(crate) fn address(peer: IpAddr, headers: &HeaderMap, trusted: &IpNetworkSet) -> IpAddr {
    let lines = headers.get_all("x-forwarded-for").into_iter();
    let lines = lines.map(|line| line.to_str().unwrap_or_default());
    let said = forwarded_address(peer, lines, trusted);
    if said.is_loopback() {
        peer.to_canonical()
    } else {
        said
    }
}

/// Refuses a request that names another host, or more than one, and a changing request that another site's page sent.
pub(crate) fn check(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    control_origin: &str,
) -> Result<(), ApiError> {
    // Which of two names counts is what a proxy and a server may disagree on (RFC 9112, section 3.2).
    if headers.get_all(HOST).iter().count() > 1 {
        return Err(ApiError::new(
            ErrorCode::RequestInvalid,
            "The request has more than one `Host` field",
        ));
    }
    let authority = match (uri.authority(), headers.get(HOST)) {
        (Some(authority), _) => Some(authority.as_str()),
        (None, host) => host.and_then(|host| host.to_str().ok()),
    };
    if !authority.is_some_and(|authority| is_ours(authority, control_origin)) {
        return Err(foreign(
            "The request names a host that is not this server's",
        ));
    }
    let is_change = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    if is_change && comes_from_elsewhere(headers, control_origin) {
        return Err(foreign("The request was sent by a page of another site"));
    }
    Ok(())
}

fn foreign(external: &str) -> ApiError {
    ApiError::new(ErrorCode::RequestForeignOrigin, external)
}

/// Browsers send `Origin` with every changing request; other clients send neither field.
fn comes_from_elsewhere(headers: &HeaderMap, control_origin: &str) -> bool {
    if let Some(origin) = headers.get(ORIGIN) {
        return !origin
            .to_str()
            .is_ok_and(|origin| is_our_origin(origin, control_origin));
    }
    headers
        .get("sec-fetch-site")
        .is_some_and(|site| site != "same-origin" && site != "none")
}

/// The exact origin, or the same scheme and port under a loopback name.
fn is_our_origin(origin: &str, control_origin: &str) -> bool {
    if origin == control_origin {
        return true;
    }
    let (Some((scheme, authority)), Some((our_scheme, our_authority))) =
        (origin.split_once("://"), control_origin.split_once("://"))
    else {
        return false;
    };
    scheme == our_scheme
        && is_loopback(authority)
        && is_loopback(our_authority)
        && port(authority) == port(our_authority)
}

fn is_ours(authority: &str, control_origin: &str) -> bool {
    let ours = control_origin
        .split_once("://")
        .and_then(|(_, authority)| Hostname::parse(authority).ok());
    Hostname::parse(authority)
        .is_ok_and(|host| LOOPBACK_NAMES.contains(&host.as_str()) || Some(host) == ours)
}

fn is_loopback(authority: &str) -> bool {
    Hostname::parse(authority).is_ok_and(|host| LOOPBACK_NAMES.contains(&host.as_str()))
}

fn port(authority: &str) -> Option<&str> {
    let (_, port) = authority.rsplit_once(':')?;
    (!port.ends_with(']')).then_some(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_on_this_machine_because_another_says_so() {
        let trusted = IpNetworkSet::new(&["10.0.0.0/8".parse().unwrap()]);
        let seen = |peer: [u8; 4], said: &str| {
            let headers =
                HeaderMap::from_iter([("x-forwarded-for".parse().unwrap(), said.parse().unwrap())]);
            address(peer.into(), &headers, &trusted).to_string()
        };
        assert_eq!(seen([10, 0, 0, 1], "203.0.113.9"), "203.0.113.9");
        assert_eq!(seen([10, 0, 0, 1], "127.0.0.1"), "10.0.0.1");
        assert_eq!(seen([10, 0, 0, 1], "::ffff:127.0.0.1"), "10.0.0.1");
        assert_eq!(seen([192, 0, 2, 1], "127.0.0.1"), "192.0.2.1");
        assert_eq!(seen([127, 0, 0, 1], "203.0.113.9"), "127.0.0.1");
    }

    const OURS: &str = "http://127.0.0.1:8089";

    fn allowed(method: &Method, fields: &[(&'static str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.insert(*name, value.parse().unwrap());
        }
        check(method, &Uri::from_static("/v1/me"), &headers, OURS).is_ok()
    }

    #[test]
    fn only_our_names_are_answered() {
        for host in [
            "127.0.0.1:8089",
            "localhost:8089",
            "LOCALHOST",
            "[::1]:8089",
        ] {
            assert!(allowed(&Method::GET, &[("host", host)]), "{host}");
        }
        for host in [
            "evil.test",
            "blog.localhost:8089",
            "127.0.0.1.evil.test",
            "",
        ] {
            assert!(!allowed(&Method::GET, &[("host", host)]), "{host}");
        }
        assert!(!allowed(&Method::GET, &[]));
    }

    #[test]
    fn changes_come_from_our_pages_or_from_no_page() {
        let post =
            |field, value| allowed(&Method::POST, &[("host", "localhost:8089"), (field, value)]);
        assert!(post("origin", "http://127.0.0.1:8089"));
        assert!(post("origin", "http://localhost:8089"));
        assert!(post("sec-fetch-site", "same-origin"));
        for origin in [
            "null",
            "http://evil.test",
            "http://localhost:8088",
            "https://127.0.0.1:8089",
        ] {
            assert!(!post("origin", origin), "{origin}");
        }
        assert!(!post("sec-fetch-site", "cross-site"));
        assert!(!post("sec-fetch-site", "same-site"));
        assert!(allowed(&Method::POST, &[("host", "localhost:8089")]));
    }
}
