//! The header rules of a site as they meet an answer.
//!
//! A rule was written for a file. On a page of Holm's, on a redirect, and where another file stands in
//! for one that is missing, what it says about that file does not hold, and is left out: a missing
//! script must not be kept for a year because its folder's files may be.

use http::StatusCode;
use http::header::{
    ACCEPT_RANGES, AGE, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_DISPOSITION, CONTENT_ENCODING,
    CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG,
    EXPIRES, HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED, LINK, LOCATION, PRAGMA,
    RETRY_AFTER, SERVER, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, VARY,
};

use holm_site::{HeaderChange, RequestHead, Site, cookie_leaves_host};

use crate::answer::{CACHE_STATUS, EO_CACHE_STATUS, EO_LOG_UUID};

/// What a rule's fields are set on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The file that was asked for.
    #[default]
    File,
    /// A file that stands in for a missing one: the site's 404 page, or the single page for a name
    /// with an extension.
    StandIn,
    /// A page of Holm's or a redirect.
    Message,
}

/// The header rules of a site that apply to a request, in order.
#[derive(Debug, Default)]
pub(crate) struct RuleHeaders {
    /// Names that are taken away before the fields are set.
    unset: Vec<HeaderName>,
    fields: Vec<(HeaderName, HeaderValue)>,
}

impl RuleHeaders {
    /// Collects them; free for a site that has none.
    ///
    /// A cookie that would reach other sites is left out (S-32), as are the fields that are ours.
    pub(crate) fn of(site: &Site, head: &RequestHead<'_>, base_domain: Option<&str>) -> Self {
        let mut rules = Self::default();
        if site.has_header_rules() {
            let (host, path) = (head.host.as_str(), head.path.as_str());
            let leaves_host = |name: &HeaderName, value: &HeaderValue| {
                *name == SET_COOKIE
                    && base_domain
                        .is_some_and(|base| cookie_leaves_host(value.as_bytes(), host, base))
            };
            site.header_changes(host, path, &mut |change| match change {
                HeaderChange::Set(name, value) if !is_ours(name) && !leaves_host(name, value) => {
                    rules.fields.push((name.clone(), value.clone()));
                }
                HeaderChange::Unset(name) if !is_ours(name) && !is_kept(name) => {
                    rules.unset.push(name.clone());
                }
                HeaderChange::Set(..) | HeaderChange::Unset(_) => {}
            });
        }
        rules
    }

    /// Whether they set this field.
    pub(crate) fn sets(&self, name: &HeaderName) -> bool {
        self.fields.iter().any(|(set, _)| set == name)
    }

    /// Sets them over whatever is there.
    ///
    /// `Vary` only grows, because what the answer depends on does not change by being left out (RFC
    /// 9110 section 12.5.5). `Set-Cookie` and `Link` are lists of their own: each is added. With 304
    /// and 204 nothing is said about a body that is not sent.
    pub(crate) fn apply(self, subject: Subject, status: StatusCode, headers: &mut HeaderMap) {
        let is_multipart = headers.get(CONTENT_TYPE).is_some_and(is_of_parts);
        for name in &self.unset {
            headers.remove(name);
        }
        let is_bodiless = matches!(status, StatusCode::NOT_MODIFIED | StatusCode::NO_CONTENT);
        for (name, value) in self.fields {
            let is_out_of_place = match subject {
                Subject::File if is_multipart => name == CONTENT_TYPE,
                Subject::File => is_bodiless && is_about_body(&name),
                Subject::StandIn => is_about_keeping(&name),
                Subject::Message => {
                    is_about_keeping(&name) || is_about_body(&name) || is_of_the_message(&name)
                }
            };
            if is_out_of_place {
                continue;
            }
            if name == VARY {
                add_to_vary(headers, &value);
            } else if name == SET_COOKIE || name == LINK {
                headers.append(name, value);
            } else {
                headers.insert(name, value);
            }
        }
    }
}

fn add_to_vary(headers: &mut HeaderMap, value: &HeaderValue) {
    let old = headers.get(VARY).and_then(|old| old.to_str().ok());
    let joined = match (old, value.to_str()) {
        (Some(old), Ok(new)) => HeaderValue::try_from(format!("{old}, {new}")).ok(),
        _ => None,
    };
    headers.insert(VARY, joined.unwrap_or_else(|| value.clone()));
}

/// What a file that stands in must not take over: how long its address may be kept.
fn is_about_keeping(name: &HeaderName) -> bool {
    [CACHE_CONTROL, EXPIRES, PRAGMA, AGE].contains(name)
}

fn is_about_body(name: &HeaderName) -> bool {
    [
        CONTENT_TYPE,
        CONTENT_ENCODING,
        CONTENT_LANGUAGE,
        CONTENT_DISPOSITION,
        CONTENT_LOCATION,
    ]
    .contains(name)
}

/// The type of several parts says where each ends; what a rule says is about the file.
fn is_of_parts(media_type: &HeaderValue) -> bool {
    media_type
        .as_bytes()
        .starts_with(b"multipart/byteranges; boundary=")
}

fn is_of_the_message(name: &HeaderName) -> bool {
    [ACCEPT_RANGES, ALLOW, LOCATION, RETRY_AFTER].contains(name)
}

/// Fields that a rule may change but not take away: without them an answer is read wrongly, or a method or a
/// redirect leads nowhere.
fn is_kept(name: &HeaderName) -> bool {
    [VARY, CONTENT_ENCODING, CONTENT_TYPE, LOCATION, ALLOW].contains(name)
}

/// Fields that say where a message ends, what the connection does, which version of a file this is, or
/// by which an answer is traced: never a site's to set. `edgeone.json` is told so when it is read.
fn is_ours(name: &HeaderName) -> bool {
    [
        CONTENT_LENGTH,
        TRANSFER_ENCODING,
        CONNECTION,
        CONTENT_RANGE,
        TE,
        TRAILER,
        UPGRADE,
        DATE,
        SERVER,
        ETAG,
        LAST_MODIFIED,
        CACHE_STATUS,
        EO_CACHE_STATUS,
        EO_LOG_UUID,
    ]
    .contains(name)
        || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(subject: Subject, fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let fields = fields.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        let rules = RuleHeaders {
            unset: Vec::new(),
            fields: fields.collect(),
        };
        rules.apply(subject, StatusCode::OK, &mut headers);
        headers
    }

    #[test]
    fn vary_grows_and_lists_are_added_to() {
        let headers = apply(
            Subject::File,
            &[
                ("vary", "Cookie"),
                ("set-cookie", "a=1"),
                ("set-cookie", "b=2"),
                ("x-a", "1"),
                ("x-a", "2"),
            ],
        );
        assert_eq!(headers[VARY], "accept-encoding, Cookie");
        assert_eq!(headers.get_all(SET_COOKIE).iter().count(), 2);
        assert_eq!(headers["x-a"], "2");
    }

    #[test]
    fn what_is_taken_away_may_be_set_again() {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=0"));
        headers.insert("x-a", HeaderValue::from_static("1"));
        let rules = RuleHeaders {
            unset: vec![CACHE_CONTROL, HeaderName::from_static("x-a")],
            fields: vec![(CACHE_CONTROL, HeaderValue::from_static("max-age=9"))],
        };
        rules.apply(Subject::File, StatusCode::OK, &mut headers);
        assert_eq!(headers[CACHE_CONTROL], "max-age=9");
        assert_eq!(headers.len(), 1);
    }

    #[test]
    fn what_is_about_a_file_stays_off_what_is_none() {
        let rules = [
            ("cache-control", "max-age=31536000, immutable"),
            ("content-type", "application/json"),
            ("location", "/z"),
            ("x-frame-options", "DENY"),
        ];
        let file = apply(Subject::File, &rules);
        assert_eq!(file[CACHE_CONTROL], "max-age=31536000, immutable");
        assert_eq!(file[CONTENT_TYPE], "application/json");
        let stand_in = apply(Subject::StandIn, &rules);
        assert_eq!(stand_in[CACHE_CONTROL], "no-store");
        assert_eq!(stand_in[CONTENT_TYPE], "application/json");
        let message = apply(Subject::Message, &rules);
        assert_eq!(message[CACHE_CONTROL], "no-store");
        assert!(message.get(CONTENT_TYPE).is_none() && message.get(LOCATION).is_none());
        assert_eq!(message["x-frame-options"], "DENY");
    }
}
