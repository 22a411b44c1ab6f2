//! What stands in a `Location`: percent-encoded, on the host that the author of the rule meant, and in one line.
//!
//! A captured value is text from a stranger. In a path it keeps its slashes, in a query or fragment or host
//! it is encoded whole, so that it can neither end the host nor begin a query. A destination without a scheme
//! stays on this site whatever was captured (`//host`, `/\host`, `https:` in a capture).

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::limits::LOCATION_BYTES_MAX;
use crate::pattern::Captures;
use crate::template::{Part, Template};

/// What no part of a URL may hold as it is. A percent sign is the author's own encoding.
const ANYWHERE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');
/// In a query as the client sent it.
const QUERY: &AsciiSet = &ANYWHERE.add(b'#');
/// In a path segment, once decoded.
const PATH: &AsciiSet = &QUERY.add(b'?').add(b'%');
/// Within one host label, one query value or a fragment.
const WHOLE: &AsciiSet = &PATH
    .add(b'/')
    .add(b':')
    .add(b'@')
    .add(b'&')
    .add(b'=')
    .add(b'+')
    .add(b';')
    .add(b',')
    .add(b'[')
    .add(b']');

/// Which part of the URL is being written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Host,
    Path,
    QueryOrFragment,
}

/// The target of a redirect rule. `query` is the client's, and is kept unless the destination has its own.
/// `None` when the target would be longer than [`LOCATION_BYTES_MAX`]: a destination may name one long capture
/// many times.
pub(crate) fn redirect_target(
    template: &Template,
    captures: &Captures<'_>,
    query: Option<&str>,
) -> Option<String> {
    let is_absolute = matches!(
        template.parts().first(),
        Some(Part::Text(text)) if text.starts_with("http://") || text.starts_with("https://")
    );
    let mut url = String::new();
    let mut has_query = false;
    for part in template.parts() {
        let place = place_after(&url, is_absolute);
        match part {
            Part::Text(text) => {
                has_query |=
                    text.split('#').next().unwrap_or_default().contains('?') && !url.contains('#');
                url.extend(utf8_percent_encode(text, ANYWHERE));
            }
            Part::Capture(index) => push_captured(&mut url, captures.get(*index), place),
        }
        if url.len() > LOCATION_BYTES_MAX {
            return None;
        }
    }
    let url = if is_absolute { url } else { on_this_site(&url) };
    let url = match query {
        Some(query) if !has_query => with_query(&url, query),
        _ => url,
    };
    (url.len() <= LOCATION_BYTES_MAX).then_some(url)
}

/// `path?query` on this site, from a path and a query as the client sent them.
pub(crate) fn same_site_target(raw_path: &str, query: Option<&str>) -> String {
    let path: String = utf8_percent_encode(raw_path, QUERY).collect();
    let path = on_this_site(&path);
    match query {
        Some(query) => with_query(&path, query),
        None => path,
    }
}

/// The path with one slash in front, so that no browser takes what follows for a host.
fn on_this_site(path: &str) -> String {
    let rest = path.trim_start_matches(['/', '\\']);
    format!("/{rest}")
}

fn with_query(url: &str, query: &str) -> String {
    let (before, fragment) = match url.split_once('#') {
        Some((before, fragment)) => (before, Some(fragment)),
        None => (url, None),
    };
    let mut out = format!("{before}?{}", utf8_percent_encode(query, QUERY));
    if let Some(fragment) = fragment {
        out.push('#');
        out.push_str(fragment);
    }
    out
}

fn place_after(url: &str, is_absolute: bool) -> Place {
    let after_scheme = match url.split_once("://") {
        Some((_, rest)) if is_absolute => rest,
        _ => url,
    };
    if after_scheme.contains(['?', '#']) {
        Place::QueryOrFragment
    } else if is_absolute && !after_scheme.contains('/') {
        Place::Host
    } else {
        Place::Path
    }
}

fn push_captured(url: &mut String, value: &str, place: Place) {
    if place != Place::Path {
        // A slash that was sent encoded is one here.
        let value = value.replace("%2F", "/");
        url.extend(utf8_percent_encode(&value, WHOLE));
        return;
    }
    url.push_str(&path_text(value));
}

/// A decoded path, or a piece of one, as it is sent.
pub(crate) fn path_text(value: &str) -> String {
    let mut parts = value.split("%2F");
    let mut text: String = utf8_percent_encode(parts.next().unwrap_or_default(), PATH).collect();
    for part in parts {
        text.push_str("%2F");
        text.extend(utf8_percent_encode(part, PATH));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Pattern;

    fn check(source: &str, destination: &str, path: &str, query: Option<&str>, want: &str) {
        let pattern = Pattern::compile(source);
        let captures = pattern.captures(path).expect("the pattern takes the path");
        let template = Template::compile(destination, &pattern);
        assert_eq!(
            redirect_target(&template, &captures, query).as_deref(),
            Some(want),
            "{source} {destination} {path}"
        );
    }

    #[test]
    fn query_is_kept_unless_the_destination_has_one() {
        check("/a", "/b", "/a", Some("x=1"), "/b?x=1");
        check("/a", "/b", "/a", Some(""), "/b?");
        check("/a", "/b?y=2", "/a", Some("x=1"), "/b?y=2");
        check("/a", "/b#top", "/a", Some("x=1"), "/b?x=1#top");
        check("/a", "/b#top?", "/a", Some("x=1"), "/b?x=1#top?");
        check("/a", "/b", "/a", Some("x=é\"#"), "/b?x=%C3%A9%22%23");
    }

    #[test]
    fn captured_text_is_encoded_for_its_place() {
        check("/a/*", "/b/:splat", "/a/x y/标", None, "/b/x%20y/%E6%A0%87");
        check("/a/*", "/b/:splat", "/a/x%2Fy", None, "/b/x%2Fy");
        check("/a/*", "/b/:splat", "/a/100%", None, "/b/100%25");
        check("/a/*", "/b/:splat", "/a/x?y#z", None, "/b/x%3Fy%23z");
        check(
            "/s/:q",
            "/find?q=:q",
            "/s/a&b=c d",
            None,
            "/find?q=a%26b%3Dc%20d",
        );
        check("/s/*", "/find#:splat", "/s/a/b", None, "/find#a%2Fb");
        check("/a", "/b c", "/a", None, "/b%20c");
        check("/a", "/%E6%A0%87", "/a", None, "/%E6%A0%87");
    }

    #[test]
    fn a_long_target_is_none() {
        let pattern = Pattern::compile("/a/*");
        let template = Template::compile(&"/:splat".repeat(60), &pattern);
        let target = |length: usize| {
            let path = format!("/a/{}", "x".repeat(length));
            let captures = pattern.captures(&path).expect("the pattern takes the path");
            redirect_target(&template, &captures, Some("q")).map(|target| target.len())
        };
        assert_eq!(target(200), Some(60 * 201 + 2));
        assert_eq!(target(300), None);
        assert_eq!(target(8000), None);
    }

    #[test]
    fn a_path_cannot_become_a_host() {
        check("/go/*", "/:splat", "/go//evil.test", None, "/evil.test");
        check("/go*", ":splat", "/go//evil.test", None, "/evil.test");
        check(
            "/go/*",
            ":splat",
            "/go/https://evil.test",
            None,
            "/https://evil.test",
        );
        check("/go/*", "/:splat", "/go/\\evil.test", None, "/%5Cevil.test");
        check("/go/*", "//:splat", "/go/evil.test", None, "/evil.test");
        assert_eq!(same_site_target("//evil.test", None), "/evil.test");
        assert_eq!(
            same_site_target("/\\evil.test", Some("a b")),
            "/%5Cevil.test?a%20b"
        );
    }

    #[test]
    fn a_capture_cannot_end_the_host() {
        check(
            "/go/:sub",
            "https://:sub.a.test/x",
            "/go/blog",
            None,
            "https://blog.a.test/x",
        );
        check(
            "/go/*",
            "https://:splat.a.test/",
            "/go/evil.test/",
            None,
            "https://evil.test%2F.a.test/",
        );
        check(
            "/go/*",
            "https://a.test:splat",
            "/go/@evil.test",
            None,
            "https://a.test%40evil.test",
        );
        check(
            "/go/*",
            "https://a.test/:splat",
            "/go//evil.test",
            None,
            "https://a.test//evil.test",
        );
    }
}
