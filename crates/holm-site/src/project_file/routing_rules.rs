//! `redirects`, `rewrites` and `caches` of a project file (config-build spec 1.4, 1.5, 1.7).

use super::{Field, Reader};
use crate::code;
use crate::limits::REGEX_BYTES_MAX;
use crate::pattern::{Pattern, Remark};
use crate::route::RouteMatcher;
use crate::template::Template;
use crate::{CacheRule, FileRoute, RedirectRule, RewriteRule, RuleOrigin};

/// The statuses that a redirect may have.
const REDIRECT_STATUSES: &[u64] = &[301, 302, 303, 304, 307, 308];

/// The one `dest` that makes a `{src, dest}` a route of its own (config-build spec 1.5).
const ROUTED_FILE: &str = "/index.html";

/// The two things that `rewrites` holds.
#[derive(Default)]
pub(super) struct Rewrites {
    pub(super) classic: Vec<RewriteRule>,
    pub(super) file_routes: Vec<FileRoute>,
}

impl Reader<'_> {
    pub(super) fn redirects(&mut self, list: &Field<'_>) -> Vec<RedirectRule> {
        let entries = self.entries(list);
        entries
            .iter()
            .filter_map(|entry| self.redirect(entry))
            .collect()
    }

    fn redirect(&mut self, entry: &Field<'_>) -> Option<RedirectRule> {
        let source = self.source(&entry.get("source"));
        let destination = self.destination(&entry.get("destination"));
        let status = self.redirect_status(&entry.get("statusCode"));
        let rule = RedirectRule {
            source: source?,
            destination: destination?,
            status: status?,
            origin: self.origin(entry),
        };
        self.remark_on_source(&entry.get("source"), &rule.source);
        self.remark_on_loop(entry, &rule);
        Some(rule)
    }

    /// Says that a redirect leads to where it applies again. Seen when the destination is a fixed path.
    fn remark_on_loop(&mut self, entry: &Field<'_>, rule: &RedirectRule) {
        let pattern = Pattern::compile(&rule.source);
        let path = Template::compile(&rule.destination, &pattern).fixed_path();
        if path.is_some_and(|path| pattern.is_match(&path)) {
            let message = format!(
                "{} redirects to `{}`, which it redirects again, without end",
                entry.path(),
                rule.destination
            );
            let hint = "choose a source that does not take the destination";
            self.remark(entry, code::REDIRECT_LOOP, message, hint);
        }
    }

    fn redirect_status(&mut self, field: &Field<'_>) -> Option<u16> {
        let status = self.whole_number(
            field,
            |status| REDIRECT_STATUSES.contains(&status),
            [
                "write a status as a number: 301, 302, 303, 304, 307 or 308",
                "use 301, 302, 303, 304, 307 or 308",
            ],
        );
        status.and_then(|status| u16::try_from(status).ok())
    }

    pub(super) fn rewrites(&mut self, list: &Field<'_>) -> Rewrites {
        let mut rewrites = Rewrites::default();
        for entry in self.entries(list) {
            let is_newer = !entry.get("src").is_absent() || !entry.get("dest").is_absent();
            let (from, to) = if is_newer {
                ("src", "dest")
            } else {
                ("source", "destination")
            };
            let (from, to) = (entry.get(from), entry.get(to));
            let (source, destination) = (self.source(&from), self.destination(&to));
            let (Some(source), Some(destination)) = (source, destination) else {
                continue;
            };
            if is_newer && &*destination == ROUTED_FILE {
                rewrites
                    .file_routes
                    .extend(self.file_route(&from, source, &entry));
            } else if !self.is_external(&to, &destination) {
                self.remark_on_source(&from, &source);
                self.remark_on_catch_all(&from, &source, &destination);
                rewrites.classic.push(RewriteRule {
                    source,
                    destination,
                    origin: self.origin(&entry),
                });
            }
        }
        rewrites
    }

    /// Says that a rewrite of every path to one page takes scripts and pictures along.
    fn remark_on_catch_all(&mut self, field: &Field<'_>, source: &str, destination: &str) {
        if matches!(source, "/*" | "*") && !destination.contains(':') {
            let message = format!(
                "{} takes every path, those of existing files, too",
                field.path()
            );
            let hint = "for a single-page application take the rule out: the fall-back to /index.html is automatic";
            self.remark(field, code::PATTERN, message, hint);
        }
    }

    fn file_route(
        &mut self,
        from: &Field<'_>,
        src: Box<str>,
        entry: &Field<'_>,
    ) -> Option<FileRoute> {
        if RouteMatcher::compile(&src, REGEX_BYTES_MAX).is_none() {
            let message =
                format!("`{src}` is no regular expression that can be used; the route is dropped");
            self.remark(
                from,
                code::PATTERN,
                message,
                "write a pattern such as `/app/*`",
            );
            return None;
        }
        Some(FileRoute {
            src,
            dest: ROUTED_FILE.into(),
            origin: self.origin(entry),
        })
    }

    fn is_external(&mut self, field: &Field<'_>, destination: &str) -> bool {
        let is_external = destination.starts_with("https://") || destination.starts_with("http://");
        if is_external {
            let message = format!(
                "{} is on another host; the rewrite is dropped",
                field.path()
            );
            self.remark(
                field,
                code::EXTERNAL_REWRITE,
                message,
                "rewrites reach files of this deployment only: use a redirect, or fetch the other host in a function",
            );
        }
        is_external
    }

    pub(super) fn cache_rules(&mut self, list: &Field<'_>) -> Vec<CacheRule> {
        let entries = self.entries(list);
        entries
            .iter()
            .filter_map(|entry| self.cache_rule(entry))
            .collect()
    }

    fn cache_rule(&mut self, entry: &Field<'_>) -> Option<CacheRule> {
        let source = self.source(&entry.get("source"));
        let ttl_seconds = self.cache_ttl(&entry.get("cacheTtl"));
        let rule = CacheRule {
            source: source?,
            ttl_seconds: ttl_seconds?,
            origin: self.origin(entry),
        };
        self.remark_on_source(&entry.get("source"), &rule.source);
        Some(rule)
    }

    fn cache_ttl(&mut self, field: &Field<'_>) -> Option<u64> {
        let hints = [
            "write a number of seconds, without quotes",
            "write whole seconds, 0 or more",
        ];
        self.whole_number(field, |_| true, hints)
    }

    /// The entries of an array, cut to the maximum. None when it is absent or no array.
    pub(super) fn entries<'d>(&mut self, list: &Field<'d>) -> Vec<Field<'d>> {
        self.limited(list, self.limits.rules_max)
    }

    pub(super) fn limited<'d>(&mut self, list: &Field<'d>, max: usize) -> Vec<Field<'d>> {
        if list.is_absent() {
            return Vec::new();
        }
        let Some(mut entries) = list.elements() else {
            self.refuse(list, code::INVALID_TYPE, "write an array: `[ ... ]`");
            return Vec::new();
        };
        if entries.len() > max {
            let hint = format!("the first {max} of {} entries are used", entries.len());
            self.refuse(list, code::MAX_LENGTH, hint);
            entries.truncate(max);
        }
        entries
    }

    pub(super) fn origin(&self, entry: &Field<'_>) -> RuleOrigin {
        RuleOrigin {
            file: self.name.as_str().into(),
            line: entry.line(),
        }
    }

    /// Says what a reader of the rule may not expect.
    pub(super) fn remark_on_source(&mut self, field: &Field<'_>, source: &str) {
        let (what, hint) = match Pattern::remark(source) {
            None => return,
            Some(Remark::Query) => (
                "has a `?`, but a rule is compared with the path alone",
                "take the query out of the source",
            ),
            Some(Remark::SlashAssumed) => (
                "does not start with a slash; it is read as if it did",
                "write the slash",
            ),
        };
        let message = format!("{} {what}", field.path());
        self.remark(field, code::PATTERN, message, hint);
    }
}
