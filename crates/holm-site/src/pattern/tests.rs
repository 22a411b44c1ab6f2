//! Patterns, against tables and against a matcher that is plainly right and slow.

use proptest::prelude::*;
use regex::Regex;

use super::*;

fn captured(source: &str, path: &str) -> Option<String> {
    let pattern = Pattern::compile(source);
    let captures = pattern.captures(path)?;
    let pairs = pattern.names().iter().enumerate();
    let texts: Vec<String> = pairs
        .map(|(index, name)| format!("{name}={}", captures.get(index)))
        .collect();
    Some(texts.join(" "))
}

#[test]
fn what_is_taken_and_captured() {
    for (source, path, want) in [
        ("/a", "/a", Some("")),
        ("/a", "/a/", None),
        ("/a", "/A", None),
        ("/user/:name", "/user/anna", Some("name=anna")),
        ("/user/:name", "/user/", None),
        ("/user/:name", "/user/a/b", None),
        (
            "/customer/:sex/:name",
            "/customer/f/anna",
            Some("sex=f name=anna"),
        ),
        ("/name/*", "/name/a/b", Some("splat=a/b")),
        ("/name/*", "/name/", Some("splat=")),
        ("/name/*", "/name", None),
        ("*.jpg", "/x/y.jpg", Some("splat=x/y")),
        ("*.jpg", "/x/y.jpeg", None),
        ("/avatar/*.jpg", "/avatar/1.jpg", Some("splat=1")),
        (
            "/assets/*/party.jpg",
            "/assets/dinner/party.jpg",
            Some("splat=dinner"),
        ),
        ("/assets/*/party.jpg", "/assets/party.jpg", None),
        ("/f/*/:name", "/f/x/bob", Some("splat=x name=bob")),
        ("/f/*/:name", "/f/h/i/sim", Some("splat=h/i name=sim")),
        ("/f/*/:name", "/f//sim", Some("splat= name=sim")),
        ("/f/*/:name", "/f/sim", None),
        ("/r/*/world/:id", "/r/hi/world/9", Some("splat=hi id=9")),
        ("/a:b/:c", "/axy/z", Some("b=xy c=z")),
        ("/a:b/:c", "/a/z", None),
        ("/a/:id-x/y", "/a/7-x/y", Some("id=7")),
        ("/a/:id-x/y", "/a/-x/y", None),
        ("/%E6%A0%87%E5%A4%B4*", "/标头/1", Some("splat=/1")),
        ("/a%2fb", "/a%2Fb", Some("")),
        ("/ab*ba", "/aba", None),
        ("/ab*ba", "/abba", Some("splat=")),
        ("logo.png", "/x/my-logo.png", Some("")),
        ("x/:id", "/a/x/7", Some("id=7")),
        (":id/x", "/7/x", Some("id=7")),
        ("/a\\*b", "/a*b", Some("")),
        ("/a\\*b", "/axb", None),
        ("*", "/", Some("splat=")),
        ("*", "/x", Some("splat=x")),
        ("/*", "/x/y", Some("splat=x/y")),
        ("", "/", Some("")),
    ] {
        assert_eq!(
            captured(source, path).as_deref(),
            want,
            "{source} on {path}"
        );
    }
}

#[test]
fn remarks_are_made() {
    assert_eq!(Pattern::remark("/a"), None);
    assert_eq!(Pattern::remark("*.jpg"), None);
    assert_eq!(Pattern::remark("logo.png"), None);
    assert_eq!(Pattern::remark("/a\\?x"), None);
    assert_eq!(Pattern::remark("/a?x=1"), Some(Remark::Query));
    assert_eq!(Pattern::remark("a/*.jpg"), Some(Remark::SlashAssumed));
    assert_eq!(Pattern::remark(":id/x"), Some(Remark::SlashAssumed));
}

/// A pattern that passes validation, and the same as a regular expression: slow, and plainly right.
fn pattern_and_regex() -> impl Strategy<Value = (String, Regex)> {
    let literal = "[ab.]{0,2}";
    let segment = prop_oneof![
        literal.prop_map(Segment::Literal),
        ("[ab]{0,1}", "(-[ab]{0,1})?").prop_map(|(before, after)| Segment::Name(before, after)),
        (literal, literal).prop_map(|(before, after)| Segment::Star(before, after)),
    ];
    prop::collection::vec(segment, 1..5).prop_map(|segments| {
        let (mut source, mut regex) = (String::new(), String::from("(?s)^"));
        let mut has_star = false;
        for (index, segment) in segments.iter().enumerate() {
            source.push('/');
            regex.push('/');
            let (before, token, capture, after) = match segment {
                Segment::Star(before, after) if !has_star => {
                    has_star = true;
                    (before, "*".to_owned(), "(.*)", after)
                }
                Segment::Name(before, after) => (before, format!(":n{index}"), "([^/]+)", after),
                Segment::Literal(text) | Segment::Star(text, _) => (text, String::new(), "", text),
            };
            source.extend([before.as_str(), &token]);
            regex.push_str(&regex::escape(before));
            regex.push_str(capture);
            if !token.is_empty() {
                source.push_str(after);
                regex.push_str(&regex::escape(after));
            }
        }
        regex.push('$');
        (
            source,
            Regex::new(&regex).expect("the translation is a regular expression"),
        )
    })
}

#[derive(Clone, Debug)]
enum Segment {
    Literal(String),
    Name(String, String),
    Star(String, String),
}

const PATH: &str = "(/[ab.-]{0,3}){1,5}";

proptest! {
    #[test]
    fn compiled_and_naive_matchers_agree((source, naive) in pattern_and_regex(), path in PATH) {
        let pattern = Pattern::compile(&source);
        let got = pattern.captures(&path);
        let want = naive.captures(&path);
        prop_assert_eq!(got.is_some(), want.is_some(), "{} {}", &source, naive.as_str());
        if let (Some(got), Some(want)) = (got, want) {
            for index in 0..pattern.names().len() {
                prop_assert_eq!(Some(got.get(index)), want.get(index + 1).map(|found| found.as_str()));
            }
        }
    }

    #[test]
    fn an_indexed_set_agrees_with_asking_one_by_one(
        patterns in prop::collection::vec(pattern_and_regex(), 0..40),
        path in PATH,
    ) {
        let takes = |(source, _): &(String, Regex)| Pattern::compile(source).is_match(&path);
        let all: Vec<usize> =
            patterns.iter().enumerate().filter(|(_, it)| takes(it)).map(|(at, _)| at).collect();
        let set = PatternSet::new(patterns.iter().map(|(source, _)| Pattern::compile(source)).collect());
        let mut each = Vec::new();
        set.each(&path, |at| each.push(at));
        prop_assert_eq!(&each, &all);
        prop_assert_eq!(set.first(&path), all.first().copied());
        prop_assert_eq!(set.last(&path), all.last().copied());
    }

    #[test]
    fn no_text_is_too_strange(source in ".{0,40}", path in ".{0,40}") {
        let pattern = Pattern::compile(&source);
        let is_match = pattern.is_match(&path);
        prop_assert_eq!(pattern.captures(&path).is_some(), is_match);
        Pattern::remark(&source);
    }

    #[test]
    fn no_heap_of_tokens_is_too_strange(source in "[/:*a.\\\\?%4]{0,20}", path in "[/a:*.]{0,20}") {
        let pattern = Pattern::compile(&source);
        let is_match = pattern.is_match(&path);
        prop_assert_eq!(pattern.captures(&path).is_some(), is_match);
    }
}
