//! What a middleware says, and what comes of it.

use super::*;

fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_static(value));
    }
    headers
}

/// What a middleware with these fields makes of a request and of an answer.
fn changed(said: &[(&'static str, &'static str)]) -> (Option<String>, HeaderMap, HeaderMap) {
    let Ok(Verdict::GoOn {
        target,
        request,
        response,
    }) = verdict(&map(said))
    else {
        panic!("it does not go on: {said:?}");
    };
    let mut asked = map(&[("host", "a.test"), ("cookie", "c=1"), ("x-old", "1")]);
    request.apply(&mut asked);
    let mut answered = map(&[
        ("set-cookie", "a=1"),
        ("x-b", "old"),
        ("content-length", "3"),
    ]);
    response.apply(&mut answered);
    (target, asked, answered)
}

#[test]
fn an_answer_of_its_own_has_no_signals() {
    let headers = map(&[("location", "/x"), ("x-a", "1")]);
    assert_eq!(verdict(&headers), Ok(Verdict::Answer));
}

#[test]
fn the_request_goes_on_as_it_was() {
    let (target, asked, answered) = changed(&[("x-middleware-next", "1")]);
    assert_eq!(target, None);
    assert_eq!(asked.len(), 3);
    assert_eq!(answered.len(), 3);
}

#[test]
fn fields_of_the_answer_are_set_and_cookies_added() {
    let (_, _, answered) = changed(&[
        ("x-middleware-next", "1"),
        ("x-middleware-request-x-a", "secret"),
        ("set-cookie", "b=2"),
        ("set-cookie", "c=3"),
        ("x-b", "new"),
        ("content-length", "0"),
        ("content-encoding", "br"),
        ("date", "x"),
    ]);
    let cookies: Vec<&HeaderValue> = answered.get_all(SET_COOKIE).iter().collect();
    assert_eq!(cookies, ["a=1", "b=2", "c=3"]);
    assert_eq!(answered["x-b"], "new");
    assert_eq!(answered["content-length"], "3");
    assert_eq!(answered.len(), 5);
}

#[test]
fn fields_of_the_request_are_set_and_taken_out() {
    let json =
        "%7B%22x-new%22%3A%22%C3%A4%22%2C%22cookie%22%3Anull%2C%22host%22%3A%22evil.test%22%7D";
    let (_, asked, _) = changed(&[
        ("x-middleware-next", "1"),
        ("x-middleware-request-headers", json),
    ]);
    assert_eq!(asked["x-new"].as_bytes(), b"\xe4");
    assert_eq!(asked["host"], "a.test");
    assert!(!asked.contains_key("cookie"));
    assert_eq!(asked["x-old"], "1");
}

#[test]
fn nexts_form_names_all_that_is_left() {
    let (_, asked, _) = changed(&[
        ("x-middleware-next", "1"),
        ("x-middleware-override-headers", "x-new,x-old"),
        ("x-middleware-request-x-new", "2"),
        ("x-middleware-request-x-old", "3"),
        ("x-middleware-request-x-other", "4"),
    ]);
    assert_eq!(asked["x-new"], "2");
    assert_eq!(asked["x-old"], "3");
    assert_eq!(asked["host"], "a.test");
    assert_eq!(asked.len(), 3);
}

#[test]
fn a_rewrite_alone_says_nothing_about_the_answer() {
    let (target, _, answered) = changed(&[("x-middleware-rewrite", "/b?c=1"), ("x-b", "new")]);
    assert_eq!(target.as_deref(), Some("/b?c=1"));
    assert_eq!(answered["x-b"], "old");
    let (target, _, answered) = changed(&[
        ("x-middleware-rewrite", "https://a.test/b"),
        ("x-middleware-next", "1"),
        ("x-b", "new"),
    ]);
    assert_eq!(target.as_deref(), Some("https://a.test/b"));
    assert_eq!(answered["x-b"], "new");
}

#[test]
fn what_cannot_be_read_is_said() {
    for json in [
        "nonsense",
        "%7B%22a%20b%22%3A%22c%22%7D",
        "%7B%22a%22%3A1%7D",
    ] {
        let headers = map(&[
            ("x-middleware-next", "1"),
            ("x-middleware-request-headers", json),
        ]);
        assert!(verdict(&headers).is_err(), "{json}");
    }
}
