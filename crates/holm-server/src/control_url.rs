//! The address under which a TLS proxy shows the API and console, as browsers write an origin.

use holm_types::Hostname;

/// The origin (RFC 6454 section 6.2) that `url` names: `https`, a host in lower case, and a port unless
/// it is 443. A slash at the end is dropped.
///
/// # Errors
/// The rule that the text breaks.
pub(crate) fn parse_origin(url: &str) -> Result<String, &'static str> {
    let has_scheme = url
        .get(..8)
        .is_some_and(|start| start.eq_ignore_ascii_case("https://"));
    if !has_scheme {
        return Err("it must start with https://");
    }
    let rest = url.get(8..).unwrap_or_default();
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains(['/', '?', '#', '\\']) {
        return Err("it must be a scheme, a host and perhaps a port, without a path or a query");
    }
    if authority.contains('@') {
        return Err("it must not contain a user name");
    }
    let host = Hostname::parse(authority).map_err(
        |_| "it must name a host (other scripts as xn--), such as https://holm.example.org",
    )?;
    // The host as it was read ends where the port begins; a dot at its end is dropped with it.
    let is_plain_name = !host.as_str().starts_with(['.', '-']) && !host.as_str().contains("..");
    let is_address = host.as_str().starts_with('[');
    if !is_plain_name || (is_address && !is_ipv6(host.as_str())) {
        return Err("it must name a host, such as https://holm.example.org");
    }
    match port_of(authority)? {
        None | Some(443) => Ok(format!("https://{host}")),
        Some(port) => Ok(format!("https://{host}:{port}")),
    }
}

fn is_ipv6(bracketed: &str) -> bool {
    let inner = bracketed
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
}

/// `None` without a port; an empty one counts as none (RFC 3986 section 3.2.3).
fn port_of(authority: &str) -> Result<Option<u16>, &'static str> {
    let after_bracket = authority.rfind(']').map_or(0, |at| at + 1);
    let tail = authority.get(after_bracket..).unwrap_or_default();
    match tail.split_once(':') {
        None | Some((_, "")) => Ok(None),
        Some((_, port)) => match port.parse() {
            Ok(0) | Err(_) => Err("its port must be between 1 and 65535"),
            Ok(port) => Ok(Some(port)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (url, want) in [
            ("https://holm.example.org", "https://holm.example.org"),
            ("HTTPS://Holm.Example.ORG/", "https://holm.example.org"),
            ("https://holm.example.org:443", "https://holm.example.org"),
            ("https://holm.example.org:", "https://holm.example.org"),
            (
                "https://holm.example.org:8443/",
                "https://holm.example.org:8443",
            ),
            ("https://[::1]:8443", "https://[::1]:8443"),
        ] {
            assert_eq!(parse_origin(url).as_deref(), Ok(want), "{url}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused_with_the_rule() {
        for (url, want) in [
            ("http://x", "https://"),
            ("holm.example.org", "https://"),
            ("https://", "name a host"),
            ("https:///", "name a host"),
            ("https://ü.example", "name a host"),
            ("https://a b", "name a host"),
            ("https://.example.org", "name a host"),
            ("https://[::1", "name a host"),
            ("https://[x]", "name a host"),
            ("https://x/holm", "without a path"),
            ("https://x//", "without a path"),
            ("https://x?a", "without a path"),
            ("https://x#a", "without a path"),
            ("https://me@x", "user name"),
            ("https://x:0", "port"),
            ("https://x:70000", "port"),
        ] {
            let why = parse_origin(url).unwrap_err();
            assert!(why.contains(want), "{url}: {why}");
        }
    }
}
