//! Bad input gets a clear error, leaves nothing behind, and the server keeps serving.

use crate::http::get;
use crate::program::Bench;

#[test]
fn a_failed_deployment_never_touches_production() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "one")]);
    let server = bench.up(Some(&site));
    std::fs::write(site.join("index.html"), "two").unwrap();
    let bad_region = r#"{ "cloudFunctions": { "mainlandRegions": ["mars"] } }"#;
    std::fs::write(site.join("edgeone.json"), bad_region).unwrap();
    let output = server.run(&[
        "deploy",
        site.to_str().unwrap(),
        "--project",
        "blog",
        "--prod",
    ]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(7), "{stderr}");
    assert!(stderr.contains("region id must be one of"), "{stderr}");
    assert!(stderr.contains("edgeone.json:1"), "{stderr}");
    assert_eq!(get(&server.host("blog.localhost", "/")).text(), "one");
}

#[test]
fn exit_codes_tell_who_has_to_do_what() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "one")]);
    let server = bench.up(Some(&site));
    let code = |args: &[&str]| server.run(args).status.code();
    assert_eq!(
        code(&["deploy", "no-such-folder", "--project", "blog"]),
        Some(4)
    );
    assert_eq!(code(&["no-such-word"]), Some(2));
    assert_eq!(code(&["explain", "http://a b/"]), Some(2));
    assert_eq!(code(&["projects", "--token", "holm_wrong"]), Some(3));
    assert_eq!(code(&["deployments", "--project", "nobody"]), Some(4));
    assert_eq!(code(&["rollback", "--project", "blog"]), Some(5));
    assert_eq!(code(&["projects", "--api", "http://127.0.0.1:1"]), Some(1));
}

#[test]
fn unknown_hosts_and_hostile_paths_get_a_page_with_the_request_id() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "one"), ("404.html", "none")]);
    let server = bench.up(Some(&site));
    let unknown = get(&server.host("nobody.localhost", "/"));
    assert_eq!(unknown.status, 404);
    assert!(unknown.text().contains("NOT_FOUND"));
    assert!(
        unknown
            .text()
            .contains(unknown.header("eo-log-uuid").unwrap())
    );
    for path in ["/%2e%2e/x", "/%252e%252e/", "/a%00", "/%5c..", "/%ff"] {
        assert_eq!(
            get(&server.host("blog.localhost", path)).status,
            400,
            "{path}"
        );
    }
    assert_eq!(get(&server.host("blog.localhost", "/")).status, 200);
}

#[test]
fn a_folder_that_is_not_there_is_told_before_anything_is_made() {
    let bench = Bench::new();
    let data = bench.path("data");
    let data = data.to_str().unwrap();
    for words in [["up", "nope"].as_slice(), ["doctor"].as_slice()] {
        let args = [words, &["--data", data]].concat();
        assert_eq!(bench.run(&args).status.code(), Some(4), "{words:?}");
        assert!(!bench.path("data").exists());
    }
}
