//! Laws of a plan that hold for any site and any request.

use holm_types::{BlobDigest, Hostname, SitePath};
use http::{HeaderValue, Method};
use proptest::prelude::*;

use super::*;
use crate::{
    CacheRule, CompileInput, DeploymentDocument, FallbackKind, FileEntry, FileRoute, FunctionRoute,
    HeaderRule, Manifest, Middleware, Outcome, RedirectRule, RewriteRule, RuleOrigin, Rules,
    Runtime, Scheme, SiteSettings, Step, TrailingSlash, compile,
};

fn pattern() -> impl Strategy<Value = Box<str>> {
    let segment = "(/[ab]{0,2}|/:x|/\\*|/a\\*)";
    let path = prop::collection::vec(segment, 1..4).prop_map(|segments| segments.concat());
    let other = prop::sample::select(vec!["$host", "$wwwhost", "*.html", "b", "/%61", "/a?b"]);
    prop_oneof![4 => path, 1 => other.prop_map(str::to_owned)].prop_map(String::into_boxed_str)
}

fn destination() -> impl Strategy<Value = Box<str>> {
    prop::sample::select(vec![
        "/a",
        "/:splat",
        ":splat",
        "/b/:x",
        "//:splat",
        "https://example.com/:splat",
        "https://:x.example.com",
        "https://example.com:splat",
        "$host",
        "$wwwhost",
        "/a?q=:splat",
        "/#:x",
        "/a/index.html",
        "/ü ",
    ])
    .prop_map(Box::from)
}

fn list<S: Strategy>(of: S) -> impl Strategy<Value = Vec<S::Value>> {
    prop::collection::vec(of, 0..15)
}

fn rules() -> impl Strategy<Value = Rules> {
    let origin = RuleOrigin::default;
    let redirect = (pattern(), destination()).prop_map(move |(source, destination)| RedirectRule {
        source,
        destination,
        status: 302,
        origin: origin(),
    });
    let rewrite = (pattern(), destination()).prop_map(move |(source, destination)| RewriteRule {
        source,
        destination,
        origin: origin(),
    });
    let file_route = pattern().prop_map(move |src| FileRoute {
        src,
        dest: "/index.html".into(),
        origin: origin(),
    });
    let file_routes = prop::collection::vec(file_route, 0..3);
    let header = pattern().prop_map(move |source| HeaderRule {
        source,
        headers: vec![("X-A".into(), "1".into())],
        origin: origin(),
    });
    let cache = pattern().prop_map(move |source| CacheRule {
        source,
        ttl_seconds: 1,
        origin: origin(),
    });
    let slash = prop::sample::select(vec![
        TrailingSlash::Keep,
        TrailingSlash::Add,
        TrailingSlash::Remove,
    ]);
    (
        list(redirect),
        list(rewrite),
        file_routes,
        list(header),
        list(cache),
        slash,
    )
        .prop_map(
            |(redirects, rewrites, file_routes, headers, caches, trailing_slash)| Rules {
                redirects,
                rewrites,
                file_routes,
                headers,
                caches,
                trailing_slash,
            },
        )
}

fn manifest() -> impl Strategy<Value = Manifest> {
    prop::collection::btree_set("(/[ab]{1,2}){1,2}(\\.html|/index\\.html)?", 0..8).prop_map(
        |paths| {
            let file = |path: String| FileEntry {
                digest: BlobDigest::of(path.as_bytes()),
                size_bytes: 1,
                path,
            };
            Manifest::build(paths.into_iter().map(file).collect()).value
        },
    )
}

fn site() -> impl Strategy<Value = Site> {
    let function = prop::sample::select(vec!["/a.*", "/[ab]", "["]).prop_map(|src| FunctionRoute {
        src: src.into(),
        runtime: Runtime::Edge,
        name: "f".into(),
    });
    let functions = prop::collection::vec(function, 0..2);
    let middleware = prop::option::of(prop::sample::select(vec!["/a.*", "["]));
    let fallback = prop::sample::select(vec![
        FallbackKind::None,
        FallbackKind::SinglePage,
        FallbackKind::NotFoundPage,
    ]);
    (
        manifest(),
        rules(),
        functions,
        middleware,
        fallback,
        any::<bool>(),
    )
        .prop_map(
            |(manifest, rules, functions, middleware, fallback, functions_before_files)| {
                Site::new(DeploymentDocument {
                    manifest,
                    rules,
                    functions,
                    middleware: middleware.map(|src| Middleware {
                        matchers: vec![src.into()],
                    }),
                    fallback,
                    settings: SiteSettings {
                        functions_before_files,
                    },
                })
            },
        )
}

/// A path as strangers send it.
const RAW_PATH: &str =
    "(/([ab]{0,2}|%2F|%20|%C3%BC|https:|@|:8|\\?|a\\.html|[!-.0-~]{0,3})){1,4}/?";

fn check_location(location: &str) -> Result<(), TestCaseError> {
    prop_assert!(HeaderValue::from_str(location).is_ok(), "{location}");
    prop_assert!(
        location.bytes().all(|byte| (0x21..0x7f).contains(&byte)),
        "{location}"
    );
    let absolute = location
        .strip_prefix("https://")
        .or_else(|| location.strip_prefix("http://"));
    match absolute {
        None => {
            prop_assert!(location.starts_with('/'), "{location}");
            prop_assert!(
                !location.starts_with("//") && !location.contains('\\'),
                "{location}"
            );
        }
        Some(rest) => {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            prop_assert!(!host.contains(['@', '\\']), "{location}");
            let is_meant = host.starts_with("example.com")
                || host.ends_with(".example.com")
                || host.ends_with("site.test")
                || host.ends_with("site.test:80");
            prop_assert!(is_meant, "{location}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_explained_is_what_happens(
        site in site(),
        raw_path in RAW_PATH,
        query in prop::option::of("[ -~é]{0,5}"),
        host in prop::sample::select(vec!["site.test", "www.site.test", "site.test:80"]),
        is_custom_domain in any::<bool>(),
    ) {
        let raw_path = raw_path.replace(['?', '#', '%'], "").replace("2F", "%2F");
        let Ok(path) = SitePath::parse(&raw_path) else {
            return Ok(());
        };
        let head = RequestHead {
            method: &Method::GET,
            scheme: Scheme::Https,
            host: Hostname::parse(host).expect("a host"),
            authority: host,
            is_custom_domain,
            path,
            raw_path: &raw_path,
            query: query.as_deref(),
        };
        let early = plan_early(&site, &head);
        let (traced, trace) = plan_early_traced(&site, &head);
        prop_assert_eq!(&traced, &early);
        check_trace(&trace, &[Step::Redirects, Step::TrailingSlash])?;
        if let EarlyPlan::Redirect(redirect) = early {
            check_location(&redirect.location)?;
        }
        let late = plan_late(&site, &head);
        let (traced, trace) = plan_late_traced(&site, &head);
        prop_assert_eq!(&traced, &late);
        check_trace(&trace, &[Step::Files, Step::Functions, Step::FileRoutes, Step::Fallback])?;
        if let Plan::ServeAsset { asset, .. } = late {
            prop_assert!(site.find(site.asset(asset).path) == Some(asset));
        }
    }
}

/// Of the steps that decide, at most one did; nothing after it was reached.
fn check_trace(trace: &Trace, deciding: &[Step]) -> Result<(), TestCaseError> {
    let notes = trace
        .considered
        .iter()
        .filter(|note| deciding.contains(&note.step));
    let outcomes: Vec<Outcome> = notes.map(|note| note.outcome).collect();
    let decided = outcomes
        .iter()
        .position(|outcome| *outcome == Outcome::Matched);
    for (at, outcome) in outcomes.iter().enumerate() {
        let want = match decided {
            Some(decided) if at == decided => Outcome::Matched,
            Some(decided) if at > decided => Outcome::NotReached,
            _ => Outcome::NotMatched,
        };
        prop_assert_eq!(*outcome, want, "{:?}", trace);
    }
    Ok(())
}

#[test]
fn middleware_runs_for_its_paths() {
    let run = |matchers: &[&str], path: &'static str| {
        let mut document = compile(CompileInput::default())
            .value
            .expect("an empty upload compiles");
        document.middleware = Some(Middleware {
            matchers: matchers.iter().map(|src| (*src).into()).collect(),
        });
        let head = RequestHead {
            method: &Method::GET,
            scheme: Scheme::Https,
            host: Hostname::parse("site.test").expect("a host"),
            authority: "site.test",
            is_custom_domain: false,
            path: SitePath::parse(path).expect("a path"),
            raw_path: path,
            query: None,
        };
        plan_early(&Site::new(document), &head) == EarlyPlan::Continue { middleware: true }
    };
    assert!(run(&[], "/any"));
    assert!(run(&["/a/.*", "/b"], "/a/x"));
    assert!(run(&["/a/.*", "/b"], "/b"));
    assert!(!run(&["/a/.*", "/b"], "/b/x"));
    assert!(!run(&["["], "/b"));
}
