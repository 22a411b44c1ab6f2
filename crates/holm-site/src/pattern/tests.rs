//! Patterns, against tables and against a matcher that is plainly right and slow.

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
