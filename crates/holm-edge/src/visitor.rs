//! Who a visitor is, and how they came, when there may be proxies of the operator's in front.
//!
//! `X-Forwarded-For` and `X-Forwarded-Proto` are text from whoever sent them: they are believed only as far
//! as proxies that the configuration names have written them.

use std::net::{IpAddr, SocketAddr};

use holm_site::Scheme;
use holm_types::IpNetworkSet;
use http::{HeaderMap, HeaderName};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// Proxies in a row that are followed; a longer chain ends at the one that was reached.
const HOPS_MAX: usize = 16;

/// The visitor's address: the peer, or, behind proxies that are trusted, the nearest address in
/// `X-Forwarded-For` that is not one of them, read from right to left. What is no address ends the reading.
pub(crate) fn address(peer: IpAddr, headers: &HeaderMap, trusted: &IpNetworkSet) -> IpAddr {
    let peer = peer.to_canonical();
    if trusted.is_empty() || !trusted.contains(peer) {
        return peer;
    }
    let lines = headers.get_all(X_FORWARDED_FOR).into_iter().rev();
    let hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    let mut address = peer;
    for hop in hops.take(HOPS_MAX) {
        let Some(hop) = read_hop(hop.trim()) else {
            break;
        };
        address = hop;
        if !trusted.contains(hop) {
            break;
        }
    }
    address
}

/// Proxies write an address as it is, with a port, or in brackets.
fn read_hop(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address: Option<IpAddr> = text
        .parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
        .or_else(bracketed);
    address.map(|address| address.to_canonical())
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

    fn seen(peer: &str, lines: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "2001:db8::/32"].map(|text| text.parse().unwrap());
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, line.parse().unwrap());
        }
        let trusted = IpNetworkSet::new(&trusted);
        address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn forwarded_addresses_are_believed_from_trusted_proxies_only() {
        assert_eq!(seen("192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(seen("10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(seen("::ffff:10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", &[]), "10.0.0.1");
        // What the visitor wrote stands to the left of what the proxies wrote.
        assert_eq!(
            seen("10.0.0.1", &["1.1.1.1, 203.0.113.9, 10.0.0.2"]),
            "203.0.113.9"
        );
        assert_eq!(
            seen("10.0.0.1", &["1.1.1.1", "203.0.113.9", "10.0.0.2"]),
            "203.0.113.9"
        );
        assert_eq!(
            seen("10.0.0.1", &["203.0.113.9, unknown, 10.0.0.2"]),
            "10.0.0.2"
        );
        assert_eq!(seen("10.0.0.1", &["203.0.113.9:4711"]), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", &["[2001:db9::1]:4711"]), "2001:db9::1");
        assert_eq!(seen("2001:db8::1", &["[2001:db9::1]"]), "2001:db9::1");
        assert_eq!(seen("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
        let long = vec!["10.0.0.2"; 50].join(",");
        assert_eq!(seen("10.0.0.1", &[&format!("1.1.1.1,{long}")]), "10.0.0.2");
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
