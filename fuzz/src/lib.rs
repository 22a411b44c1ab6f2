//! What the fuzz targets share: a site from whatever a stranger wrote, and requests to it.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use holm_site::{
    CompileInput, EarlyPlan, FileEntry, HeaderChange, Plan, RequestHead, Scheme, Site, codec,
    compile, limits::RuleLimits, plan_early, plan_early_traced, plan_late, plan_late_traced,
};
use holm_types::{BlobDigest, Hostname, SitePath};
use http::{HeaderValue, Method};

/// The files of every site that is made here.
const FILES: &[&str] = &[
    "/index.html",
    "/404.html",
    "/a.html",
    "/a/index.html",
    "/b/c.js",
    "/标.html",
];

/// Paths that every site is asked for, beside what a target asks for.
const PATHS: &[&str] = &["/", "/a", "/a/b/", "/b/c.js", "/b//evil.test", "/%E6%A0%87"];

/// Compiles a deployment with one configuration file, writes its document down, reads it back and asks it for
/// some paths.
///
/// # Panics
/// When anything on the way is not as promised: that is the finding.
pub fn deploy(config_file: &str, text: &[u8]) {
    let file = |path: &str| FileEntry {
        path: path.to_owned(),
        digest: BlobDigest::of(path.as_bytes()),
        size_bytes: 1,
    };
    let paths = FILES.iter().copied().chain([config_file]);
    let compiled = compile(CompileInput {
        files: paths.map(file).collect(),
        configs: BTreeMap::from([(config_file.to_owned(), text.to_vec())]),
        limits: RuleLimits {
            rules_max: 20,
            ..RuleLimits::DEFAULT
        },
        ..CompileInput::default()
    });
    for found in &compiled.diagnostics {
        let shown = found.to_string();
        assert!(!shown.is_empty(), "a finding says something");
    }
    let Some(document) = compiled.value else {
        return;
    };
    let bytes = codec::encode_document(&document);
    let read = codec::decode_document(&bytes).expect("what was written can be read");
    assert!(read == document, "what was written is what is read");
    let site = Site::new(read);
    for path in PATHS {
        ask(&site, path);
    }
}

/// Asks a site for a raw path, in every way there is.
///
/// # Panics
/// When the answer breaks a promise.
pub fn ask(site: &Site, raw_path: &str) {
    let Ok(path) = SitePath::parse(raw_path) else {
        return;
    };
    let head = RequestHead {
        method: &Method::GET,
        scheme: Scheme::Https,
        host: Hostname::parse("site.test").expect("this is a host"),
        authority: "site.test",
        is_custom_domain: true,
        path,
        raw_path,
        query: Some("q=1"),
    };
    let early = plan_early(site, &head);
    assert!(
        plan_early_traced(site, &head).0 == early,
        "explained as done"
    );
    if let EarlyPlan::Redirect(redirect) = early {
        check_location(&redirect.location);
    }
    let late = plan_late(site, &head);
    assert!(plan_late_traced(site, &head).0 == late, "explained as done");
    if let Plan::ServeAsset { asset, .. } = late {
        let path = site.asset(asset).path;
        assert!(site.find(path) == Some(asset), "a plan names a file");
    }
    site.header_changes("site.test", head.path.as_str(), &mut |change| {
        if let HeaderChange::Set(_, value) = change {
            check_line(value.as_bytes());
        }
    });
    let _seconds = site.cache_ttl_seconds(head.path.as_str());
}

fn check_location(location: &str) {
    assert!(
        HeaderValue::from_str(location).is_ok(),
        "{location:?} can be sent"
    );
    check_line(location.as_bytes());
    assert!(
        !location.starts_with("//"),
        "{location:?} stays on this site"
    );
    assert!(!location.contains('\\'), "{location:?} has no backslash");
}

fn check_line(bytes: &[u8]) {
    let is_line = bytes.iter().all(|byte| !byte.is_ascii_control());
    assert!(is_line, "{bytes:?} is one line");
}
