//! edgeone.json from the folder to the answer, and `explain`.

use crate::http::get;
use crate::program::Bench;

const PROJECT_FILE: &str = r#"{
  // JSON5 is fine
  redirects: [{ source: "/old/*", destination: "/new/:splat", statusCode: 301 }],
  rewrites: [{ source: "/alias/:id", destination: "/items/:id.txt" }],
  headers: [{ source: "/*", headers: [{ key: "X-Frame-Options", value: "DENY" }] },
            { source: "/broken", headers: [] }],
  trailingSlash: false,
}"#;

#[test]
fn rules_of_the_project_file_apply() {
    let bench = Bench::new();
    let site = bench.site(
        "blog",
        &[
            ("index.html", "home"),
            ("404.html", "nothing"),
            ("items/7.txt", "seven"),
            ("edgeone.json", PROJECT_FILE),
        ],
    );
    let server = bench.up(Some(&site));
    let moved = get(&server.host("blog.localhost", "/old/a/b?q=1"));
    assert_eq!(
        (moved.status, moved.header("location")),
        (301, Some("/new/a/b?q=1"))
    );
    assert_eq!(
        get(&server.host("blog.localhost", "/alias/7")).text(),
        "seven"
    );
    assert_eq!(get(&server.host("blog.localhost", "/items/")).status, 308);
    let missing = get(&server.host("blog.localhost", "/nowhere"));
    assert_eq!((missing.status, missing.text().as_str()), (404, "nothing"));
    assert_eq!(missing.header("x-frame-options"), Some("DENY"));
    let deployed = server.deploy(&site, "blog");
    let messages = deployed["diagnostics"].to_string();
    assert!(
        messages.contains("error in root.headers.[1].headers: min length error"),
        "{messages}"
    );
}

#[test]
fn explain_says_which_rule_decided_and_where_it_was_written() {
    let bench = Bench::new();
    let site = bench.site(
        "blog",
        &[("index.html", "home"), ("edgeone.json", PROJECT_FILE)],
    );
    let server = bench.up(Some(&site));
    let url = server.host("blog.localhost", "/old/x");
    let report = server.json(&["explain", &url, "--json"]);
    assert_eq!(report["decision"], "redirect");
    assert_eq!(report["status"], 301);
    let first = &report["considered"][0];
    assert_eq!(
        (first["outcome"].as_str(), first["line"].as_u64()),
        (Some("matched"), Some(3))
    );
    let words = server.run(&["explain", &url]);
    assert!(String::from_utf8_lossy(&words.stdout).contains("edgeone.json:3"));
}
