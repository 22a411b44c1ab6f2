//! After the middleware: rewrites, files, functions, file routes, fall-back.

use std::borrow::Cow;

use http::Method;

use crate::pattern::Captures;
use crate::plan::lines;
use crate::plan::note::{
    Silent, Tracer, built_in, match_words, matched, mismatch_words, not_matched, not_reached, rule,
};
use crate::{
    AssetRef, FallbackKind, FunctionRef, MethodSet, Plan, RequestHead, Runtime, Site, Step,
};

pub(super) fn late<T: Tracer>(site: &Site, head: &RequestHead<'_>, tracer: &mut T) -> Plan {
    walk(site, head, false, tracer)
}

/// What lies beneath the edge functions.
pub(super) fn origin(site: &Site, head: &RequestHead<'_>) -> Plan {
    walk(site, head, true, &mut Silent)
}

fn walk<T: Tracer>(
    site: &Site,
    head: &RequestHead<'_>,
    beneath_edge: bool,
    tracer: &mut T,
) -> Plan {
    let path = head.path.as_str();
    let mut walk = Walk {
        site,
        method: head.method,
        beneath_edge,
        tracer,
        line: lines::first(site, path),
        status: 200,
        decided_by: None,
        plan: None,
    };
    // A file is an answer to GET and HEAD only; another method is for a function, if one answers it
    // (functions spec B.2).
    let is_read = matches!(*head.method, Method::GET | Method::HEAD);
    let functions_first = site.document().settings.functions_before_files || !is_read;
    if functions_first {
        walk.functions(path);
    }
    // Rewrites are about files; functions are asked for what the visitor asked for.
    let rewritten = walk.rewrites(path);
    walk.files(&rewritten);
    if !functions_first {
        walk.functions(path);
    }
    walk.file_routes(&rewritten);
    walk.line(path);
    walk.fallback(path)
}

/// One walk through the steps. The first that decides ends it; a tracer sees the rest go by.
struct Walk<'w, 'p, T> {
    site: &'w Site,
    method: &'w Method,
    /// Whether functions of the edge engine are left out.
    beneath_edge: bool,
    tracer: &'w mut T,
    /// The line of `_redirects` that takes the path.
    line: Option<lines::Taken<'w, 'p>>,
    /// The status that a file is served with.
    status: u16,
    /// Which rule decided, in words. `None` while none has, and when nothing is written down.
    decided_by: Option<String>,
    plan: Option<Plan>,
}

impl<'p, T: Tracer> Walk<'_, 'p, T> {
    fn is_over(&self) -> bool {
        self.plan.is_some()
    }

    fn decide(&mut self, plan: Plan, decided_by: impl FnOnce() -> String) {
        self.plan = Some(plan);
        if T::IS_ON {
            self.decided_by = Some(decided_by());
        }
    }

    /// The path to look for: the target of the first rewrite that takes the path, or the path itself.
    fn rewrites(&mut self, path: &'p str) -> Cow<'p, str> {
        let patterns = self.site.rules().rewrite_patterns();
        let found = if self.is_over() {
            None
        } else {
            patterns.first(path)
        };
        let found = found.and_then(|index| Some((index, patterns.get(index)?.captures(path)?)));
        let target = found
            .as_ref()
            .and_then(|(index, captures)| self.rewrite_target(*index, captures));
        if T::IS_ON {
            self.note_rewrites(path, found.as_ref(), target.as_deref());
        }
        let target = target.or_else(|| self.forced_line(path, found.as_ref().map(|(at, _)| *at)));
        target.map_or(Cow::Borrowed(path), Cow::Owned)
    }

    /// The target of a `200!` or `404!` line, if no rewrite took the path.
    fn forced_line(&mut self, path: &str, rewrite: Option<usize>) -> Option<String> {
        let may_act = !self.is_over() && rewrite.is_none();
        let served = self.line.as_ref().filter(|_| may_act);
        let served = served.and_then(|line| line.served(self.site, true));
        if T::IS_ON {
            let rewrite = rewrite.map(|at| format!("rewrites[{at}]"));
            let notes = lines::Notes {
                taken: self.line.as_ref(),
                decided_by: self.decided_by.as_deref().or(rewrite.as_deref()),
                finding: match &served {
                    Some((target, _)) => matched(format!("; the path is now `{target}`")),
                    None => not_matched(String::new()),
                },
            };
            lines::note(self.site, path, Step::Rewrites, &notes, self.tracer);
        }
        let (target, status) = served?;
        self.status = status;
        Some(target)
    }

    /// A `200` or `404` line: it yields to files and functions.
    fn line(&mut self, path: &str) {
        let served = self.line.as_ref().filter(|_| !self.is_over());
        let served = served.and_then(|line| line.served(self.site, false));
        let found = served.map(|(target, status)| {
            let asset = self.site.find_clean(&target);
            (target, status, asset)
        });
        if T::IS_ON {
            let notes = lines::Notes {
                taken: self.line.as_ref(),
                decided_by: self.decided_by.as_deref(),
                finding: match &found {
                    Some((target, status, asset)) => {
                        lines::served_finding(target, *status, asset.is_some())
                    }
                    None => not_matched(String::new()),
                },
            };
            lines::note(self.site, path, Step::FileRoutes, &notes, self.tracer);
        }
        let name = |line: &Option<lines::Taken<'_, '_>>| line.as_ref().map(lines::Taken::name);
        let plan = match found {
            Some((_, status, Some(asset))) => serve(asset, status),
            Some((_, 404, None)) => self.not_found(),
            _ => return,
        };
        let name = if T::IS_ON { name(&self.line) } else { None };
        self.decide(plan, || name.unwrap_or_default());
    }

    /// The target as a decoded path. A query in it has no meaning for a file.
    fn rewrite_target(&self, index: usize, captures: &Captures<'_>) -> Option<String> {
        let filled = self.site.rules().rewrite_template(index)?.fill(captures);
        let slash = if filled.starts_with('/') { "" } else { "/" };
        Some(format!("{slash}{filled}"))
    }

    fn files(&mut self, path: &str) {
        let found = if self.is_over() {
            None
        } else {
            self.site.find_clean(path)
        };
        if T::IS_ON {
            let finding = match (&self.decided_by, found) {
                (Some(decided_by), _) => not_reached(decided_by),
                (None, Some(asset)) => matched(format!(
                    "there is a file at {}",
                    self.site.asset(asset).path
                )),
                (None, None) if self.status == 404 => {
                    matched(format!("{}, so the 404 page answers", missing_words(path)))
                }
                (None, None) => not_matched(missing_words(path)),
            };
            self.tracer.note(built_in(Step::Files, "files", finding));
        }
        let status = self.status;
        if let Some(asset) = found {
            self.decide(serve(asset, status), || "a file".to_owned());
        } else if status == 404 && !self.is_over() {
            self.decide(self.not_found(), || "a line with 404!".to_owned());
        }
    }

    fn functions(&mut self, path: &str) {
        let found = if self.is_over() {
            None
        } else {
            self.site.function_for(path, self.method, self.beneath_edge)
        };
        if T::IS_ON {
            self.note_functions(path, found);
        }
        if let Some(index) = found {
            let function = FunctionRef(u32::try_from(index).unwrap_or(u32::MAX));
            self.decide(Plan::Invoke(function), || format!("functions[{index}]"));
        }
    }

    fn file_routes(&mut self, path: &str) {
        let found = if self.is_over() {
            None
        } else {
            self.first_file_route(path)
        };
        if T::IS_ON {
            self.note_file_routes(path, found.map(|(index, _)| index));
        }
        if let Some((index, asset)) = found {
            self.decide(serve(asset, 200), || format!("file_routes[{index}]"));
        }
    }

    /// The first route that takes the path and whose file is there.
    fn first_file_route(&self, path: &str) -> Option<(usize, AssetRef)> {
        let mut routes = self.site.document().rules.file_routes.iter().enumerate();
        routes.find_map(|(index, route)| {
            let takes = self.site.rules().file_route_takes(index, path);
            Some((index, takes.then(|| self.site.find(&route.dest))??))
        })
    }

    /// The answer of a 404 line whose own page is missing: the site's 404 page, or Holm's.
    fn not_found(&self) -> Plan {
        let has_page = self.site.document().fallback == FallbackKind::NotFoundPage;
        let page = self.site.find("/404.html").filter(|_| has_page);
        page.map_or(Plan::NotFound, |asset| serve(asset, 404))
    }

    fn fallback(&mut self, path: &str) -> Plan {
        let kind = self.site.document().fallback;
        let (file, status, words) = match kind {
            FallbackKind::SinglePage => ("/index.html", 200, "single page: /index.html"),
            FallbackKind::NotFoundPage => ("/404.html", 404, "the site's 404 page: /404.html"),
            FallbackKind::None => ("", 404, "Holm's own 404 page"),
        };
        if let Some(plan) = self.plan.take() {
            if let Some(decided_by) = &self.decided_by {
                self.tracer
                    .note(built_in(Step::Fallback, words, not_reached(decided_by)));
            }
            return plan;
        }
        if T::IS_ON {
            let finding = matched(format!("nothing else took `{path}`"));
            self.tracer.note(built_in(Step::Fallback, words, finding));
        }
        self.site
            .find(file)
            .map_or(Plan::NotFound, |asset| serve(asset, status))
    }

    fn note_rewrites(
        &mut self,
        path: &str,
        found: Option<&(usize, Captures<'_>)>,
        target: Option<&str>,
    ) {
        let patterns = self.site.rules().rewrite_patterns();
        for (index, rewrite) in self.site.document().rules.rewrites.iter().enumerate() {
            let finding = match (&self.decided_by, found, patterns.get(index)) {
                (Some(decided_by), ..) => not_reached(decided_by),
                (None, Some((at, captures)), Some(pattern)) if index == *at => {
                    let words = match_words(&rewrite.source, pattern, captures);
                    matched(format!(
                        "{words}; the path is now `{}`",
                        target.unwrap_or(path)
                    ))
                }
                (None, Some((at, _)), _) if index > *at => not_reached(&format!("rewrites[{at}]")),
                _ => not_matched(mismatch_words(&rewrite.source, path)),
            };
            let words = format!("{} -> {}", rewrite.source, rewrite.destination);
            self.tracer
                .note(rule(Step::Rewrites, words, &rewrite.origin, finding));
        }
    }

    fn note_functions(&mut self, path: &str, found: Option<usize>) {
        for (index, route) in self.site.document().functions.iter().enumerate() {
            let finding = match (&self.decided_by, found) {
                (Some(decided_by), _) => not_reached(decided_by),
                (None, Some(at)) if index == at => matched(format!("`{}` matched", route.src)),
                (None, Some(at)) if index > at => not_reached(&format!("functions[{at}]")),
                _ if self.site.function_takes(index, path) => not_matched(format!(
                    "`{}` matched, but the function does not answer {}",
                    route.src, self.method
                )),
                _ => not_matched(mismatch_words(&route.src, path)),
            };
            let runtime = match route.runtime {
                Runtime::Edge => "edge",
                Runtime::Node => "node",
            };
            let methods = if route.methods == MethodSet::ALL {
                String::new()
            } else {
                format!("; {}", route.methods)
            };
            let words = format!("{} -> {} ({runtime}{methods})", route.src, route.name);
            self.tracer.note(built_in(Step::Functions, words, finding));
        }
    }

    fn note_file_routes(&mut self, path: &str, found: Option<usize>) {
        for (index, route) in self.site.document().rules.file_routes.iter().enumerate() {
            let takes = self.site.rules().file_route_takes(index, path);
            let finding = match (&self.decided_by, found) {
                (Some(decided_by), _) => not_reached(decided_by),
                (None, Some(at)) if index == at => matched(format!("`{}` matched", route.src)),
                (None, Some(at)) if index > at => not_reached(&format!("file_routes[{at}]")),
                _ if takes => not_matched(format!(
                    "`{}` matched, but there is no {}",
                    route.src, route.dest
                )),
                _ => not_matched(mismatch_words(&route.src, path)),
            };
            let words = format!("{} -> {}", route.src, route.dest);
            self.tracer
                .note(rule(Step::FileRoutes, words, &route.origin, finding));
        }
    }
}

fn serve(asset: AssetRef, status: u16) -> Plan {
    Plan::ServeAsset { asset, status }
}

fn missing_words(path: &str) -> String {
    match path.strip_suffix('/') {
        Some("") => "no file at /index.html".to_owned(),
        Some(folder) => format!("no file at {path}index.html or {folder}.html"),
        None => format!("no file at {path}, {path}.html or {path}/index.html"),
    }
}
