//! After the middleware: rewrites, files, functions, file routes, fall-back.

use std::borrow::Cow;

use crate::pattern::Captures;
use crate::plan::note::{
    Tracer, built_in, match_words, matched, mismatch_words, not_matched, not_reached, rule,
};
use crate::{AssetRef, FallbackKind, FunctionRef, Plan, RequestHead, Runtime, Site, Step};

pub(super) fn late<T: Tracer>(site: &Site, head: &RequestHead<'_>, tracer: &mut T) -> Plan {
    let mut walk = Walk {
        site,
        tracer,
        decided_by: None,
        plan: None,
    };
    let path = head.path.as_str();
    let functions_first = site.document().settings.functions_before_files;
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
    walk.fallback(path)
}

/// One walk through the steps. The first that decides ends it; a tracer sees the rest go by.
struct Walk<'w, T> {
    site: &'w Site,
    tracer: &'w mut T,
    /// Which rule decided, in words. `None` while none has, and when nothing is written down.
    decided_by: Option<String>,
    plan: Option<Plan>,
}

impl<T: Tracer> Walk<'_, T> {
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
    fn rewrites<'p>(&mut self, path: &'p str) -> Cow<'p, str> {
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
        target.map_or(Cow::Borrowed(path), Cow::Owned)
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
                (None, None) => not_matched(missing_words(path)),
            };
            self.tracer.note(built_in(Step::Files, "files", finding));
        }
        if let Some(asset) = found {
            self.decide(serve(asset, 200), || "a file".to_owned());
        }
    }

    fn functions(&mut self, path: &str) {
        let found = if self.is_over() {
            None
        } else {
            self.site.function_for(path)
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
                _ => not_matched(mismatch_words(&route.src, path)),
            };
            let runtime = match route.runtime {
                Runtime::Edge => "edge",
                Runtime::Node => "node",
            };
            let words = format!("{} -> {} ({runtime})", route.src, route.name);
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
