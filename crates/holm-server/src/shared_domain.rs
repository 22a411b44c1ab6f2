//! What sites under one domain can do to each other by cookies (S-32), said at the start.
//!
//! The edge drops cookies that a site's rules would set for the domain that all share; a script of the site
//! can still set one in the browser, unless the domain is on the Public Suffix List. The list is not
//! shipped: it changes weekly, and one old by a month would be believed.

use crate::config::ServerConfig;
use crate::console;

/// Endings that are nobody's domain: on one's own machine and network, and in tests (RFC 6761, RFC 6762,
/// RFC 8375, RFC 9476).
const LOCAL_ENDINGS: [&str; 7] = [
    "localhost",
    "local",
    "internal",
    "home.arpa",
    "test",
    "invalid",
    "alt",
];

/// Says what is to be known about the base domain, if there is anything.
pub(crate) fn warn(config: &ServerConfig) {
    for line in warnings(config) {
        console::say(&format!("warning: {line}"));
    }
}

fn warnings(config: &ServerConfig) -> Vec<String> {
    let base = &config.base_domain.value;
    let mut warnings = Vec::new();
    if !is_local(base) && !config.base_domain_is_public_suffix.value {
        warnings.push(format!(
            "scripts of a site under {base} can set cookies for every other site under it, unless {base} is on \
             the Public Suffix List; if it is, or all sites are yours, set `base_domain_is_public_suffix = true`"
        ));
    }
    let control_host = config.control_url.value.as_deref().and_then(host_of);
    if let Some(host) = control_host.filter(|host| is_at_or_beneath(host, base)) {
        warnings.push(format!(
            "the console's host {host} lies under {base}, where the sites are; give it a domain of its own"
        ));
    }
    warnings
}

fn host_of(origin: &str) -> Option<&str> {
    let (_, authority) = origin.split_once("://")?;
    authority.split([':', '/']).next()
}

fn is_local(domain: &str) -> bool {
    let has_dot = domain.contains('.');
    !has_dot
        || LOCAL_ENDINGS
            .iter()
            .any(|ending| is_at_or_beneath(domain, ending))
}

fn is_at_or_beneath(name: &str, above: &str) -> bool {
    let rest = name.strip_suffix(above);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::ServerArgs;

    fn said(lines: &str) -> String {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("holm.toml"), lines).unwrap();
        let args = ServerArgs {
            data: Some(data.path().to_owned()),
            ..ServerArgs::default()
        };
        warnings(&ServerConfig::combine(&args).unwrap()).join("\n")
    }

    #[test]
    fn a_shared_domain_is_warned_of_until_it_is_said_to_be_a_suffix() {
        assert_eq!(said(""), "");
        assert_eq!(said("base_domain = \"sites.test\""), "");
        assert_eq!(said("base_domain = \"intranet\""), "");
        let shared = said("base_domain = \"sites.example.org\"");
        assert!(shared.contains("Public Suffix List"), "{shared}");
        assert!(said("base_domain = \"mylocalhost.org\"").contains("Public Suffix List"));
        let lines = "base_domain = \"sites.example.org\"\nbase_domain_is_public_suffix = true\n";
        assert_eq!(said(lines), "");
        let inside = format!("{lines}control_url = \"https://holm.sites.example.org\"");
        assert!(said(&inside).contains("a domain of its own"));
        assert_eq!(
            said(&format!(
                "{lines}control_url = \"https://holm.example.org\""
            )),
            ""
        );
    }
}
