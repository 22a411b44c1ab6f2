//! Before the middleware: redirects and the trailing slash.

use crate::location::{redirect_target, same_site_target};
use crate::plan::lines;
use crate::plan::note::{
    Tracer, built_in, match_words, matched, mismatch_words, not_matched, not_reached, rule,
};
use crate::site::{MatchedBy, RedirectMatch};
use crate::{EarlyPlan, HostCanon, Redirect, RedirectRule, RequestHead, Site, Step, TrailingSlash};

/// The status of the redirects that trailing slashes cause (config-build spec 1.8).
const SLASH_STATUS: u16 = 308;

pub(super) fn early<T: Tracer>(site: &Site, head: &RequestHead<'_>, tracer: &mut T) -> EarlyPlan {
    let found = first_redirect(site, head);
    let redirect = found
        .as_ref()
        .and_then(|(index, found)| redirect(site, head, *index, found));
    if T::IS_ON {
        note_redirects(site, head, found.as_ref(), redirect.is_some(), tracer);
    }
    if let (Some((index, _)), Some(redirect)) = (found, redirect) {
        if T::IS_ON {
            let decided_by = format!("redirects[{index}]");
            note_lines(site, head, Err(&decided_by), tracer);
            note_slash(site, Err(&decided_by), tracer);
            note_middleware(site, Err(&decided_by), tracer);
        }
        return EarlyPlan::Redirect(redirect);
    }
    let line = lines::first(site, head.path.as_str());
    let redirect = line.as_ref().and_then(|line| line.redirect(site, head));
    if T::IS_ON {
        note_lines(site, head, Ok((line.as_ref(), redirect.as_ref())), tracer);
    }
    if let (Some(line), Some(redirect)) = (line, redirect) {
        if T::IS_ON {
            note_slash(site, Err(&line.name()), tracer);
            note_middleware(site, Err(&line.name()), tracer);
        }
        return EarlyPlan::Redirect(redirect);
    }
    let slash = slash_redirect(site, head);
    if T::IS_ON {
        note_slash(site, Ok(slash.as_ref()), tracer);
    }
    if let Some(redirect) = slash {
        if T::IS_ON {
            note_middleware(site, Err("trailingSlash"), tracer);
        }
        return EarlyPlan::Redirect(redirect);
    }
    let middleware = site.middleware_takes(head);
    if T::IS_ON {
        note_middleware(site, Ok(middleware), tracer);
    }
    EarlyPlan::Continue {
        middleware: middleware.is_some(),
    }
}

/// The first redirect rule that takes this request, whether by path or by host.
fn first_redirect<'h>(
    site: &Site,
    head: &'h RequestHead<'_>,
) -> Option<(usize, RedirectMatch<'h>)> {
    let rules = site.rules();
    let path = head.path.as_str();
    let by_path = rules.redirect_patterns().first(path);
    let canons = rules.host_canons().iter();
    let by_host = canons
        .copied()
        .find(|(_, canon)| host_problem(*canon, head).is_none())
        .filter(|(index, _)| by_path.is_none_or(|by_path| *index < by_path));
    if let Some((index, canon)) = by_host {
        return Some((index, RedirectMatch::Host(canon)));
    }
    let captures = rules.redirect_patterns().get(by_path?)?.captures(path)?;
    Some((by_path?, RedirectMatch::Path(captures)))
}

/// Why a rule about the host does not apply. `None` when it does.
fn host_problem(canon: HostCanon, head: &RequestHead<'_>) -> Option<&'static str> {
    let has_www = head.host.as_str().starts_with(WWW);
    match canon {
        _ if !head.is_custom_domain => {
            Some("the rule acts on custom domains only, and this host is none")
        }
        HostCanon::ToWww if has_www => Some("the host has its `www.` already"),
        HostCanon::FromWww if !has_www => Some("the host has no `www.` in front"),
        HostCanon::ToWww | HostCanon::FromWww => None,
    }
}

const WWW: &str = "www.";

/// The redirect of a rule that takes the request. `None` when its location would be longer than may be sent.
fn redirect(
    site: &Site,
    head: &RequestHead<'_>,
    index: usize,
    found: &RedirectMatch<'_>,
) -> Option<Redirect> {
    let location = match found {
        RedirectMatch::Path(captures) => {
            redirect_target(site.rules().redirect_template(index)?, captures, head.query)?
        }
        RedirectMatch::Host(canon) => host_target(*canon, head),
    };
    let status = site.document().rules.redirects.get(index)?.status;
    Some(Redirect { status, location })
}

/// The same address on the other host; scheme, port, path and query stay.
fn host_target(canon: HostCanon, head: &RequestHead<'_>) -> String {
    // The authority is the client's spelling of the host; the checked host is what the rule saw.
    let host = head.host.as_str();
    let port = head.authority.rsplit_once(':').map(|(_, port)| port);
    let port =
        port.filter(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let host = match canon {
        HostCanon::ToWww => format!("{WWW}{host}"),
        HostCanon::FromWww => host.strip_prefix(WWW).unwrap_or(host).to_owned(),
    };
    let target = same_site_target(head.raw_path, head.query);
    format!("{}://{host}{port}{target}", head.scheme.as_str())
}

/// What `trailingSlash` makes of this path (config-build spec 1.8).
///
/// With `true`, a file without an extension keeps its address: with a slash it could not be found.
fn slash_redirect(site: &Site, head: &RequestHead<'_>) -> Option<Redirect> {
    let path = head.path.as_str();
    let raw = head.raw_path;
    let target = match site.document().rules.trailing_slash {
        TrailingSlash::Keep => None,
        TrailingSlash::Remove => {
            (path.len() > 1).then(|| raw.strip_suffix('/').map(str::to_owned))?
        }
        TrailingSlash::Add => match slash_to_add(path) {
            Slash::Missing if site.find(path).is_none() => Some(format!("{raw}/")),
            Slash::TooMuch => raw.strip_suffix('/').map(str::to_owned),
            Slash::Missing | Slash::Right => None,
        },
    }?;
    Some(Redirect {
        status: SLASH_STATUS,
        location: same_site_target(&target, head.query),
    })
}

enum Slash {
    /// The last segment has no dot, and there is no slash after it.
    Missing,
    /// The last segment has an extension, and there is a slash after it.
    TooMuch,
    Right,
}

fn slash_to_add(path: &str) -> Slash {
    let (body, has_slash) = match path.strip_suffix('/') {
        Some(body) => (body, true),
        None => (path, false),
    };
    let Some(names) = body.strip_prefix('/') else {
        return Slash::Right;
    };
    if names.split('/').any(str::is_empty) {
        return Slash::Right;
    }
    let last = names.rsplit('/').next().unwrap_or_default();
    match last.rsplit_once('.') {
        None if !has_slash => Slash::Missing,
        Some((stem, extension)) if has_slash => {
            let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            let is_file =
                !stem.is_empty() && !extension.is_empty() && extension.bytes().all(is_word);
            if is_file {
                Slash::TooMuch
            } else {
                Slash::Right
            }
        }
        _ => Slash::Right,
    }
}

fn note_redirects<T: Tracer>(
    site: &Site,
    head: &RequestHead<'_>,
    found: Option<&(usize, RedirectMatch<'_>)>,
    is_decided: bool,
    tracer: &mut T,
) {
    for (index, redirect) in site.document().rules.redirects.iter().enumerate() {
        let finding = match found {
            Some((at, found)) if index == *at => {
                let words = taken_words(site, index, redirect, found);
                if is_decided {
                    matched(words)
                } else {
                    not_matched(format!(
                        "{words}, but made a location that is too long to be sent"
                    ))
                }
            }
            Some((at, _)) if index > *at && is_decided => not_reached(&format!("redirects[{at}]")),
            Some((at, _)) if index > *at => {
                not_matched(format!("not asked: redirects[{at}] matched"))
            }
            _ => not_matched(refused_words(site, index, redirect, head)),
        };
        let words = format!(
            "{} -> {} ({})",
            redirect.source, redirect.destination, redirect.status
        );
        tracer.note(rule(Step::Redirects, words, &redirect.origin, finding));
    }
}

fn taken_words(
    site: &Site,
    index: usize,
    redirect: &RedirectRule,
    found: &RedirectMatch<'_>,
) -> String {
    match (found, site.rules().redirect_patterns().get(index)) {
        (RedirectMatch::Path(captures), Some(pattern)) => {
            match_words(&redirect.source, pattern, captures)
        }
        (RedirectMatch::Host(HostCanon::ToWww), _) => "the host has no `www.` in front".to_owned(),
        _ => "the host has a `www.` in front".to_owned(),
    }
}

fn refused_words(
    site: &Site,
    index: usize,
    redirect: &RedirectRule,
    head: &RequestHead<'_>,
) -> String {
    let canon = site
        .rules()
        .host_canons()
        .iter()
        .find(|(at, _)| *at == index);
    match canon.and_then(|(_, canon)| host_problem(*canon, head)) {
        Some(problem) => problem.to_owned(),
        None => mismatch_words(&redirect.source, head.path.as_str()),
    }
}

/// The lines of `_redirects` that redirect: the one that takes the path and its redirect, or what decided
/// before them.
type LineFound<'f, 's, 'p> = (Option<&'f lines::Taken<'s, 'p>>, Option<&'f Redirect>);

fn note_lines<T: Tracer>(
    site: &Site,
    head: &RequestHead<'_>,
    found: Result<LineFound<'_, '_, '_>, &str>,
    tracer: &mut T,
) {
    let (taken, redirect) = found.unwrap_or_default();
    let notes = lines::Notes {
        taken,
        decided_by: found.err(),
        finding: match redirect {
            Some(_) => matched(String::new()),
            None => not_matched(", but made a location that is too long to be sent".to_owned()),
        },
    };
    lines::note(site, head.path.as_str(), Step::Redirects, &notes, tracer);
}

fn note_slash<T: Tracer>(site: &Site, found: Result<Option<&Redirect>, &str>, tracer: &mut T) {
    let words = match site.document().rules.trailing_slash {
        TrailingSlash::Keep => "trailingSlash is not set",
        TrailingSlash::Add => "trailingSlash: true",
        TrailingSlash::Remove => "trailingSlash: false",
    };
    let finding = match found {
        Err(decided_by) => not_reached(decided_by),
        Ok(Some(redirect)) => matched(format!("the path should be `{}`", redirect.location)),
        Ok(None) => not_matched("the path may stay as it is".to_owned()),
    };
    tracer.note(built_in(Step::TrailingSlash, words, finding));
}

fn note_middleware<T: Tracer>(site: &Site, found: Result<Option<MatchedBy>, &str>, tracer: &mut T) {
    let Some(middleware) = site.middleware() else {
        return;
    };
    let finding = match found {
        Err(decided_by) => not_reached(decided_by),
        Ok(Some(MatchedBy::Default)) => matched("it names no paths, so it takes all".to_owned()),
        Ok(Some(MatchedBy::Matcher(index))) => {
            let matcher = middleware.matchers.get(index);
            let source = matcher.map(|it| &*it.source).unwrap_or_default();
            matched(format!("its matcher `{source}` takes this path"))
        }
        Ok(None) => not_matched("none of its matchers takes this path".to_owned()),
    };
    tracer.note(built_in(Step::Middleware, "middleware", finding));
}
