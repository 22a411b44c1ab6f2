//! One deployment as the edge sees it: a document with its look-ups built.
//!
//! Memory per file: 46 bytes and the path in the manifest, 1 byte of facts, and in the look-up table 5 bytes at a
//! load between 7/16 and 7/8. Media types are kept once per site as header values. `cargo xtask bench files` has
//! the figures.

mod assets;
mod header_blocks;
mod rules;
#[cfg(test)]
mod tests;

use holm_types::BlobDigest;
use http::{HeaderName, HeaderValue, Method};
use regex::Regex;

use crate::function::FilePattern;
use crate::limits::REGEX_BYTES_MAX;
use crate::matcher::CompiledMatcher;
use crate::route::anchored;
use crate::{
    DeploymentDocument, FunctionBundle, FunctionRef, FunctionRoute, Manifest, Middleware,
    ParamValue, RequestHead, RouteForm, Runtime,
};

use assets::Assets;
pub(crate) use rules::{CompiledRules, RedirectMatch};

/// An allowance for one compiled regular expression and the caches that it grows, in bytes.
const REGEX_BYTES: usize = 16 * 1024;

/// Position of a file in its site's manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AssetRef(pub u32);

/// One file, as needed to answer with it.
#[derive(Clone, Debug)]
pub struct Asset<'a> {
    /// Its path in the deployment.
    pub path: &'a str,
    /// What it holds.
    pub digest: BlobDigest,
    /// How much.
    pub size_bytes: u64,
    /// `Content-Type`, ready to be sent.
    pub media_type: &'a HeaderValue,
    /// Whether its name carries a content hash (decision D10.18): one year and `immutable`,
    /// else `max-age=0, must-revalidate`.
    pub is_hashed: bool,
    /// Whether text compression pays: text-like media types.
    pub is_compressible: bool,
}

/// What a rule says of one header of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderChange<'a> {
    /// It has this value.
    Set(&'a HeaderName, &'a HeaderValue),
    /// It is taken away, also when the server set it by itself (`! Name` in `_headers`).
    Unset(&'a HeaderName),
}

/// What a function's route is compared by.
#[derive(Debug)]
enum CompiledRoute {
    Regex(Regex),
    Segments(FilePattern),
}

impl CompiledRoute {
    fn new(route: &FunctionRoute) -> Option<Self> {
        match route.form {
            RouteForm::Regex => anchored(&route.src, REGEX_BYTES_MAX).map(Self::Regex),
            RouteForm::Segments => FilePattern::parse(&route.src).ok().map(Self::Segments),
        }
    }

    fn is_match(&self, path: &str) -> bool {
        match self {
            Self::Regex(regex) => regex.is_match(path),
            Self::Segments(pattern) => pattern.is_match(path),
        }
    }

    fn weight_bytes(&self) -> usize {
        match self {
            Self::Regex(_) => REGEX_BYTES,
            Self::Segments(pattern) => pattern.weight_bytes(),
        }
    }
}

/// One deployment as the edge sees it. Immutable; shared behind `Arc`.
#[derive(Debug)]
pub struct Site {
    document: DeploymentDocument,
    assets: Assets,
    rules: CompiledRules,
    /// By the index of the function's route. `None` when its `src` is not usable.
    functions: Vec<Option<CompiledRoute>>,
    /// By the index of the matcher.
    middleware: Vec<CompiledMatcher>,
}

impl Site {
    /// Builds the look-ups and compiles the patterns.
    pub fn new(document: DeploymentDocument) -> Self {
        let matchers = document
            .middleware
            .iter()
            .flat_map(|middleware| &middleware.matchers);
        Self {
            assets: Assets::new(&document.manifest),
            rules: CompiledRules::new(&document.rules),
            functions: document.functions.iter().map(CompiledRoute::new).collect(),
            middleware: matchers.map(|it| CompiledMatcher::new(&it.regex)).collect(),
            document,
        }
    }

    /// The files.
    pub fn manifest(&self) -> &Manifest {
        &self.document.manifest
    }

    /// The file at a position that a plan named.
    ///
    /// # Panics
    /// When the position is of another site's manifest and beyond this one's end.
    pub fn asset(&self, asset: AssetRef) -> Asset<'_> {
        let entry = self
            .manifest()
            .entries()
            .get(asset.0 as usize)
            .expect("an asset reference is a position in its own site's manifest");
        let (media_type, is_compressible) = self.assets.media_type(self.manifest(), asset);
        Asset {
            path: entry.path,
            digest: entry.digest,
            size_bytes: entry.size_bytes,
            media_type,
            is_hashed: self.assets.is_hashed(asset),
            is_compressible,
        }
    }

    /// The file at exactly this path.
    pub fn find(&self, path: &str) -> Option<AssetRef> {
        self.assets.find(self.manifest(), path)
    }

    /// Whether there are header rules at all; lets the edge skip the walk.
    pub fn has_header_rules(&self) -> bool {
        self.rules.has_headers()
    }

    /// Calls `change` for each header that rules set or take away, in order: later calls overwrite earlier ones of
    /// the same name, but for `Set-Cookie` and `Link`, which are lists of their own.
    ///
    /// `host` is the request's, without a port; blocks of `_headers` may name one.
    pub fn header_changes(&self, host: &str, path: &str, change: &mut dyn FnMut(HeaderChange<'_>)) {
        self.rules.headers(host, path, change);
    }

    /// The edge cache time of `caches` for this path, in seconds; 0 bypasses memory. `None`: no rule.
    pub fn cache_ttl_seconds(&self, path: &str) -> Option<u64> {
        let index = self.rules.cache_patterns().last(path)?;
        self.document
            .rules
            .caches
            .get(index)
            .map(|rule| rule.ttl_seconds)
    }

    /// About how much memory this site takes, in bytes, for the edge's bounded table of sites.
    pub fn weight_bytes(&self) -> usize {
        let routes = self.functions.iter().flatten();
        size_of::<Self>()
            + self.assets.weight_bytes(self.manifest())
            + self.rules.weight_bytes(&self.document.rules)
            + routes.map(CompiledRoute::weight_bytes).sum::<usize>()
            + self.functions.len() * size_of::<FunctionRoute>()
            + self.middleware.len() * REGEX_BYTES
    }

    /// The route that a plan named.
    ///
    /// # Panics
    /// When the reference is of another site and beyond this one's end.
    pub fn function(&self, function: FunctionRef) -> &FunctionRoute {
        let routes = &self.document.functions;
        routes
            .get(function.0 as usize)
            .expect("a function reference is a position in its own site's table")
    }

    /// The parameters that a function's route takes from this path, as it was sent. Empty for routes that are
    /// regular expressions.
    pub fn function_params<'p>(
        &self,
        function: FunctionRef,
        raw_path: &'p str,
    ) -> Vec<(&str, ParamValue<'p>)> {
        match self.functions.get(function.0 as usize) {
            Some(Some(CompiledRoute::Segments(pattern))) => pattern.params(raw_path),
            _ => Vec::new(),
        }
    }

    /// The middleware. `None` when the site has none.
    pub fn middleware(&self) -> Option<&Middleware> {
        self.document.middleware.as_ref()
    }

    /// What the edge engine runs for this site. `None` when nothing.
    pub fn edge_bundle(&self) -> Option<&FunctionBundle> {
        self.document.edge_bundle.as_ref()
    }

    pub(crate) fn document(&self) -> &DeploymentDocument {
        &self.document
    }

    pub(crate) fn rules(&self) -> &CompiledRules {
        &self.rules
    }

    /// The file that answers for a path: the file itself, `path.html`, `path/index.html`; for a path with a slash
    /// at the end `index.html` in it, then `.html` in place of the slash (config-build spec 3.1).
    pub(crate) fn find_clean(&self, path: &str) -> Option<AssetRef> {
        let find = |parts: [&str; 2]| self.assets.find_parts(self.manifest(), parts);
        match path.strip_suffix('/') {
            Some("") => find(["/index.html", ""]),
            Some(folder) => find([path, "index.html"]).or_else(|| find([folder, ".html"])),
            None => find([path, ""])
                .or_else(|| find([path, ".html"]))
                .or_else(|| find([path, "/index.html"])),
        }
    }

    /// The first function that answers this path and method, by its index; where `beneath_edge`, those of the edge
    /// engine are not asked.
    pub(crate) fn function_for(
        &self,
        path: &str,
        method: &Method,
        beneath_edge: bool,
    ) -> Option<usize> {
        let routes = self.document.functions.iter().zip(&self.functions);
        let mut routes = routes.enumerate();
        let found = routes.find(|(_, (route, compiled))| {
            route.methods.contains(method)
                && !(beneath_edge && route.runtime == Runtime::Edge)
                && compiled.as_ref().is_some_and(|it| it.is_match(path))
        });
        found.map(|(index, _)| index)
    }

    /// Whether a function's route takes this path, whatever the method.
    pub(crate) fn function_takes(&self, index: usize, path: &str) -> bool {
        let route = self.functions.get(index).and_then(Option::as_ref);
        route.is_some_and(|route| route.is_match(path))
    }

    /// The matcher by which the middleware takes a request, by its index.
    ///
    /// The path is asked as it was sent, which is what the matcher was written for (functions spec 2.2), and decoded,
    /// which is what files are found by: no way of writing a path goes round a guard.
    pub(crate) fn middleware_takes(&self, head: &RequestHead<'_>) -> Option<MatchedBy> {
        self.document.middleware.as_ref()?;
        if self.middleware.is_empty() {
            return Some(MatchedBy::Default);
        }
        let decoded = without_last_slash(head.path.as_str());
        let raw = without_last_slash(head.raw_path);
        let takes = |matcher: &CompiledMatcher| {
            matcher.is_match(decoded) || raw != decoded && matcher.is_match(raw)
        };
        self.middleware
            .iter()
            .position(takes)
            .map(MatchedBy::Matcher)
    }
}

/// Why the middleware takes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MatchedBy {
    /// It names no paths, so it takes all.
    Default,
    /// The matcher at this place.
    Matcher(usize),
}

/// What matchers are compared with: a slash at the end does not count (functions spec 9.3).
fn without_last_slash(path: &str) -> &str {
    match path.strip_suffix('/') {
        Some("") | None => path,
        Some(folder) => folder,
    }
}
