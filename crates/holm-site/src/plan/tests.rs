//! Laws of a plan that hold for any site and any request.

use holm_types::{Hostname, SitePath};
use http::{HeaderValue, Method};
use proptest::prelude::*;

use super::*;
use crate::strategies::{Words, document};
use crate::{
    CompileInput, HeaderChange, Matcher, Middleware, Outcome, Runtime, Scheme, Step, compile,
};

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
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_explained_is_what_happens(
        document in document(&Words::meeting()),
        raw_path in RAW_PATH,
        query in prop::option::of("[ -~é]{0,5}"),
        method in prop::sample::select(vec![Method::GET, Method::HEAD, Method::POST, Method::TRACE]),
        host in prop::sample::select(vec!["site.test", "www.site.test", "site.test:80"]),
        is_custom_domain in any::<bool>(),
    ) {
        let raw_path = raw_path.replace(['?', '#', '%'], "").replace("2F", "%2F");
        let Ok(path) = SitePath::parse(&raw_path) else {
            return Ok(());
        };
        let site = Site::new(document);
        let head = RequestHead {
            method: &method,
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
        check_functions(&site, &head, &late)?;
        site.header_changes(head.host.as_str(), head.path.as_str(), &mut |change| {
            if let HeaderChange::Set(_, value) = change {
                let is_one_line = !value.as_bytes().iter().any(u8::is_ascii_control);
                assert!(is_one_line, "{value:?}");
            }
        });
        if let Plan::ServeAsset { asset, .. } = late {
            prop_assert!(site.find(site.asset(asset).path) == Some(asset));
        }
    }
}

/// A function that was chosen answers the method; beneath the edge functions none of them is chosen, and everything
/// else is as before.
fn check_functions(site: &Site, head: &RequestHead<'_>, late: &Plan) -> Result<(), TestCaseError> {
    let runtime = |plan: &Plan| match plan {
        Plan::Invoke(function) => Some(site.function(*function).runtime),
        _ => None,
    };
    if let Plan::Invoke(function) = late {
        prop_assert!(site.function(*function).methods.contains(head.method));
        site.function_params(*function, head.raw_path);
    }
    let origin = plan_origin(site, head);
    prop_assert!(runtime(&origin) != Some(Runtime::Edge));
    if runtime(late) != Some(Runtime::Edge) {
        prop_assert_eq!(&origin, late);
    }
    Ok(())
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
    let run = |matchers: &[&str], path: &str| {
        let mut document = compile(CompileInput::default())
            .value
            .expect("an empty upload compiles");
        document.middleware = Some(Middleware {
            matchers: matchers
                .iter()
                .map(|regex| Matcher {
                    source: (*regex).into(),
                    regex: (*regex).into(),
                })
                .collect(),
            handler: 0,
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
    assert!(run(&["^/a/.*$", "^/b$"], "/a/x"));
    assert!(run(&["^/a/.*$", "^/b$"], "/b/"));
    assert!(!run(&["^/a/.*$", "^/b$"], "/b/x"));
    // Neither another spelling of the path nor a matcher that cannot be run goes round a guard.
    assert!(run(&["^/b$"], "/%62"));
    assert!(run(&["^/(?!b$)"], "/%62"));
    assert!(!run(&["^/(?!b$)"], "/b"));
    assert!(run(&["["], "/b"));
    assert!(run(&["^/(a|aa)+(?=b)$"], &format!("/{}", "a".repeat(60))));
}
