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

#[test]
fn a_path_is_compared_with_few_of_many_rules() {
    let shapes = [
        |n: usize| format!("/old/{n}"),
        |n: usize| format!("/old/{n}/*"),
        |n: usize| format!("/blog/:id/{n}"),
        |n: usize| format!("/shop/*/item/{n}"),
        |n: usize| format!("/page-{n}*"),
        |n: usize| format!("/user/:id/tab-{n}/:part"),
        |n: usize| format!("/file/:name-{n}.html"),
        |n: usize| format!("*-{n}.png"),
        |n: usize| format!("/in/{n}/*/end"),
        |n: usize| format!("/in/*/{n}/:end"),
    ];
    let source = |n: usize| shapes[n % shapes.len()](n);
    let set = PatternSet::new((0..10_000).map(|n| Pattern::compile(&source(n))).collect());
    for (path, first) in [
        ("/nothing/like/it", None),
        ("/old/9990", Some(9990)),
        ("/old/9991/x/y", Some(9991)),
        ("/blog/x/9992", Some(9992)),
        ("/shop/a/b/item/9993", Some(9993)),
        ("/page-9994-more", Some(9994)),
        ("/user/7/tab-9995/x", Some(9995)),
        ("/file/a-9996.html", Some(9996)),
        ("/pictures/a-9997.png", Some(9997)),
        ("/in/9998/a/b/end", Some(9998)),
        ("/in/a/b/9999/z", Some(9999)),
    ] {
        assert_eq!(set.first(path), first, "{path}");
        assert!(
            set.candidate_count(path) <= 4,
            "{path}: {}",
            set.candidate_count(path)
        );
    }
}

/// The segments of a pattern that passes validation. Of several stars only the first is one.
fn segments() -> impl Strategy<Value = Vec<Segment>> {
    let literal = "[ab.]{0,2}";
    let segment = prop_oneof![
        literal.prop_map(Segment::Literal),
        ("[ab]{0,1}", "(-[ab]{0,1})?").prop_map(|(before, after)| Segment::Name(before, after)),
        (literal, literal).prop_map(|(before, after)| Segment::Star(before, after)),
    ];
    prop::collection::vec(segment, 1..5).prop_map(|mut segments| {
        let stars = segments
            .iter_mut()
            .filter(|segment| matches!(segment, Segment::Star(..)));
        stars
            .skip(1)
            .for_each(|star| *star = Segment::Literal(String::new()));
        segments
    })
}

/// The pattern as it is written in a project file.
fn source_of(segments: &[Segment]) -> String {
    let text = |(index, segment): (usize, &Segment)| match segment {
        Segment::Literal(text) => format!("/{text}"),
        Segment::Name(before, after) => format!("/{before}:n{index}{after}"),
        Segment::Star(before, after) => format!("/{before}*{after}"),
    };
    segments.iter().enumerate().map(text).collect()
}

/// The same as a regular expression: slow, and plainly right.
fn regex_of(segments: &[Segment]) -> Regex {
    let escape = |text: &String| regex::escape(text);
    let text = |segment: &Segment| match segment {
        Segment::Literal(text) => format!("/{}", escape(text)),
        Segment::Name(before, after) => format!("/{}([^/]+){}", escape(before), escape(after)),
        Segment::Star(before, after) => format!("/{}(.*){}", escape(before), escape(after)),
    };
    let text: String = segments.iter().map(text).collect();
    Regex::new(&format!("(?s)^{text}$")).expect("the translation is a regular expression")
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
    fn compiled_and_naive_matchers_agree(segments in segments(), path in PATH) {
        let (source, naive) = (source_of(&segments), regex_of(&segments));
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
        patterns in prop::collection::vec(segments(), 0..40),
        path in PATH,
    ) {
        let compile = |segments: &Vec<Segment>| Pattern::compile(&source_of(segments));
        let patterns: Vec<Pattern> = patterns.iter().map(compile).collect();
        let taken = patterns.iter().enumerate().filter(|(_, pattern)| pattern.is_match(&path));
        let all: Vec<usize> = taken.map(|(at, _)| at).collect();
        let set = PatternSet::new(patterns);
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
