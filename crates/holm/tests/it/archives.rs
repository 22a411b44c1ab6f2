//! `holm deploy FILE.zip`, events on stdout, and refusals that reach the person.

use holm_testkit::{ZipEntry, zip};
use serde_json::Value;

use crate::http::get;
use crate::program::{Bench, Server};

fn lines(server: &Server<'_>, args: &[&str]) -> Vec<Value> {
    let output = server.run(args);
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stdout.is_empty(), "{stderr}");
    let parse = |line: &str| serde_json::from_str(line).unwrap();
    stdout.lines().map(parse).collect()
}

/// Bytes that do not get smaller.
fn noise(count: u32) -> Vec<u8> {
    let byte = |n: u32| n.wrapping_mul(2_654_435_761).to_le_bytes()[2];
    (0..count).map(byte).collect()
}

fn events(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .filter_map(|line| line["event"].as_str())
        .collect()
}

#[test]
fn an_archive_is_deployed_as_it_is() {
    let bench = Bench::new();
    let server = bench.up(None);
    let large = noise(3_000_000);
    let bytes = zip(&[
        ZipEntry::folder("site/"),
        ZipEntry::deflated("site/index.html", b"<h1>packed</h1>"),
        ZipEntry::deflated("site/large.bin", &large),
        ZipEntry::stored("site/.env", b"SECRET=1"),
    ]);
    let file = bench.path("my-site.zip");
    std::fs::write(&file, bytes).unwrap();
    let file = file.to_str().unwrap();
    let plan = lines(&server, &["deploy", file, "--dry-run", "--json"]);
    assert_eq!(plan.len(), 1);
    assert_eq!(
        (&plan[0]["project"], &plan[0]["missing_count"]),
        (&"my-site".into(), &2.into())
    );
    assert_eq!(
        server
            .run(&["open", "--no-browser", "-n", "my-site"])
            .status
            .code(),
        Some(4)
    );

    let told = lines(&server, &["deploy", file, "--prod", "--json"]);
    assert_eq!(
        events(&told),
        ["uploading_archive", "created", "sealed", "served"]
    );
    let result = told.last().unwrap();
    assert_eq!(result["is_live"], true);
    assert_eq!(result["diagnostics"][0]["code"], "archive/unwrapped");
    assert_eq!(
        get(&server.host("my-site.localhost", "/")).text(),
        "<h1>packed</h1>"
    );
    assert_eq!(
        get(&server.host("my-site.localhost", "/large.bin")).body,
        large
    );
    let hidden = get(&server.host("my-site.localhost", "/.env"));
    assert!(!hidden.text().contains("SECRET"));
    // Without --json stdout is the URL alone.
    let output = server.run(&["deploy", file]);
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 1);
}

#[test]
fn what_happens_is_told_as_lines_and_the_last_is_the_result() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "one")]);
    let server = bench.up(None);
    let site = site.to_str().unwrap();
    let told = lines(&server, &["deploy", site, "--json", "-n", "blog"]);
    assert_eq!(
        events(&told),
        ["uploading", "created", "stored", "sealed", "served"]
    );
    assert!(
        told.last().unwrap()["url"]
            .as_str()
            .unwrap()
            .contains("blog--")
    );
    let bad_region = br#"{ "cloudFunctions": { "mainlandRegions": ["mars"] } }"#;
    let file = bench.path("bad.zip");
    let rules = ZipEntry::stored("edgeone.json", bad_region);
    std::fs::write(&file, zip(&[ZipEntry::stored("index.html", b"x"), rules])).unwrap();
    let told = lines(&server, &["deploy", file.to_str().unwrap(), "--json"]);
    assert_eq!(events(&told).last(), Some(&"failed"));
    let error = &told.last().unwrap()["error"];
    assert_eq!(
        (&error["code"], &error["exit_code"]),
        (&"deployment/failed".into(), &7.into())
    );
    assert_eq!(error["diagnostics"][0]["file"], "edgeone.json");
}

#[test]
fn a_large_upload_that_is_refused_shows_the_servers_reason() {
    let bench = Bench::new();
    let server = bench.up(None);
    let noise = noise(6_000_000);
    let file = bench.path("big.zip");
    std::fs::write(&file, zip(&[ZipEntry::stored("index.html", &noise)])).unwrap();
    let file = file.to_str().unwrap();
    let refused = server.run(&["deploy", file, "--token", "holm_wrong"]);
    let stderr = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("auth/unknown-token"), "{stderr}");
    // Refused in the middle: the first lines of a long manifest are bad.
    let site = bench.site("many", &[("index.html", "x")]);
    for n in 0..25 {
        std::fs::write(site.join(format!("%20{n}.html")), "").unwrap();
    }
    for n in 0..15_000 {
        std::fs::write(site.join(format!("{n}-{}.html", "n".repeat(150))), "").unwrap();
    }
    let refused = server.run(&["deploy", site.to_str().unwrap()]);
    let stderr = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(stderr.contains("deployment/manifest"), "{stderr}");
    assert!(stderr.contains("%20"), "{stderr}");
}
