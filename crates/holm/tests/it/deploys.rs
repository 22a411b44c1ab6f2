//! From a folder to an answer.

use crate::http::{ask, get};
use crate::program::Bench;

#[test]
fn every_deployment_keeps_its_own_url() {
    let bench = Bench::new();
    let site = bench.site(
        "blog",
        &[("index.html", "<h1>one</h1>"), ("a b/ü.txt", "text")],
    );
    let server = bench.up(Some(&site));
    let first = server.deploy(&site, "blog");
    std::fs::write(site.join("index.html"), "<h1>two</h1>").unwrap();
    let second = server.deploy(&site, "blog");
    assert!(get(first["url"].as_str().unwrap()).text().contains("one"));
    assert!(get(second["url"].as_str().unwrap()).text().contains("two"));
    assert!(
        get(&server.host("blog.localhost", "/"))
            .text()
            .contains("two")
    );
    let own = get(second["url"].as_str().unwrap());
    assert_eq!(own.header("x-robots-tag"), Some("noindex"));
    assert_eq!(
        get(&server.host("blog.localhost", "/")).header("x-robots-tag"),
        None
    );
    assert_eq!(
        get(&server.host("blog.localhost", "/a%20b/%C3%BC.txt")).text(),
        "text"
    );
}

#[test]
fn a_preview_leaves_production_alone() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "one")]);
    let server = bench.up(Some(&site));
    std::fs::write(site.join("index.html"), "two").unwrap();
    let preview = server.json(&[
        "deploy",
        site.to_str().unwrap(),
        "--project",
        "blog",
        "--json",
    ]);
    let answer = get(preview["url"].as_str().unwrap());
    assert_eq!(answer.text(), "two");
    assert_eq!(answer.header("x-robots-tag"), Some("noindex"));
    assert_eq!(get(&server.host("blog.localhost", "/")).text(), "one");
}

#[test]
fn stdout_is_the_url_and_nothing_else() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "one")]);
    let server = bench.up(Some(&site));
    let output = server.run(&[
        "deploy",
        site.to_str().unwrap(),
        "--project",
        "blog",
        "--prod",
    ]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout.lines().count(), 1);
    assert!(stdout.starts_with("http://blog--"), "{stdout}");
    assert_eq!(get(stdout.trim_end()).text(), "one");
}

#[test]
fn what_is_sensitive_is_never_served() {
    let bench = Bench::new();
    let site = bench.site(
        "blog",
        &[
            ("index.html", "page"),
            ("404.html", "nothing here"),
            ("edgeone.json", "{}"),
            ("package.json", "{\"name\":\"x\"}"),
            (".env", "SECRET=1"),
            (".git/config", "[core]"),
            (".well-known/security.txt", "Contact: mailto:a@example.org"),
            ("functions/api.js", "export function onRequest() {}"),
        ],
    );
    let server = bench.up(Some(&site));
    for path in [
        "/edgeone.json",
        "/package.json",
        "/.env",
        "/.git/config",
        "/functions/api.js",
    ] {
        assert_eq!(
            get(&server.host("blog.localhost", path)).status,
            404,
            "{path}"
        );
    }
    assert_eq!(
        get(&server.host("blog.localhost", "/.well-known/security.txt")).status,
        200
    );
}

#[test]
fn text_is_compressed_soon_after_the_deployment_and_ranges_work() {
    let bench = Bench::new();
    let css = "body { color: red }\n".repeat(500);
    let site = bench.site("blog", &[("index.html", "x"), ("site.css", &css)]);
    let server = bench.up(Some(&site));
    let url = server.host("blog.localhost", "/site.css");
    let mut coding = None;
    for _ in 0..200 {
        let answer = ask("GET", &url, &[("Accept-Encoding", "br")]);
        let vary = answer.header("vary").unwrap_or_default();
        assert!(vary.eq_ignore_ascii_case("accept-encoding"), "{vary}");
        coding = answer.header("content-encoding").map(str::to_owned);
        if coding.is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(coding.as_deref(), Some("br"));
    let part = ask(
        "GET",
        &url,
        &[("Range", "bytes=0-3"), ("Accept-Encoding", "br")],
    );
    assert_eq!((part.status, part.text().as_str()), (206, "body"));
    let etag = get(&url).header("etag").unwrap().to_owned();
    assert_eq!(ask("GET", &url, &[("If-None-Match", &etag)]).status, 304);
    assert_eq!(ask("POST", &url, &[("Content-Length", "0")]).status, 405);
}
