//! Who a visitor is, and how they came, when there may be proxies of the operator's in front.
//!
//! `X-Forwarded-For` and `X-Forwarded-Proto` are text from whoever sent them: they are believed only as far
//! as proxies that the configuration names have written them.

use std::net::IpAddr;

use holm_site::Scheme;
use holm_types::{IpNetworkSet, forwarded_address};
use http::{HeaderMap, HeaderName};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// The visitor's address: the peer, or, behind proxies that are trusted, what they say in `X-Forwarded-For`.
pub(crate) fn address(peer: IpAddr, headers: &HeaderMap, trusted: &IpNetworkSet) -> IpAddr {
    // Looking a field up costs more than all else here, and most servers have no proxy in front.
    if trusted.is_empty() {
        return peer.to_canonical();
    }
    let lines = headers.get_all(X_FORWARDED_FOR).into_iter();
    let lines = lines.map(|line| line.to_str().unwrap_or_default());
    forwarded_address(peer, lines, trusted)
}

/// How the visitor came: as the connection says, or as a trusted proxy says.
pub(crate) fn scheme(
    of_connection: Scheme,
    peer: IpAddr,
    headers: &HeaderMap,
    trusted: &IpNetworkSet,
) -> Scheme {
    if trusted.is_empty() || !trusted.contains(peer) {
        return of_connection;
    }
    // The last value is the one that the nearest proxy wrote.
    let line = headers.get_all(X_FORWARDED_PROTO).into_iter().next_back();
    let said = line.and_then(|line| line.to_str().ok()?.rsplit(',').next());
    match said.map(str::trim) {
        Some(said) if said.eq_ignore_ascii_case("https") => Scheme::Https,
        Some(said) if said.eq_ignore_ascii_case("http") => Scheme::Http,
        _ => of_connection,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_text_are_read_in_their_order_and_others_end_the_reading() {
        let trusted = IpNetworkSet::new(&["10.0.0.0/8".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        let seen = |headers: &HeaderMap| address([10, 0, 0, 1].into(), headers, &trusted);
        assert_eq!(seen(&headers).to_string(), "10.0.0.1");
        for line in ["1.1.1.1", "203.0.113.9", "10.0.0.2"] {
            headers.append(X_FORWARDED_FOR, line.parse().unwrap());
        }
        assert_eq!(seen(&headers).to_string(), "203.0.113.9");
        let other = http::HeaderValue::from_bytes(b"\xff").unwrap();
        headers.append(X_FORWARDED_FOR, other);
        assert_eq!(seen(&headers).to_string(), "10.0.0.1");
    }

    #[test]
    fn so_is_the_scheme() {
        let trusted = IpNetworkSet::new(&["10.0.0.0/8".parse().unwrap()]);
        let check = |peer: &str, said: &str, want: Scheme| {
            let headers = HeaderMap::from_iter([(X_FORWARDED_PROTO, said.parse().unwrap())]);
            let got = scheme(Scheme::Http, peer.parse().unwrap(), &headers, &trusted);
            assert_eq!(got, want, "{peer} {said}");
        };
        check("10.0.0.1", "https", Scheme::Https);
        check("10.0.0.1", "http, HTTPS", Scheme::Https);
        check("10.0.0.1", "https, http", Scheme::Http);
        check("10.0.0.1", "gopher", Scheme::Http);
        check("192.0.2.1", "https", Scheme::Http);
    }
}
