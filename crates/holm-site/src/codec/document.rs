//! A document on the wire, format 1, which every later format begins with. Fields are only ever added in a new
//! format, behind it (`lines` is format 2, `functions` is format 3).

use serde::{Deserialize, Serialize};

use super::NotAWord;
use super::manifest::{EntriesRead, EntriesToWrite};
use crate::{
    CacheRule, DeploymentDocument, FallbackKind, FileRoute, HeaderRule, RedirectRule, RewriteRule,
    RuleOrigin, Rules, SiteSettings, TrailingSlash,
};

#[derive(Serialize, Deserialize)]
#[serde(bound(deserialize = "E: Deserialize<'de>"))]
pub(super) struct WireDocument<'b, E> {
    /// Each media type once; entries name them by position.
    #[serde(borrow)]
    media_types: Vec<&'b str>,
    /// A list of entries: see `manifest`.
    entries: E,
    #[serde(borrow)]
    rules: WireRules<'b>,
    /// The length of a list that was never filled: format 3 has the functions in `functions`.
    no_functions: u8,
    /// As above, for the middleware.
    no_middleware: u8,
    fallback: u8,
    functions_before_files: bool,
}

#[derive(Serialize, Deserialize)]
struct WireRules<'b> {
    #[serde(borrow)]
    redirects: Vec<(&'b str, &'b str, u16, WireOrigin<'b>)>,
    #[serde(borrow)]
    rewrites: Vec<(&'b str, &'b str, WireOrigin<'b>)>,
    #[serde(borrow)]
    file_routes: Vec<(&'b str, &'b str, WireOrigin<'b>)>,
    #[serde(borrow)]
    headers: Vec<WireHeaderRule<'b>>,
    #[serde(borrow)]
    caches: Vec<(&'b str, u64, WireOrigin<'b>)>,
    trailing_slash: u8,
}

/// Source, pairs of name and value, origin.
type WireHeaderRule<'b> = (&'b str, Vec<(&'b str, &'b str)>, WireOrigin<'b>);

/// File and line.
pub(super) type WireOrigin<'b> = (&'b str, u32);

impl<'d> From<&'d DeploymentDocument> for WireDocument<'d, EntriesToWrite<'d>> {
    fn from(document: &'d DeploymentDocument) -> Self {
        let media_types = document.manifest.media_types().iter();
        Self {
            entries: EntriesToWrite(&document.manifest),
            media_types: media_types.map(|name| &**name).collect(),
            rules: WireRules::from(&document.rules),
            no_functions: 0,
            no_middleware: 0,
            fallback: match document.fallback {
                FallbackKind::None => 0,
                FallbackKind::SinglePage => 1,
                FallbackKind::NotFoundPage => 2,
            },
            functions_before_files: document.settings.functions_before_files,
        }
    }
}

impl TryFrom<WireDocument<'_, EntriesRead>> for DeploymentDocument {
    type Error = NotAWord;

    fn try_from(wire: WireDocument<'_, EntriesRead>) -> Result<Self, NotAWord> {
        if (wire.no_functions, wire.no_middleware) != (0, 0) {
            return Err(NotAWord);
        }
        Ok(Self {
            manifest: wire.entries.manifest(wire.media_types)?,
            fallback: match wire.fallback {
                0 => FallbackKind::None,
                1 => FallbackKind::SinglePage,
                2 => FallbackKind::NotFoundPage,
                _ => return Err(NotAWord),
            },
            settings: SiteSettings {
                functions_before_files: wire.functions_before_files,
            },
            rules: wire.rules.try_into()?,
            ..Self::default()
        })
    }
}

impl<'d> From<&'d Rules> for WireRules<'d> {
    fn from(rules: &'d Rules) -> Self {
        let redirects = rules.redirects.iter().map(|rule| {
            (
                &*rule.source,
                &*rule.destination,
                rule.status,
                to_wire(&rule.origin),
            )
        });
        let rewrites = rules.rewrites.iter();
        let file_routes = rules.file_routes.iter();
        let headers = rules.headers.iter().map(|rule| {
            let pairs = rule.headers.iter().map(|(name, value)| (&**name, &**value));
            (&*rule.source, pairs.collect(), to_wire(&rule.origin))
        });
        let caches = rules.caches.iter();
        Self {
            redirects: redirects.collect(),
            rewrites: rewrites
                .map(|rule| (&*rule.source, &*rule.destination, to_wire(&rule.origin)))
                .collect(),
            file_routes: file_routes
                .map(|rule| (&*rule.src, &*rule.dest, to_wire(&rule.origin)))
                .collect(),
            headers: headers.collect(),
            caches: caches
                .map(|rule| (&*rule.source, rule.ttl_seconds, to_wire(&rule.origin)))
                .collect(),
            trailing_slash: match rules.trailing_slash {
                TrailingSlash::Keep => 0,
                TrailingSlash::Add => 1,
                TrailingSlash::Remove => 2,
            },
        }
    }
}

impl TryFrom<WireRules<'_>> for Rules {
    type Error = NotAWord;

    fn try_from(wire: WireRules<'_>) -> Result<Self, NotAWord> {
        let redirect =
            |(source, destination, status, origin): (&str, &str, u16, WireOrigin<'_>)| {
                RedirectRule {
                    source: source.into(),
                    destination: destination.into(),
                    status,
                    origin: from_wire(origin),
                }
            };
        let rewrite = |(source, destination, origin): (&str, &str, WireOrigin<'_>)| RewriteRule {
            source: source.into(),
            destination: destination.into(),
            origin: from_wire(origin),
        };
        let file_route = |(src, dest, origin): (&str, &str, WireOrigin<'_>)| FileRoute {
            src: src.into(),
            dest: dest.into(),
            origin: from_wire(origin),
        };
        let header =
            |(source, pairs, origin): (&str, Vec<(&str, &str)>, WireOrigin<'_>)| HeaderRule {
                source: source.into(),
                headers: pairs
                    .into_iter()
                    .map(|(name, value)| (name.into(), value.into()))
                    .collect(),
                origin: from_wire(origin),
            };
        let cache = |(source, ttl_seconds, origin): (&str, u64, WireOrigin<'_>)| CacheRule {
            source: source.into(),
            ttl_seconds,
            origin: from_wire(origin),
        };
        Ok(Self {
            redirects: wire.redirects.into_iter().map(redirect).collect(),
            rewrites: wire.rewrites.into_iter().map(rewrite).collect(),
            file_routes: wire.file_routes.into_iter().map(file_route).collect(),
            headers: wire.headers.into_iter().map(header).collect(),
            caches: wire.caches.into_iter().map(cache).collect(),
            trailing_slash: match wire.trailing_slash {
                0 => TrailingSlash::Keep,
                1 => TrailingSlash::Add,
                2 => TrailingSlash::Remove,
                _ => return Err(NotAWord),
            },
            ..Self::default()
        })
    }
}

pub(super) fn to_wire(origin: &RuleOrigin) -> WireOrigin<'_> {
    (&origin.file, origin.line)
}

pub(super) fn from_wire((file, line): WireOrigin<'_>) -> RuleOrigin {
    RuleOrigin {
        file: file.into(),
        line,
    }
}
