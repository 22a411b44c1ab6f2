//! The pages a visitor sees when there is no site to show, one per [`VisitorCode`], rendered at the
//! start around the one thing that changes: the request id.

use std::fmt::Write as _;

use bytes::Bytes;
use holm_site::guard::PASSWORD_PATH;
use holm_types::VisitorCode;
use http::header::{ACCEPT, HeaderMap, HeaderValue};

use crate::weight::{Weight, alternatives};

const TEMPLATE: &str = include_str!("page/page.html");
/// The form for a password; the wording is that of the pages.
const PASSWORD_TEMPLATE: &str = include_str!("page/password.html");
const BARE_TEMPLATE: &str = include_str!("page/bare.html");

/// In which form a page is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageFormat {
    /// For people: to whoever asks for HTML by name, as browsers do when they show a page.
    Html,
    /// The same words without the dress: to programs, images and scripts that take anything.
    Bare,
    /// `application/problem+json` (RFC 9457), for programs that ask for JSON.
    Json,
}

impl PageFormat {
    /// What the client prefers. JSON only when it is asked for, by name, at least as much as HTML.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let Some(accept) = headers.get(ACCEPT).and_then(|value| value.to_str().ok()) else {
            return Self::Bare;
        };
        let mut html = Preference::NONE;
        let mut json = Preference::NONE;
        for (name, weight) in alternatives(accept) {
            html.consider(name, weight, "text/*", is_html);
            json.consider(name, weight, "application/*", is_json);
        }
        if json.key() > html.key() {
            Self::Json
        } else if html.specificity > 1 {
            Self::Html
        } else {
            Self::Bare
        }
    }

    /// Ready to be sent.
    pub(crate) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Html | Self::Bare => "text/html; charset=utf-8",
            Self::Json => "application/problem+json",
        })
    }
}

fn is_html(name: &str) -> bool {
    name.eq_ignore_ascii_case("text/html") || name.eq_ignore_ascii_case("application/xhtml+xml")
}

fn is_json(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "application/json" || name.ends_with("+json")
}

/// How much a format is wanted: the most specific mention decides its weight (RFC 9110 section
/// 12.5.1); between equal weights, the more specific mention wins.
#[derive(Clone, Copy, Debug)]
struct Preference {
    specificity: u8,
    weight: Weight,
}

impl Preference {
    const NONE: Self = Self {
        specificity: 0,
        weight: Weight::NONE,
    };

    fn consider(&mut self, name: &str, weight: Weight, family: &str, is_this: fn(&str) -> bool) {
        let specificity = if is_this(name) {
            3
        } else if name.eq_ignore_ascii_case(family) {
            2
        } else if name == "*/*" {
            1
        } else {
            return;
        };
        let is_better = (specificity, weight) > (self.specificity, self.weight);
        if specificity > self.specificity || is_better {
            *self = Self {
                specificity,
                weight,
            };
        }
    }

    fn key(self) -> (Weight, u8) {
        (self.weight, self.specificity)
    }
}

/// A page with a hole for the request id.
#[derive(Debug)]
struct Rendered {
    before: Box<str>,
    after: Box<str>,
}

impl Rendered {
    fn split(text: &str) -> Self {
        let (before, after) = text
            .split_once("{request_id}")
            .expect("every page shows its request id");
        Self {
            before: before.into(),
            after: after.into(),
        }
    }

    fn with(&self, id: &[u8]) -> Bytes {
        let length = self.before.len() + id.len() + self.after.len();
        let mut page = Vec::with_capacity(length);
        page.extend_from_slice(self.before.as_bytes());
        page.extend_from_slice(id);
        page.extend_from_slice(self.after.as_bytes());
        page.into()
    }
}

/// One page in its forms.
#[derive(Debug)]
struct Row {
    code: VisitorCode,
    html: Rendered,
    bare: Rendered,
    json: Rendered,
}

/// Every page in every form.
#[derive(Debug)]
pub(crate) struct Pages {
    rows: Vec<Row>,
}

impl Pages {
    /// Renders them all.
    pub(crate) fn new() -> Self {
        let rows = VisitorCode::all()
            .map(|code| Row {
                code,
                html: Rendered::split(&render_html(TEMPLATE, code)),
                bare: Rendered::split(&render_html(BARE_TEMPLATE, code)),
                json: Rendered::split(&render_json(code)),
            })
            .collect();
        Self { rows }
    }

    /// A page for one request; `id` is its number in digits.
    pub(crate) fn body(&self, code: VisitorCode, format: PageFormat, id: &[u8]) -> Bytes {
        let row = self
            .rows
            .iter()
            .find(|row| row.code == code)
            .expect("every code was rendered at the start");
        match format {
            PageFormat::Html => row.html.with(id),
            PageFormat::Bare => row.bare.with(id),
            PageFormat::Json => row.json.with(id),
        }
    }
}

/// The form that asks for a host's password. Rendered for each visitor: it says where to go on.
pub(crate) fn password_form(return_to: &str, remark: Option<&str>, request_id: u64) -> Bytes {
    // `{return_to}` last: it is the only text from a visitor.
    PASSWORD_TEMPLATE
        .replace("{action}", PASSWORD_PATH)
        .replace("{remark}", remark.unwrap_or_default())
        .replace("{request_id}", &request_id.to_string())
        .replace("{return_to}", &escaped_html(return_to))
        .into()
}

fn render_html(template: &str, code: VisitorCode) -> String {
    template
        .replace("{status}", &code.status().to_string())
        .replace("{word}", &escaped_html(code.word()))
        .replace("{sentence}", &escaped_html(code.sentence()))
        .replace("{visitor}", &escaped_html(code.visitor_advice()))
        .replace("{owner}", &escaped_html(code.owner_advice()))
}

fn escaped_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// RFC 9457: `type` is left out, which means `about:blank`; `code` says which it is.
fn render_json(code: VisitorCode) -> String {
    let fields = [
        ("title", code.sentence()),
        ("code", code.word()),
        ("visitor", code.visitor_advice()),
        ("owner", code.owner_advice()),
    ];
    let mut text = format!("{{\"status\":{}", code.status());
    for (name, value) in fields {
        text.push_str(",\"");
        text.push_str(name);
        text.push_str("\":");
        text.push_str(&quoted_json(value));
    }
    text.push_str(",\"request_id\":\"{request_id}\"}");
    text
}

fn quoted_json(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control < ' ' => {
                write!(quoted, "\\u{:04x}", u32::from(control)).expect("a string takes it");
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_only_for_those_who_ask() {
        use PageFormat::{Bare, Html, Json};
        let check = |accept: &str, want: PageFormat| {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
            assert_eq!(PageFormat::of(&headers), want, "{accept}");
        };
        assert_eq!(PageFormat::of(&HeaderMap::new()), Bare);
        check("*/*", Bare);
        check("", Bare);
        check("image/avif,image/webp,*/*;q=0.8", Bare);
        check("text/*", Html);
        check(
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            Html,
        );
        check("application/json", Json);
        check("application/problem+json", Json);
        check("application/vnd.api+json", Json);
        check("application/json, text/plain, */*", Json);
        check("application/json;q=0.5, text/html", Html);
        check("application/json, text/html;q=0.9", Json);
        check("text/html, application/json", Html);
        check("application/json;q=0, */*", Bare);
        check("application/*", Json);
    }

    #[test]
    fn pages_say_all_there_is_to_say_and_load_nothing() {
        let pages = Pages::new();
        for code in VisitorCode::all() {
            let [page, bare] = [PageFormat::Html, PageFormat::Bare]
                .map(|format| pages.body(code, format, b"12345678901234567890"));
            let text = std::str::from_utf8(&page).unwrap();
            let bare = std::str::from_utf8(&bare).unwrap();
            let heading = format!("{}: {}</h1>", code.status(), code.word());
            for text in [text, bare] {
                assert!(text.contains(&heading), "{text}");
                for part in [code.sentence(), code.visitor_advice(), code.owner_advice()] {
                    assert!(text.contains(&escaped_html(part)), "{part}");
                }
                assert!(text.contains("12345678901234567890"));
            }
            assert!(bare.len() + 400 < text.len(), "{}", bare.len());
            for forbidden in [
                "{", "http://", "https://", "<script", "<link", "<img", "url(",
            ] {
                let rest = text.split("</style>").last().unwrap();
                assert!(!rest.contains(forbidden), "{forbidden} in {text}");
            }
        }
    }

    #[test]
    fn json_is_json() {
        let page = Pages::new().body(VisitorCode::NotFound, PageFormat::Json, b"7");
        let text = std::str::from_utf8(&page).unwrap();
        assert!(text.starts_with(
            "{\"status\":404,\"title\":\"The page does not exist.\",\"code\":\"NOT_FOUND\","
        ));
        assert!(text.ends_with(",\"request_id\":\"7\"}"));
        assert_eq!(quoted_json("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000a\"");
    }
}
