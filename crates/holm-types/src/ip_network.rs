//! Blocks of addresses (CIDR, RFC 4632 and RFC 4291), and sets of them that are asked often.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A block of addresses of one family: `10.0.0.0/8`, `2001:db8::/32`, or a single address.
///
/// An IPv4 block that is written as mapped into IPv6 (`::ffff:10.0.0.0/104`) is the IPv4 block: a socket
/// that takes both families shows IPv4 visitors in that form, and a list must mean the same for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IpNetwork {
    /// The lowest address: every bit behind the prefix is zero.
    address: IpAddr,
    prefix_bits: u8,
}

/// Why a text is no block of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IpNetworkError {
    /// What stands before the slash is no address.
    #[error(
        "write an address or a block of them, such as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/32"
    )]
    Address,
    /// What stands behind the slash is no prefix length of that family.
    #[error("behind the slash stands a number of bits: up to 32 for IPv4, up to 128 for IPv6")]
    Prefix,
    /// The address has bits behind the prefix, so it is unclear what was meant.
    #[error("the address has bits behind its prefix; the block is written {0}")]
    HostBits(IpNetwork),
}

impl IpNetwork {
    /// Whether the address is in the block, in whichever form it is written.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(block), IpAddr::V4(address)) => {
                block.to_bits() == address.to_bits() & mask_v4(self.prefix_bits)
            }
            (IpAddr::V6(block), IpAddr::V6(address)) => {
                block.to_bits() == address.to_bits() & mask_v6(self.prefix_bits)
            }
            _ => false,
        }
    }

    /// The first and the last address, as numbers of its family.
    fn bounds(&self) -> (u128, u128) {
        match self.address {
            IpAddr::V4(first) => {
                let last = first.to_bits() | !mask_v4(self.prefix_bits);
                (first.to_bits().into(), last.into())
            }
            IpAddr::V6(first) => (
                first.to_bits(),
                first.to_bits() | !mask_v6(self.prefix_bits),
            ),
        }
    }
}

fn mask_v4(prefix_bits: u8) -> u32 {
    u32::MAX
        .checked_shl(32 - u32::from(prefix_bits))
        .unwrap_or(0)
}

fn mask_v6(prefix_bits: u8) -> u128 {
    u128::MAX
        .checked_shl(128 - u32::from(prefix_bits))
        .unwrap_or(0)
}

impl FromStr for IpNetwork {
    type Err = IpNetworkError;

    fn from_str(text: &str) -> Result<Self, IpNetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| IpNetworkError::Address)?;
        let bits_max: u8 = if address.is_ipv4() { 32 } else { 128 };
        let bits = match prefix {
            None => bits_max,
            // `u8` would also read `+8` and `008`.
            Some(digits) if digits.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| IpNetworkError::Prefix)?
            }
            Some(_) => return Err(IpNetworkError::Prefix),
        };
        if bits > bits_max {
            return Err(IpNetworkError::Prefix);
        }
        let (address, bits) = unmapped(address, bits);
        let first = match address {
            IpAddr::V4(address) => {
                IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask_v4(bits)))
            }
            IpAddr::V6(address) => {
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask_v6(bits)))
            }
        };
        let network = Self {
            address: first,
            prefix_bits: bits,
        };
        if first == address {
            Ok(network)
        } else {
            Err(IpNetworkError::HostBits(network))
        }
    }
}

/// A block that lies within the mapped addresses, as the IPv4 block that it is.
fn unmapped(address: IpAddr, prefix_bits: u8) -> (IpAddr, u8) {
    const MAPPED_PREFIX_BITS: u8 = 96;
    match (address, prefix_bits.checked_sub(MAPPED_PREFIX_BITS)) {
        (IpAddr::V6(mapped), Some(rest)) => match mapped.to_ipv4_mapped() {
            Some(plain) => (IpAddr::V4(plain), rest),
            None => (address, prefix_bits),
        },
        _ => (address, prefix_bits),
    }
}

impl fmt::Display for IpNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits_max = if self.address.is_ipv4() { 32 } else { 128 };
        if self.prefix_bits == bits_max {
            write!(f, "{}", self.address)
        } else {
            write!(f, "{}/{}", self.address, self.prefix_bits)
        }
    }
}

/// Many blocks, joined and sorted: asking takes time logarithmic in their number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpNetworkSet {
    v4: Box<[(u128, u128)]>,
    v6: Box<[(u128, u128)]>,
}

impl IpNetworkSet {
    /// Joins the blocks.
    pub fn new(networks: &[IpNetwork]) -> Self {
        let ranges = |is_v4: bool| {
            let family = networks.iter();
            let family = family.filter(|network| network.address.is_ipv4() == is_v4);
            joined(family.map(IpNetwork::bounds).collect())
        };
        Self {
            v4: ranges(true),
            v6: ranges(false),
        }
    }

    /// Whether there is no block in it.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Whether the address is in one of the blocks, in whichever form it is written.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => has(&self.v4, address.to_bits().into()),
            IpAddr::V6(address) => has(&self.v6, address.to_bits()),
        }
    }
}

fn joined(mut ranges: Vec<(u128, u128)>) -> Box<[(u128, u128)]> {
    ranges.sort_unstable();
    let mut joined: Vec<(u128, u128)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match joined.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => joined.push((first, last)),
        }
    }
    joined.into()
}

fn has(ranges: &[(u128, u128)], number: u128) -> bool {
    let behind = ranges.partition_point(|(first, _)| *first <= number);
    let before = behind.checked_sub(1).and_then(|index| ranges.get(index));
    before.is_some_and(|(_, last)| number <= *last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> IpNetwork {
        text.parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn blocks_are_read_and_written() {
        for text in [
            "10.0.0.0/8",
            "203.0.113.7",
            "0.0.0.0/0",
            "::/0",
            "2001:db8::/32",
            "::1",
        ] {
            assert_eq!(read(text).to_string(), text);
        }
        assert_eq!(read("203.0.113.7/32").to_string(), "203.0.113.7");
        assert_eq!(read("::ffff:10.0.0.0/104").to_string(), "10.0.0.0/8");
        assert_eq!(read("::ffff:10.1.2.3").to_string(), "10.1.2.3");
        for bad in [
            "",
            "10.0.0",
            "10.0.0.0.0",
            "a",
            "10.0.0.0 /8",
            "[::1]",
            "1.2.3.4:80",
        ] {
            assert_eq!(
                bad.parse::<IpNetwork>(),
                Err(IpNetworkError::Address),
                "{bad}"
            );
        }
        for bad in [
            "10.0.0.0/33",
            "10.0.0.0/",
            "::/129",
            "::/+1",
            "::/0001",
            "10.0.0.0/-1",
        ] {
            assert_eq!(
                bad.parse::<IpNetwork>(),
                Err(IpNetworkError::Prefix),
                "{bad}"
            );
        }
        let error = "10.1.2.3/8".parse::<IpNetwork>().unwrap_err();
        assert_eq!(error, IpNetworkError::HostBits(read("10.0.0.0/8")));
    }

    #[test]
    fn a_set_says_what_its_blocks_say() {
        let networks = [
            read("10.0.0.0/8"),
            read("10.1.0.0/16"),
            read("11.0.0.0/8"),
            read("192.0.2.1"),
            read("255.255.255.255"),
            read("2001:db8::/32"),
        ];
        let set = IpNetworkSet::new(&networks);
        for address in [
            "9.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "11.255.255.255",
            "12.0.0.0",
            "192.0.2.0",
            "192.0.2.1",
            "192.0.2.2",
            "255.255.255.255",
            "::ffff:10.0.0.1",
            "::ffff:12.0.0.1",
            "2001:db8:ffff::1",
            "2001:db9::",
            "::",
        ] {
            let address: IpAddr = address.parse().unwrap();
            let want = networks.iter().any(|network| network.contains(address));
            assert_eq!(set.contains(address), want, "{address}");
        }
        assert!(set.contains("::ffff:10.0.0.1".parse().unwrap()));
        assert!(IpNetworkSet::default().is_empty() && !set.is_empty());
    }

    #[test]
    fn families_are_apart() {
        let all_v6 = IpNetworkSet::new(&[read("::/0")]);
        assert!(all_v6.contains("2001:db8::1".parse().unwrap()));
        assert!(!all_v6.contains("::ffff:192.0.2.1".parse().unwrap()));
        assert!(!all_v6.contains("192.0.2.1".parse().unwrap()));
        assert!(
            IpNetworkSet::new(&[read("0.0.0.0/0")]).contains("::ffff:192.0.2.1".parse().unwrap())
        );
    }
}
