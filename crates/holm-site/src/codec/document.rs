//! A document on the wire, format 1, which every later format begins with. Fields are only ever added in a new
//! format, behind it (`lines` is format 2).

use serde::{Deserialize, Serialize};

use super::NotAWord;
use super::manifest::{EntriesRead, EntriesToWrite};
use crate::{
    CacheRule, DeploymentDocument, FallbackKind, FileRoute, FunctionRoute, HeaderRule, Middleware,
    RedirectRule, RewriteRule, RuleOrigin, Rules, Runtime, SiteSettings, TrailingSlash,
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
    #[serde(borrow)]
    functions: Vec<WireFunction<'b>>,
    #[serde(borrow)]
    middleware: Option<Vec<&'b str>>,
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

#[derive(Serialize, Deserialize)]
struct WireFunction<'b> {
    src: &'b str,
    runtime: u8,
    name: &'b str,
}

impl<'d> From<&'d DeploymentDocument> for WireDocument<'d, EntriesToWrite<'d>> {
    fn from(document: &'d DeploymentDocument) -> Self {
        let media_types = document.manifest.media_types().iter();
        let functions = document.functions.iter().map(|route| WireFunction {
            src: &route.src,
            runtime: match route.runtime {
                Runtime::Edge => 0,
                Runtime::Node => 1,
            },
            name: &route.name,
        });
        let middleware = document.middleware.as_ref();
        Self {
            entries: EntriesToWrite(&document.manifest),
            media_types: media_types.map(|name| &**name).collect(),
            rules: WireRules::from(&document.rules),
            functions: functions.collect(),
            middleware: middleware.map(|it| it.matchers.iter().map(|src| &**src).collect()),
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
        let functions = wire.functions.iter().map(FunctionRoute::try_from);
        Ok(Self {
            manifest: wire.entries.manifest(wire.media_types)?,
            functions: functions.collect::<Result<_, _>>()?,
            middleware: wire.middleware.map(|matchers| Middleware {
                matchers: matchers.into_iter().map(Box::from).collect(),
            }),
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
        })
    }
}

impl TryFrom<&WireFunction<'_>> for FunctionRoute {
    type Error = NotAWord;

    fn try_from(wire: &WireFunction<'_>) -> Result<Self, NotAWord> {
        Ok(Self {
            src: wire.src.into(),
            runtime: match wire.runtime {
                0 => Runtime::Edge,
                1 => Runtime::Node,
                _ => return Err(NotAWord),
            },
            name: wire.name.into(),
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
