//! What answers when nothing else does: single page, the site's own 404 page, or none
//! (config-build spec 3.2 and 3.3).

use holm_types::{Diagnostic, Parsed, Severity};

use crate::code;
use crate::limits::RuleLimits;
use crate::project_file::Document;
use crate::{FallbackKind, Manifest};

/// What a build leaves for us to know about its output.
#[derive(Debug, Default)]
struct AssetsConfig {
    /// The framework's name. `None` counts as `other`.
    framework: Option<String>,
    /// Whether the pages are routed by the client. `None` when the build did not say.
    needs_fallback: Option<bool>,
}

/// The fall-back of a deployment with these files. `assets_config` is the text of
/// `.edgeone-assets-config.json`, if there is one.
pub(crate) fn fallback_of(
    manifest: &Manifest,
    assets_config: Option<&[u8]>,
) -> Parsed<FallbackKind> {
    let config = assets_config.map(read_assets_config).unwrap_or_default();
    let value = if is_single_page(manifest, &config.value) {
        FallbackKind::SinglePage
    } else if manifest.contains("/404.html") {
        FallbackKind::NotFoundPage
    } else {
        FallbackKind::None
    };
    Parsed {
        value,
        diagnostics: config.diagnostics,
    }
}

/// What the build said counts; when it said nothing, one page alone is a single-page application.
fn is_single_page(manifest: &Manifest, config: &AssetsConfig) -> bool {
    let is_known = config
        .framework
        .as_deref()
        .is_some_and(|name| name != "other");
    let wanted = if is_known {
        config.needs_fallback
    } else {
        None
    };
    let has_one_page = || {
        let pages = manifest
            .entries()
            .iter()
            .filter(|entry| entry.path.as_bytes().ends_with(b".html"));
        pages.count() == 1
    };
    manifest.contains("/index.html") && wanted.unwrap_or_else(has_one_page)
}

fn read_assets_config(text: &[u8]) -> Parsed<AssetsConfig> {
    const NAME: &str = ".edgeone-assets-config.json";
    let is_short = text.len() <= RuleLimits::DEFAULT.file_bytes_max;
    let document = match Document::parse(if is_short { text } else { b"" }) {
        Ok(document) if document.root().is_object() => document,
        _ => {
            let found = Diagnostic::new(
                Severity::Warning,
                code::ASSETS_CONFIG,
                "the file cannot be read as `{ framework, needsFallback }`",
            )
            .at(NAME, None)
            .hint("the fall-back is chosen from the files: one HTML file alone is a single-page application");
            return Parsed {
                value: AssetsConfig::default(),
                diagnostics: vec![found],
            };
        }
    };
    let root = document.root();
    let value = AssetsConfig {
        framework: root.get("framework").as_str().map(str::to_owned),
        needs_fallback: root.get("needsFallback").as_bool(),
    };
    Parsed {
        value,
        diagnostics: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use holm_types::BlobDigest;

    use super::*;
    use crate::FileEntry;

    fn check(paths: &[&str], config: Option<&str>, want: FallbackKind) {
        let file = |path: &&str| FileEntry {
            path: (*path).to_owned(),
            digest: BlobDigest::of(b""),
            size_bytes: 0,
        };
        let manifest = Manifest::build(paths.iter().map(file).collect()).value;
        let got = fallback_of(&manifest, config.map(str::as_bytes));
        assert_eq!(got.value, want, "{paths:?} {config:?}");
    }

    #[test]
    fn files_alone_decide_for_plain_sites() {
        check(&["/index.html", "/a.js"], None, FallbackKind::SinglePage);
        check(
            &["/index.html", "/404.html"],
            None,
            FallbackKind::NotFoundPage,
        );
        check(&["/index.html", "/a.html"], None, FallbackKind::None);
        check(&["/index.html", "/docs/404.html"], None, FallbackKind::None);
        check(&["/home.html"], None, FallbackKind::None);
        check(&[], None, FallbackKind::None);
        check(
            &["/index.html"],
            Some(r#"{"framework":"other","needsFallback":false}"#),
            FallbackKind::SinglePage,
        );
    }

    #[test]
    fn the_build_decides_when_it_says_so() {
        let spa = Some(r#"{"framework":"vite","needsFallback":true}"#);
        let pages = Some(r#"{"framework":"astro","needsFallback":false}"#);
        let silent = Some(r#"{"framework":"vite"}"#);
        check(&["/index.html", "/404.html"], spa, FallbackKind::SinglePage);
        check(&["/index.html"], pages, FallbackKind::None);
        check(
            &["/index.html", "/404.html"],
            pages,
            FallbackKind::NotFoundPage,
        );
        check(&["/index.html"], silent, FallbackKind::SinglePage);
        check(&["/index.html", "/a.html"], silent, FallbackKind::None);
        check(&["/404.html"], spa, FallbackKind::NotFoundPage);
    }

    #[test]
    fn an_unreadable_note_is_said_and_ignored() {
        for text in ["[]", "{", "\u{0}"] {
            let manifest = Manifest::default();
            let found = fallback_of(&manifest, Some(text.as_bytes())).diagnostics;
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(found[0].code, "assets-config/unreadable");
        }
    }
}
