//! The rules of a document, compiled.

use http::{HeaderName, HeaderValue};

use crate::limits::REGEX_BYTES_MAX;
use crate::pattern::{Captures, Pattern, PatternSet};
use crate::route::RouteMatcher;
use crate::site::header_blocks::HeaderBlocks;
use crate::template::Template;
use crate::{HeaderChange, HostCanon, RedirectRule, Rules};

#[derive(Debug)]
pub(crate) struct CompiledRules {
    redirects: PatternSet,
    redirect_templates: Vec<Template>,
    /// The redirects that are about the host, with their index among all redirects.
    host_canons: Vec<(usize, HostCanon)>,
    rewrites: PatternSet,
    rewrite_templates: Vec<Template>,
    /// `None` for a source that cannot be used; it takes nothing.
    file_routes: Vec<Option<RouteMatcher>>,
    headers: PatternSet,
    header_pairs: Vec<Vec<(HeaderName, HeaderValue)>>,
    caches: PatternSet,
    lines: PatternSet,
    line_templates: Vec<Template>,
    blocks: HeaderBlocks,
}

/// What a redirect rule found in a request.
#[derive(Debug)]
pub(crate) enum RedirectMatch<'p> {
    /// Its pattern took the path.
    Path(Captures<'p>),
    /// The host has, or has not, the `www.` that the rule is about.
    Host(HostCanon),
}

impl CompiledRules {
    pub(super) fn new(rules: &Rules) -> Self {
        let redirects: Vec<Pattern> = rules.redirects.iter().map(redirect_pattern).collect();
        let rewrites: Vec<Pattern> = rules
            .rewrites
            .iter()
            .map(|rule| Pattern::compile(&rule.source))
            .collect();
        let headers = rules
            .headers
            .iter()
            .map(|rule| Pattern::compile(&rule.source))
            .collect();
        let caches = rules
            .caches
            .iter()
            .map(|rule| Pattern::compile(&rule.source))
            .collect();
        let lines: Vec<Pattern> = rules
            .redirect_lines
            .iter()
            .map(|line| Pattern::compile(&line.source))
            .collect();
        let host_canons = rules.redirects.iter().enumerate();
        Self {
            redirect_templates: templates(
                &redirects,
                rules.redirects.iter().map(|rule| &*rule.destination),
            ),
            redirects: PatternSet::new(redirects),
            host_canons: host_canons
                .filter_map(|(index, rule)| host_canon(rule).map(|canon| (index, canon)))
                .collect(),
            rewrite_templates: templates(
                &rewrites,
                rules.rewrites.iter().map(|rule| &*rule.destination),
            ),
            rewrites: PatternSet::new(rewrites),
            file_routes: rules
                .file_routes
                .iter()
                .map(|route| RouteMatcher::compile(&route.src, REGEX_BYTES_MAX))
                .collect(),
            headers: PatternSet::new(headers),
            header_pairs: rules
                .headers
                .iter()
                .map(|rule| header_pairs(&rule.headers))
                .collect(),
            caches: PatternSet::new(caches),
            line_templates: templates(
                &lines,
                rules.redirect_lines.iter().map(|line| &*line.destination),
            ),
            lines: PatternSet::new(lines),
            blocks: HeaderBlocks::new(&rules.header_blocks),
        }
    }

    pub(crate) fn redirect_patterns(&self) -> &PatternSet {
        &self.redirects
    }

    pub(crate) fn redirect_template(&self, index: usize) -> Option<&Template> {
        self.redirect_templates.get(index)
    }

    pub(crate) fn host_canons(&self) -> &[(usize, HostCanon)] {
        &self.host_canons
    }

    pub(crate) fn rewrite_patterns(&self) -> &PatternSet {
        &self.rewrites
    }

    pub(crate) fn rewrite_template(&self, index: usize) -> Option<&Template> {
        self.rewrite_templates.get(index)
    }

    pub(crate) fn header_patterns(&self) -> &PatternSet {
        &self.headers
    }

    pub(crate) fn cache_patterns(&self) -> &PatternSet {
        &self.caches
    }

    pub(crate) fn line_patterns(&self) -> &PatternSet {
        &self.lines
    }

    pub(crate) fn line_template(&self, index: usize) -> Option<&Template> {
        self.line_templates.get(index)
    }

    pub(crate) fn header_blocks(&self) -> &HeaderBlocks {
        &self.blocks
    }

    /// Whether the file route with this index takes this path.
    pub(crate) fn file_route_takes(&self, index: usize, path: &str) -> bool {
        let route = self.file_routes.get(index).and_then(Option::as_ref);
        route.is_some_and(|route| route.is_match(path))
    }

    pub(super) fn has_headers(&self) -> bool {
        self.headers.len() > 0 || !self.blocks.is_empty()
    }

    /// The blocks of `_headers` first, so that what `edgeone.json` says of a name counts.
    pub(super) fn headers(&self, host: &str, path: &str, change: &mut dyn FnMut(HeaderChange<'_>)) {
        if !self.blocks.is_empty() {
            for (name, value) in self.blocks.outcomes(host, path) {
                change(match &value {
                    Some(value) => HeaderChange::Set(&name, value),
                    None => HeaderChange::Unset(&name),
                });
            }
        }
        self.headers.each(path, |index| {
            for (name, value) in self.header_pairs.get(index).into_iter().flatten() {
                change(HeaderChange::Set(name, value));
            }
        });
    }

    pub(super) fn weight_bytes(&self, rules: &Rules) -> usize {
        let sets = [
            &self.redirects,
            &self.rewrites,
            &self.headers,
            &self.caches,
            &self.lines,
        ];
        let templates = self
            .redirect_templates
            .iter()
            .chain(&self.rewrite_templates)
            .chain(&self.line_templates);
        let pairs = self.header_pairs.iter().flatten();
        sets.into_iter()
            .map(PatternSet::weight_bytes)
            .sum::<usize>()
            + templates
                .map(|template| 48 + template.weight_bytes())
                .sum::<usize>()
            + pairs
                .map(|(name, value)| 128 + name.as_str().len() + value.len())
                .sum::<usize>()
            + self.file_routes.len() * super::REGEX_BYTES
            + self.blocks.weight_bytes()
            + source_bytes(rules)
    }
}

/// The texts of the rules as they were written, which `explain` shows.
fn source_bytes(rules: &Rules) -> usize {
    let redirects = rules
        .redirects
        .iter()
        .map(|rule| rule.source.len() + rule.destination.len());
    let rewrites = rules
        .rewrites
        .iter()
        .map(|rule| rule.source.len() + rule.destination.len());
    let headers = rules.headers.iter().map(|rule| {
        let pairs = rule
            .headers
            .iter()
            .map(|(name, value)| 32 + name.len() + value.len());
        rule.source.len() + pairs.sum::<usize>()
    });
    let caches = rules.caches.iter().map(|rule| rule.source.len());
    let lines = rules
        .redirect_lines
        .iter()
        .map(|line| line.source.len() + line.destination.len());
    let blocks = rules.header_blocks.iter().map(|block| {
        let pairs = block
            .set
            .iter()
            .map(|(name, value)| 32 + name.len() + value.len());
        let names = block.unset.iter().map(|name| 16 + name.len());
        block.source.len() + pairs.sum::<usize>() + names.sum::<usize>()
    });
    let texts = redirects
        .chain(rewrites)
        .chain(headers)
        .chain(caches)
        .chain(lines)
        .chain(blocks);
    // Each rule is a record of a few boxed texts, one of them the name of its file; each text is an allocation.
    texts.map(|text| text + 160).sum()
}

fn templates<'r>(
    patterns: &[Pattern],
    destinations: impl Iterator<Item = &'r str>,
) -> Vec<Template> {
    let pairs = patterns.iter().zip(destinations);
    pairs
        .map(|(pattern, destination)| Template::compile(destination, pattern))
        .collect()
}

/// A redirect about the host is no pattern; what stands in its place takes no path there is.
fn redirect_pattern(rule: &RedirectRule) -> Pattern {
    match host_canon(rule) {
        Some(_) => Pattern::never(),
        None => Pattern::compile(&rule.source),
    }
}

/// `$host` to `$wwwhost` or the other way (config-build spec 1.4).
fn host_canon(rule: &RedirectRule) -> Option<HostCanon> {
    match (&*rule.source, &*rule.destination) {
        ("$host", "$wwwhost") => Some(HostCanon::ToWww),
        ("$wwwhost", "$host") => Some(HostCanon::FromWww),
        _ => None,
    }
}

/// The pairs that can be sent. Validation lets no others through, but a document may have come from disk.
fn header_pairs(pairs: &[(Box<str>, Box<str>)]) -> Vec<(HeaderName, HeaderValue)> {
    let pair = |(name, value): &(Box<str>, Box<str>)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    };
    pairs.iter().filter_map(pair).collect()
}
