//! Whose cookies a site may set (S-32): its own host's, and on a custom domain those of the domain's owner,
//! but never those of the domain that all sites share.

/// Whether a `Set-Cookie` would reach hosts that are not the site's: its `Domain` is the base domain or
/// above it, or, for a host under the base domain, any name but that host itself. Such a cookie is dropped,
/// because one site could plant it in every other's visitors.
///
/// `base_domain` is in lower case; `host` is canonical.
pub fn cookie_leaves_host(set_cookie: &[u8], host: &str, base_domain: &str) -> bool {
    let fields = set_cookie.split(|byte| *byte == b';').skip(1);
    let mut domains = fields.filter_map(|field| {
        let field = field.trim_ascii();
        let equals = field.iter().position(|byte| *byte == b'=')?;
        let (name, value) = field.split_at(equals);
        let is_domain = name.trim_ascii().eq_ignore_ascii_case(b"domain");
        is_domain.then(|| value.get(1..).unwrap_or_default().trim_ascii())
    });
    domains.any(|domain| is_foreign(domain, host, base_domain))
}

fn is_foreign(domain: &[u8], host: &str, base_domain: &str) -> bool {
    // Browsers drop one dot in front and a whole attribute without a value (RFC 6265 section 5.2.3).
    let domain = domain
        .strip_prefix(b".")
        .unwrap_or(domain)
        .to_ascii_lowercase();
    if domain.is_empty() {
        return false;
    }
    let Ok(domain) = std::str::from_utf8(&domain) else {
        return true;
    };
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let is_base_or_above = is_at_or_beneath(base_domain, domain);
    let is_under_base = is_at_or_beneath(host, base_domain);
    is_base_or_above || (is_under_base && domain != host)
}

fn is_at_or_beneath(name: &str, above: &str) -> bool {
    let rest = name.strip_suffix(above);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_stays_with_its_site() {
        let check = |cookie: &str, host: &str, want: bool| {
            let got = cookie_leaves_host(cookie.as_bytes(), host, "sites.example.org");
            assert_eq!(got, want, "{cookie} on {host}");
        };
        let own = "blog.sites.example.org";
        check("a=1", own, false);
        check("a=1; Path=/; Secure", own, false);
        check("a=1; Domain=blog.sites.example.org", own, false);
        check("a=1; domain = .Blog.Sites.Example.org ", own, false);
        check("a=1; Domain=", own, false);
        check("domain=sites.example.org; Path=/", own, false);
        for shared in [
            "a=1; Domain=sites.example.org",
            "a=1;DOMAIN=.SITES.example.org.",
            "a=1; Domain=example.org",
            "a=1; Domain=org",
            "a=1; Domain=other.sites.example.org",
            "a=1; Domain=blog.sites.example.org; Domain=example.org",
            "a=1; Domain=\u{fe}",
        ] {
            check(shared, own, true);
        }
        let custom = "www.shop.example";
        check("a=1; Domain=shop.example", custom, false);
        check("a=1; Domain=example.org", "www.example.org", true);
        check(
            "a=1; Domain=shop.example.org",
            "www.shop.example.org",
            false,
        );
    }
}
