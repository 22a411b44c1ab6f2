//! Request paths: one canonical form, and a plan for it.
#![no_main]

use std::sync::LazyLock;

use holm_fuzz::ask;
use holm_site::{CompileInput, FileEntry, Site, compile};
use holm_types::{BlobDigest, SitePath};
use libfuzzer_sys::fuzz_target;

/// Rules that take paths apart in every way there is.
const REDIRECTS: &[u8] = b"/go/* /:splat\n/to/:x https://:x.example.com/y?z=:x\n/s/* /app.html 200!\n/* /index.html 200\n";

static SITE: LazyLock<Site> = LazyLock::new(|| {
    let mut input = CompileInput::default();
    for path in ["/index.html", "/app.html", "/_redirects"] {
        input.files.push(FileEntry {
            path: path.to_owned(),
            digest: BlobDigest::of(path.as_bytes()),
            size_bytes: 1,
        });
    }
    input
        .configs
        .insert("/_redirects".to_owned(), REDIRECTS.to_vec());
    Site::new(compile(input).value.expect("the site compiles"))
});

fuzz_target!(|raw: &str| {
    let Ok(path) = SitePath::parse(raw) else {
        return;
    };
    let path = path.as_str();
    assert!(path.starts_with('/'), "{path:?} is absolute");
    assert!(
        !path.split('/').any(|name| name == "." || name == ".."),
        "{path:?} goes down only"
    );
    assert!(
        !path.contains('\\') && !path.bytes().any(|byte| byte.is_ascii_control()),
        "{path:?} is plain"
    );
    let sent = raw.matches('/').count();
    assert!(
        path.matches('/').count() == sent,
        "{path:?} has the segments of {raw:?}"
    );
    ask(&SITE, raw);
});
