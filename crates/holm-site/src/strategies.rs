//! Documents for property tests: any that can be written down, and any that a compiler could have made.

use holm_types::BlobDigest;
use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;

use crate::{
    CacheRule, DeploymentDocument, FallbackKind, FileEntry, FileRoute, FunctionBundle,
    FunctionRoute, HeaderBlock, HeaderRule, LineAction, Manifest, Matcher, MethodSet, Middleware,
    RedirectLine, RedirectRule, RewriteRule, RouteForm, RuleOrigin, Rules, Runtime, SiteSettings,
    TrailingSlash,
};

type Text = BoxedStrategy<Box<str>>;

/// What the texts and numbers of a document are made of.
#[derive(Clone)]
pub(crate) struct Words {
    /// Sources of rules.
    pub(crate) pattern: Text,
    /// Destinations of rules.
    pub(crate) destination: Text,
    /// The file of a file route.
    pub(crate) routed_file: Text,
    /// Names and values of headers.
    pub(crate) header: BoxedStrategy<(Box<str>, Box<str>)>,
    /// Hosts that blocks name.
    pub(crate) host: Text,
    /// Regular expressions of functions and middleware.
    pub(crate) regex: Text,
    /// Paths of files, without the slash in front.
    pub(crate) file: Text,
    /// Statuses of redirects.
    pub(crate) redirect_status: BoxedStrategy<u16>,
    /// Statuses of lines that serve.
    pub(crate) serve_status: BoxedStrategy<u16>,
    /// Rules of each kind.
    pub(crate) rules_max: usize,
}

impl Words {
    /// Anything that has the right type.
    pub(crate) fn any() -> Self {
        let text = || ".{0,12}".prop_map(String::into_boxed_str).boxed();
        Self {
            pattern: text(),
            destination: text(),
            routed_file: text(),
            header: (text(), text()).boxed(),
            host: text(),
            regex: text(),
            file: "[a-zé]{1,6}(\\.(html|js|png|x))?"
                .prop_map(String::into_boxed_str)
                .boxed(),
            redirect_status: any::<u16>().boxed(),
            serve_status: any::<u16>().boxed(),
            rules_max: 3,
        }
    }

    /// What a compiler lets through, in so few letters that rules and paths often meet.
    pub(crate) fn meeting() -> Self {
        let one_of = |texts: &[&'static str]| {
            prop::sample::select(texts.to_vec())
                .prop_map(Box::from)
                .boxed()
        };
        let segment = "(/[ab]{0,2}|/:x|/\\*|/a\\*)";
        let path = prop::collection::vec(segment, 1..4).prop_map(|segments| segments.concat());
        let other = prop::sample::select(vec!["$host", "$wwwhost", "*.html", "b", "/%61", "/a?b"]);
        let pattern = prop_oneof![4 => path, 1 => other.prop_map(str::to_owned)];
        Self {
            pattern: pattern.prop_map(String::into_boxed_str).boxed(),
            destination: one_of(&[
                "/a",
                "/:splat",
                ":splat",
                "/b/:x",
                "//:splat",
                "https://example.com/:splat",
                "https://:x.example.com",
                "https://example.com:splat",
                "$host",
                "$wwwhost",
                "/a?q=:splat",
                "/#:x",
                "/a/index.html",
                "/ü ",
            ]),
            routed_file: one_of(&["/index.html"]),
            header: (one_of(&["X-A", "Link"]), one_of(&["1", "say :x", ":splat"])).boxed(),
            host: one_of(&["site.test", ":x.test", "www.site.test"]),
            regex: one_of(&["/a.*", "/[ab]", "["]),
            file: "[ab]{1,2}(/[ab]{1,2})?(\\.html|/index\\.html)?"
                .prop_map(String::into_boxed_str)
                .boxed(),
            redirect_status: Just(302).boxed(),
            serve_status: prop::sample::select(vec![200, 404]).boxed(),
            rules_max: 15,
        }
    }

    fn list<S: Strategy>(&self, of: S) -> impl Strategy<Value = Vec<S::Value>> + use<S> {
        prop::collection::vec(of, 0..=self.rules_max)
    }
}

/// A document of these words.
pub(crate) fn document(words: &Words) -> impl Strategy<Value = DeploymentDocument> + use<> {
    let runtime = prop::sample::select(vec![Runtime::Edge, Runtime::Node]);
    let regex = words.regex.clone().prop_map(|src| (src, RouteForm::Regex));
    let segments = function_src().prop_map(|src| (src, RouteForm::Segments));
    let handler = any::<u32>();
    let function = (prop_oneof![regex, segments], runtime, methods(), handler).prop_map(
        |((src, form), runtime, methods, handler)| FunctionRoute {
            src,
            form,
            runtime,
            name: "f".into(),
            methods,
            handler,
        },
    );
    let matcher = (words.regex.clone(), words.regex.clone())
        .prop_map(|(source, regex)| Matcher { source, regex });
    let middleware = (prop::collection::vec(matcher, 0..3), any::<u32>())
        .prop_map(|(matchers, handler)| Middleware { matchers, handler });
    let bundle =
        any::<([u8; 32], u64, Option<[u8; 32]>)>().prop_map(|(code, code_bytes, source_map)| {
            FunctionBundle {
                code: BlobDigest::from_bytes(code),
                code_bytes,
                source_map: source_map.map(BlobDigest::from_bytes),
            }
        });
    let fallback = prop::sample::select(vec![
        FallbackKind::None,
        FallbackKind::SinglePage,
        FallbackKind::NotFoundPage,
    ]);
    (
        manifest(words),
        rules(words),
        prop::collection::vec(function, 0..3),
        prop::option::of(middleware),
        prop::option::of(bundle),
        fallback,
        any::<bool>(),
    )
        .prop_map(
            |(manifest, rules, functions, middleware, edge_bundle, fallback, before)| {
                DeploymentDocument {
                    manifest,
                    rules,
                    functions,
                    middleware,
                    edge_bundle,
                    fallback,
                    settings: SiteSettings {
                        functions_before_files: before,
                    },
                }
            },
        )
}

/// A path with parameters.
pub(crate) fn function_src() -> impl Strategy<Value = Box<str>> {
    let names = vec!["a", "b", "[x]", "[y]", "[[z]]", "index"];
    let names = prop::collection::vec(prop::sample::select(names), 0..4);
    names.prop_map(|names| format!("/{}", names.join("/")).into())
}

/// Some methods, at least one.
pub(crate) fn methods() -> impl Strategy<Value = MethodSet> {
    (1..=MethodSet::ALL.bits()).prop_map(|bits| MethodSet::from_bits(bits).unwrap_or_default())
}

fn manifest(words: &Words) -> impl Strategy<Value = Manifest> + use<> {
    let files = prop::collection::btree_map(words.file.clone(), any::<([u8; 32], u64)>(), 0..8);
    files.prop_map(|files| {
        let entry = |(name, (digest, size_bytes)): (Box<str>, ([u8; 32], u64))| FileEntry {
            path: format!("/{name}"),
            digest: BlobDigest::from_bytes(digest),
            size_bytes,
        };
        Manifest::build(files.into_iter().map(entry).collect()).value
    })
}

fn rules(words: &Words) -> impl Strategy<Value = Rules> + use<> {
    let slash = prop::sample::select(vec![
        TrailingSlash::Keep,
        TrailingSlash::Add,
        TrailingSlash::Remove,
    ]);
    (
        words.list(redirect(words)),
        words.list(rewrite(words)),
        prop::collection::vec(file_route(words), 0..3),
        words.list(header_rule(words)),
        words.list(cache_rule(words)),
        slash,
        words.list(redirect_line(words)),
        words.list(header_block(words)),
    )
        .prop_map(|rules| Rules {
            redirects: rules.0,
            rewrites: rules.1,
            file_routes: rules.2,
            headers: rules.3,
            caches: rules.4,
            trailing_slash: rules.5,
            redirect_lines: rules.6,
            header_blocks: rules.7,
        })
}

fn origin() -> impl Strategy<Value = RuleOrigin> {
    (".{0,6}", any::<u32>()).prop_map(|(file, line)| RuleOrigin {
        file: file.into(),
        line,
    })
}

fn redirect(words: &Words) -> impl Strategy<Value = RedirectRule> + use<> {
    let status = words.redirect_status.clone();
    (
        words.pattern.clone(),
        words.destination.clone(),
        status,
        origin(),
    )
        .prop_map(|(source, destination, status, origin)| RedirectRule {
            source,
            destination,
            status,
            origin,
        })
}

fn rewrite(words: &Words) -> impl Strategy<Value = RewriteRule> + use<> {
    (words.pattern.clone(), words.destination.clone(), origin()).prop_map(
        |(source, destination, origin)| RewriteRule {
            source,
            destination,
            origin,
        },
    )
}

fn file_route(words: &Words) -> impl Strategy<Value = FileRoute> + use<> {
    (words.pattern.clone(), words.routed_file.clone(), origin())
        .prop_map(|(src, dest, origin)| FileRoute { src, dest, origin })
}

fn header_rule(words: &Words) -> impl Strategy<Value = HeaderRule> + use<> {
    let headers = prop::collection::vec(words.header.clone(), 0..3);
    (words.pattern.clone(), headers, origin()).prop_map(|(source, headers, origin)| HeaderRule {
        source,
        headers,
        origin,
    })
}

fn cache_rule(words: &Words) -> impl Strategy<Value = CacheRule> + use<> {
    (words.pattern.clone(), any::<u64>(), origin()).prop_map(|(source, ttl_seconds, origin)| {
        CacheRule {
            source,
            ttl_seconds,
            origin,
        }
    })
}

fn redirect_line(words: &Words) -> impl Strategy<Value = RedirectLine> + use<> {
    let redirect = words.redirect_status.clone().prop_map(LineAction::Redirect);
    let serve = (words.serve_status.clone(), any::<bool>())
        .prop_map(|(status, is_forced)| LineAction::Serve { status, is_forced });
    let action = prop_oneof![redirect, serve];
    (
        words.pattern.clone(),
        words.destination.clone(),
        action,
        origin(),
    )
        .prop_map(|(source, destination, action, origin)| RedirectLine {
            source,
            destination,
            action,
            origin,
        })
}

fn header_block(words: &Words) -> impl Strategy<Value = HeaderBlock> + use<> {
    let set = prop::collection::vec(words.header.clone(), 0..3);
    let unset = words.header.clone().prop_map(|(name, _)| name);
    let unset = prop::collection::vec(unset, 0..2);
    let host = prop::option::of(words.host.clone());
    (host, words.pattern.clone(), set, unset, origin()).prop_map(
        |(host, source, set, unset, origin)| HeaderBlock {
            host,
            source,
            set,
            unset,
            origin,
        },
    )
}
