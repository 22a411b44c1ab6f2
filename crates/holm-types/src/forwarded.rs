//! Whom a request comes from when there may be proxies of the operator's in front, and how much of an
//! address is written down.
//!
//! `X-Forwarded-For` is text from whoever sent it: it is believed only as far as proxies that the
//! configuration names have written it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::IpNetworkSet;

/// Proxies in a row that are followed; a longer chain ends at the one that was reached.
const HOPS_MAX: usize = 16;

/// Bits of an IPv4 address that [`shortened_address`] keeps.
const KEPT_BITS_V4: u32 = 24;

/// Bits of an IPv6 address that [`shortened_address`] keeps: what a provider gives to one customer is 48
/// to 64 of them (RFC 6177).
const KEPT_BITS_V6: u32 = 48;

/// The client's address: the peer, or, behind proxies that are trusted, the nearest address in the lines of
/// `X-Forwarded-For` that is not one of them, read from right to left. What is no address ends the reading.
///
/// `lines` are the values of the field in the order in which they were sent.
pub fn forwarded_address<'a>(
    peer: IpAddr,
    lines: impl DoubleEndedIterator<Item = &'a str>,
    trusted: &IpNetworkSet,
) -> IpAddr {
    let peer = peer.to_canonical();
    if trusted.is_empty() || !trusted.contains(peer) {
        return peer;
    }
    let hops = lines.rev().flat_map(|line| line.rsplit(','));
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

/// The network that an address is in, as its first address: the first 24 bits of IPv4, the first 48 of
/// IPv6. It says roughly from where somebody came, and no longer who.
pub fn shortened_address(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let kept = address.to_bits() & (u32::MAX << (u32::BITS - KEPT_BITS_V4));
            IpAddr::V4(Ipv4Addr::from_bits(kept))
        }
        IpAddr::V6(address) => {
            let kept = address.to_bits() & (u128::MAX << (u128::BITS - KEPT_BITS_V6));
            IpAddr::V6(Ipv6Addr::from_bits(kept))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, lines: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "2001:db8::/32"].map(|text| text.parse().unwrap());
        let trusted = IpNetworkSet::new(&trusted);
        forwarded_address(peer.parse().unwrap(), lines.iter().copied(), &trusted).to_string()
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
    fn of_a_shortened_address_the_network_is_left() {
        for (whole, network) in [
            ("203.0.113.9", "203.0.113.0"),
            ("::ffff:203.0.113.9", "203.0.113.0"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
            ("::1", "::"),
        ] {
            let short = shortened_address(whole.parse().unwrap());
            assert_eq!(short.to_string(), network);
            assert_eq!(shortened_address(short), short);
        }
    }
}
