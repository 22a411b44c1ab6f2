//! A site's look-ups.

use holm_types::BlobDigest;

use super::*;
use crate::{FileEntry, HeaderRule, RuleOrigin, Rules};

fn site(paths: &[&str], rules: Rules) -> Site {
    let files = paths.iter().map(|path| FileEntry {
        path: (*path).to_owned(),
        digest: BlobDigest::of(path.as_bytes()),
        size_bytes: 1,
    });
    Site::new(DeploymentDocument {
        manifest: Manifest::build(files.collect()).value,
        rules,
        ..DeploymentDocument::default()
    })
}

#[test]
fn every_file_is_found_and_nothing_else() {
    let paths: Vec<String> = (0..5000).map(|n| format!("/{}/f{n}.txt", n % 7)).collect();
    let borrowed: Vec<&str> = paths.iter().map(String::as_str).collect();
    let site = site(&borrowed, Rules::default());
    for path in &paths {
        let asset = site.find(path).expect("the file is there");
        assert_eq!(site.asset(asset).path, path);
        assert_eq!(site.find(path.trim_start_matches('/')), None);
        assert_eq!(site.find(&format!("{path}x")), None);
    }
}

#[test]
fn clean_paths_are_looked_up_in_order() {
    let site = site(
        &[
            "/index.html",
            "/a",
            "/a.html",
            "/b.html",
            "/b/index.html",
            "/c/index.html",
            "/d.html",
        ],
        Rules::default(),
    );
    let find = |path: &str| site.find_clean(path).map(|asset| site.asset(asset).path);
    for (path, want) in [
        ("/", Some("/index.html")),
        ("/index.html", Some("/index.html")),
        ("/a", Some("/a")),
        ("/b", Some("/b.html")),
        ("/b/", Some("/b/index.html")),
        ("/c", Some("/c/index.html")),
        ("/c/", Some("/c/index.html")),
        ("/d/", Some("/d.html")),
        ("/a/", Some("/a.html")),
        ("/e", None),
        ("//", None),
        ("/D", None),
    ] {
        assert_eq!(find(path), want, "{path}");
    }
    for length in [1000, 1024, 1025, 1030, 1036, 1040, 9000] {
        assert_eq!(find(&format!("/{}", "x".repeat(length))), None, "{length}");
        assert_eq!(find(&format!("/{}/", "x".repeat(length))), None, "{length}");
    }
}

#[test]
fn the_longest_path_is_found_by_its_clean_names() {
    let folder = format!("/{}", "x/".repeat(506));
    let file = format!("{folder}index.html");
    assert_eq!(file.len(), 1023);
    let site = site(&[&file], Rules::default());
    assert!(site.find_clean(&folder).is_some());
    assert!(site.find_clean(folder.trim_end_matches('/')).is_some());
}

#[test]
fn weight_grows_with_files_and_rules() {
    let empty = site(&[], Rules::default()).weight_bytes();
    let files = site(&["/a.html", "/b.html"], Rules::default()).weight_bytes();
    let rule = HeaderRule {
        source: "/x".into(),
        headers: vec![("X-A".into(), "b".repeat(1000).into())],
        origin: RuleOrigin::default(),
    };
    let rules = Rules {
        headers: vec![rule],
        ..Rules::default()
    };
    let ruled = site(&["/a.html", "/b.html"], rules).weight_bytes();
    assert!(
        empty < files && files + 1000 < ruled,
        "{empty} {files} {ruled}"
    );
}

#[test]
fn a_header_that_cannot_be_sent_is_left_out() {
    let rule = HeaderRule {
        source: "/*".into(),
        headers: vec![
            ("X-Good".into(), "é".into()),
            ("X-Bad".into(), "a\r\nSet-Cookie: b".into()),
        ],
        origin: RuleOrigin::default(),
    };
    let site = site(
        &[],
        Rules {
            headers: vec![rule],
            ..Rules::default()
        },
    );
    let mut names = Vec::new();
    site.header_changes("a.test", "/x", &mut |change| {
        names.push(format!("{change:?}"));
    });
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(names[0].contains("x-good"), "{names:?}");
}
