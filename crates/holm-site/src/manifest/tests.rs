//! The manifest of an upload.

use holm_types::BlobDigest;

use super::*;

fn build(paths: &[&str]) -> Parsed<Manifest> {
    let files = paths.iter().map(|path| FileEntry {
        path: (*path).to_owned(),
        digest: BlobDigest::of(path.as_bytes()),
        size_bytes: path.len() as u64,
    });
    Manifest::build(files.collect())
}

fn codes(parsed: &Parsed<Manifest>) -> Vec<&str> {
    parsed
        .diagnostics
        .iter()
        .map(|found| &*found.code)
        .collect()
}

#[test]
fn files_are_sorted_and_typed() {
    let parsed = build(&["/b.css", "/a b.html", "/.well-known/x", "/ü/標.txt"]);
    assert_eq!(parsed.diagnostics, []);
    let paths: Vec<&str> = parsed
        .value
        .entries()
        .iter()
        .map(|entry| entry.path)
        .collect();
    assert_eq!(
        paths,
        ["/.well-known/x", "/a b.html", "/b.css", "/ü/標.txt"]
    );
    let page = parsed.value.entries().get(1).expect("there are four");
    assert_eq!(page.media_type, "text/html; charset=utf-8");
    assert_eq!(page.size_bytes, 9);
}

#[test]
fn what_may_not_be_a_path_fails_the_deployment() {
    let long_name = format!("/{}", "n".repeat(256));
    let long_path = "/n".repeat(513);
    for bad in [
        "", "a", "/", "/a/", "//a", "/a//b", "/.", "/..", "/a/../b", "/a\\b", "/a\nb", "/a\0",
        "/a\u{85}", &long_name, &long_path,
    ] {
        let parsed = build(&[bad, "/good.html"]);
        assert_eq!(codes(&parsed), ["manifest/path"], "{bad}");
        assert!(parsed.diagnostics[0].is_error());
        assert_eq!(parsed.value.entries().len(), 1);
    }
    assert_eq!(
        build(&["/a\nb"]).diagnostics[0].message,
        "the path `/a\\nb` has a backslash or a control character"
    );
}

#[test]
fn a_path_comes_once() {
    let parsed = build(&["/a.html", "/a.html"]);
    assert_eq!(codes(&parsed), ["manifest/duplicate-path"]);
    assert!(parsed.diagnostics[0].is_error());
    assert_eq!(
        codes(&build(&["/package.json", "/package.json"])),
        ["manifest/duplicate-path"]
    );
}

#[test]
fn functions_are_withheld_with_a_warning_each_root() {
    let parsed = build(&[
        "/functions/a.js",
        "/functions/b.js",
        "/middleware.ts",
        "/edge-functions/x.js",
        "/edgeone.json",
        "/index.html",
    ]);
    let found: Vec<&str> = parsed
        .diagnostics
        .iter()
        .map(|found| found.message.as_str())
        .collect();
    assert_eq!(
        found,
        [
            "`edge-functions/` is not run in this version",
            "`functions/` is not run in this version",
            "`middleware.ts` is not run in this version",
        ]
    );
    assert_eq!(parsed.value.entries().len(), 1);
}

#[test]
fn what_is_left_out_is_said_once() {
    let parsed = build(&["/.env", "/.git/HEAD", "/index.html"]);
    assert_eq!(codes(&parsed), ["manifest/left-out"]);
    assert_eq!(
        parsed.diagnostics[0].message,
        "2 of the files are no part of a deployment, for example `/.env`"
    );
}
