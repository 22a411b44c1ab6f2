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
use http::{HeaderName, HeaderValue};
use regex::Regex;

use crate::limits::REGEX_BYTES_MAX;
use crate::route::anchored;
use crate::{DeploymentDocument, Manifest};

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

/// One deployment as the edge sees it. Immutable; shared behind `Arc`.
#[derive(Debug)]
pub struct Site {
    document: DeploymentDocument,
    assets: Assets,
    rules: CompiledRules,
    /// By the index of the function's route. `None` when its `src` is no usable regular expression.
    functions: Vec<Option<Regex>>,
    /// As `functions`, by the index of the matcher.
    middleware: Vec<Option<Regex>>,
}

impl Site {
    /// Builds the look-ups and compiles the patterns.
    pub fn new(document: DeploymentDocument) -> Self {
        let compile = |src: &str| anchored(src, REGEX_BYTES_MAX);
        let matchers = document
            .middleware
            .iter()
            .flat_map(|middleware| &middleware.matchers);
        Self {
            assets: Assets::new(&document.manifest),
            rules: CompiledRules::new(&document.rules),
            functions: document
                .functions
                .iter()
                .map(|route| compile(&route.src))
                .collect(),
            middleware: matchers.map(|src| compile(src)).collect(),
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
        let regexes = self.functions.len() + self.middleware.len();
        size_of::<Self>()
            + self.assets.weight_bytes(self.manifest())
            + self.rules.weight_bytes(&self.document.rules)
            + regexes * REGEX_BYTES
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

    /// The first function whose route takes this path, by its index.
    pub(crate) fn function_for(&self, path: &str) -> Option<usize> {
        let takes =
            |route: &Option<Regex>| route.as_ref().is_some_and(|route| route.is_match(path));
        self.functions.iter().position(takes)
    }

    /// Whether the middleware takes this path.
    pub(crate) fn middleware_takes(&self, path: &str) -> bool {
        let takes = |matcher: &Option<Regex>| {
            matcher
                .as_ref()
                .is_some_and(|matcher| matcher.is_match(path))
        };
        self.document.middleware.is_some()
            && (self.middleware.is_empty() || self.middleware.iter().any(takes))
    }
}
