//! Protection and access rules from the command line to the visitor.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crate::http::{Answer, ask, get, post_form};
use crate::program::{Bench, Server};

/// The value of a cookie's pair in an answer's first `Set-Cookie`s, as a browser would send them back.
fn cookies(answer: &Answer) -> String {
    let lines = answer.headers("set-cookie");
    let pairs = lines.iter().map(|line| line.split(';').next().unwrap());
    pairs.collect::<Vec<_>>().join("; ")
}

fn run_with_input(server: &Server<'_>, args: &[&str], input: &str) -> String {
    let mut child = server
        .command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{args:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_protected_preview_is_opened_by_a_shared_link() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "home"), ("a.css", "b{}")]);
    let server = bench.up(Some(&site));
    let deployed = server.deploy(&site, "blog");
    let url = deployed["url"].as_str().unwrap().to_owned();
    assert_eq!(get(&format!("{url}/")).text(), "home");
    let said = server.run(&["protect", "signed", "--project", "blog"]);
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(
        said.starts_with("Deployments and branches are shown to who has a link"),
        "{said}"
    );

    for path in ["/", "/a.css", "/none"] {
        let refused = get(&format!("{url}{path}"));
        assert_eq!(
            (refused.status, refused.header("x-eop-msg")),
            (401, Some("eo_time missing"))
        );
    }
    assert_eq!(get(&server.host("blog.localhost", "/")).text(), "home");

    let shared = server.json(&["share", &url, "--path", "/a.css?v=1", "--json"]);
    assert!(shared["expires_at"].is_string(), "{shared}");
    let entered = get(shared["url"].as_str().unwrap());
    assert_eq!(
        (entered.status, entered.header("location")),
        (302, Some("/a.css?v=1"))
    );
    let cookies = cookies(&entered);
    let shown = ask("GET", &format!("{url}/a.css"), &[("Cookie", &cookies)]);
    assert_eq!((shown.status, shown.text().as_str()), (200, "b{}"));
    assert_eq!(shown.header("cache-control"), Some("private, no-cache"));

    let opened = server.run(&["open", &url, "--share", "--no-browser"]);
    let link = String::from_utf8(opened.stdout).unwrap();
    assert_eq!(get(link.trim()).status, 302);

    let report = server.json(&["explain", &format!("{url}/a.css"), "--json"]);
    assert_eq!(
        (report["decision"].as_str(), report["status"].as_u64()),
        (Some("gate"), Some(401))
    );
    let past = server.json(&["explain", &format!("{url}/a.css"), "--past-gate", "--json"]);
    assert_eq!(past["decision"], "asset");

    let rotated = server.run(&["protect", "--rotate-key", "-n", "blog"]);
    assert!(rotated.status.success());
    let ended = ask("GET", &format!("{url}/"), &[("Cookie", &cookies)]);
    assert_eq!(ended.header("x-eop-msg"), Some("eo_token invalid"));
    let hidden = server.run(&["protect", "--refusal", "not-found", "-n", "blog"]);
    assert!(hidden.status.success());
    assert_eq!(get(&format!("{url}/")).status, 404);
    server.stop();

    // The keys are for the server's own user alone.
    for entry in std::fs::read_dir(bench.path("data/snapshots")).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_password_opens_and_rules_refuse() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "home")]);
    let server = bench.up(Some(&site));
    let words = [
        "protect",
        "password",
        "--covers",
        "all",
        "--password-stdin",
        "-n",
        "blog",
    ];
    run_with_input(&server, &words, "open sesame\n");
    let url = server.host("blog.localhost", "/");
    let shown = ask("GET", &url, &[("Accept", "text/html")]);
    assert!(shown.text().contains("<form method=\"post\""));
    let form = server.host("blog.localhost", "/.well-known/holm-password");
    let origin = server.host("blog.localhost", "");
    let wrong = post_form(&form, &origin, "return=/&password=nonsense");
    assert_eq!(wrong.status, 401);
    let right = post_form(&form, &origin, "return=%2F&password=open+sesame");
    assert_eq!((right.status, right.header("location")), (303, Some("/")));
    let shown = ask("GET", &url, &[("Cookie", &cookies(&right))]);
    assert_eq!(shown.text(), "home");

    let rules = r#"{ "user_agent_block": ["*BadBot*"], "rate_limits": [
        { "path": "/*", "requests": 3, "window_seconds": 3600 }] }"#;
    std::fs::write(bench.path("rules.json"), rules).unwrap();
    let file = bench.path("rules.json");
    let said = server.run(&["rules", "--set", file.to_str().unwrap(), "-n", "blog"]);
    assert!(String::from_utf8_lossy(&said.stdout).contains("/*: 3 requests in 3600 s, then block"));
    assert_eq!(ask("GET", &url, &[("User-Agent", "badbot")]).status, 403);
    let statuses: Vec<u16> = (0..4).map(|_| get(&url).status).collect();
    assert_eq!(statuses, [401, 401, 401, 429]);
    let bad = server.run(&["rules", "--set", "/dev/null", "-n", "blog"]);
    assert_eq!(bad.status.code(), Some(2));
}
