//! One request of a case, and what a site answers, in words.

use std::fmt::Write;

use holm_site::{
    EarlyPlan, HeaderChange, ParamValue, Plan, RequestHead, Scheme, Site, Trace, plan_early,
    plan_early_traced, plan_late, plan_late_traced,
};
use holm_types::{Hostname, SitePath};
use http::Method;

/// The lines under a request: the plan, then the headers and cache time that rules give.
pub(super) fn answer(site: &Site, line: &str) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    let method = match words[0] {
        method if method.starts_with(|c: char| c.is_ascii_uppercase()) => {
            words.remove(0);
            method.parse().expect("a method")
        }
        _ => Method::GET,
    };
    let (scheme, authority, target) = split_url(words[0]);
    let (raw_path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let path = match SitePath::parse(raw_path) {
        Ok(path) => path,
        Err(error) => return format!("  400: {error}\n"),
    };
    let head = RequestHead {
        method: &method,
        scheme,
        host: Hostname::parse(authority).expect("a host"),
        authority,
        is_custom_domain: words.contains(&"custom"),
        path,
        raw_path,
        query,
    };
    let mut out = String::new();
    let trace = plan(site, &head, &mut out);
    if words.contains(&"explain") {
        out.push_str(&trace_words(&trace));
    }
    out
}

fn split_url(url: &str) -> (Scheme, &str, &str) {
    let (scheme, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (Scheme::Https, rest),
        (_, Some(rest)) => (Scheme::Http, rest),
        _ => return (Scheme::Https, "site.test", url),
    };
    let slash = rest.find('/').expect("a URL with a path");
    let (authority, target) = rest.split_at(slash);
    (scheme, authority, target)
}

fn plan(site: &Site, head: &RequestHead<'_>, out: &mut String) -> Trace {
    let path = head.path.as_str();
    let (early, mut trace) = plan_early_traced(site, head);
    assert_eq!(early, plan_early(site, head), "a traced plan is the plan");
    match early {
        EarlyPlan::Redirect(redirect) => {
            writeln!(out, "  {} {}", redirect.status, redirect.location)
                .expect("a string takes text");
        }
        EarlyPlan::Continue { middleware } => {
            if middleware {
                out.push_str("  middleware, then\n");
            }
            let (late, rest) = plan_late_traced(site, head);
            assert_eq!(late, plan_late(site, head), "a traced plan is the plan");
            trace.considered.extend(rest.considered);
            writeln!(out, "  {}", late_words(site, &late, head)).expect("a string takes text");
        }
    }
    let mut headers: Vec<(String, String)> = Vec::new();
    site.header_changes(head.host.as_str(), path, &mut |change| {
        let (name, value) = match change {
            HeaderChange::Set(name, value) => (name, Some(value)),
            HeaderChange::Unset(name) => (name, None),
        };
        if !["set-cookie", "link"].contains(&name.as_str()) {
            headers.retain(|(known, _)| known != name.as_str());
        }
        let value = value.map_or("(removed)".into(), |value| {
            String::from_utf8_lossy(value.as_bytes())
        });
        headers.push((name.to_string(), value.into_owned()));
    });
    for (name, value) in headers {
        writeln!(out, "  {name}: {value}").expect("a string takes text");
    }
    if let Some(seconds) = site.cache_ttl_seconds(path) {
        writeln!(out, "  cached for {seconds} s").expect("a string takes text");
    }
    trace
}

fn late_words(site: &Site, plan: &Plan, head: &RequestHead<'_>) -> String {
    match plan {
        Plan::ServeAsset { asset, status } => {
            let asset = site.asset(*asset);
            let media_type = asset.media_type.to_str().expect("a media type is text");
            let hashed = if asset.is_hashed { " hashed" } else { "" };
            format!("{status} {} ({media_type}){hashed}", asset.path)
        }
        Plan::Invoke(function) => {
            let mut words = format!("function {}", site.function(*function).name);
            for (name, value) in site.function_params(*function, head.raw_path) {
                let value = match value {
                    ParamValue::One(text) => format!("`{text}`"),
                    ParamValue::Many(list) => format!("{list:?}"),
                };
                write!(words, " {name}={value}").expect("a string takes text");
            }
            words
        }
        Plan::NotFound => "404".to_owned(),
    }
}

fn trace_words(trace: &Trace) -> String {
    let mut out = String::new();
    for considered in &trace.considered {
        let step = considered.step.as_str();
        let place = match (&considered.file, considered.line) {
            (Some(file), Some(line)) => format!(" ({file}:{line})"),
            _ => String::new(),
        };
        let outcome = format!("{:?}", considered.outcome).to_lowercase();
        writeln!(
            out,
            "    {step} | {}{place} | {outcome} | {}",
            considered.rule, considered.why
        )
        .expect("a string takes text");
    }
    out
}
