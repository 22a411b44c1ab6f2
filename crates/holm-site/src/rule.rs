//! The rules of a project file, after validation, as they were written. `Site` compiles them.

use crate::MethodSet;

/// Where a rule was written, so that `explain` can show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleOrigin {
    /// The file, relative to the deployment's root.
    pub file: Box<str>,
    /// The line, from 1.
    pub line: u32,
}

/// Everything in `edgeone.json`, `_redirects` and `_headers` that changes how a request is answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// In order; the first match wins.
    pub redirects: Vec<RedirectRule>,
    /// In order; the first match wins.
    pub rewrites: Vec<RewriteRule>,
    /// Rewrites of the form `{src, dest: "/index.html"}`: asked after the files.
    pub file_routes: Vec<FileRoute>,
    /// In order; all that match apply, the later one wins per name.
    pub headers: Vec<HeaderRule>,
    /// In order; the last match wins.
    pub caches: Vec<CacheRule>,
    /// What is done about a slash at the end.
    pub trailing_slash: TrailingSlash,
    /// The lines of `_redirects`, in order; the first match wins. They are asked after `redirects`, after
    /// `rewrites` and after `file_routes`, each at the step of its action.
    pub redirect_lines: Vec<RedirectLine>,
    /// The blocks of `_headers`, in order; all that match apply, before `headers` do.
    pub header_blocks: Vec<HeaderBlock>,
}

/// A line of `_redirects` (Cloudflare Pages docs, Redirects; Netlify docs, Redirect options).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectLine {
    /// A pattern.
    pub source: Box<str>,
    /// A path, or for a redirect also an absolute URL, with `:name` and `:splat`.
    pub destination: Box<str>,
    /// What is done about a path that the source takes.
    pub action: LineAction,
    /// Where it was written.
    pub origin: RuleOrigin,
}

/// What a line of `_redirects` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineAction {
    /// It redirects with this status: 301, 302, 303, 307 or 308.
    Redirect(u16),
    /// It answers with the file at the destination.
    Serve {
        /// 200 or 404.
        status: u16,
        /// Whether it does so even where there is a file or a function (`200!`).
        is_forced: bool,
    },
}

impl std::fmt::Display for LineAction {
    /// As it is written at the end of a line: `301`, `200`, `404!`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Redirect(status) => write!(f, "{status}"),
            Self::Serve { status, is_forced } => {
                write!(f, "{status}{}", if *is_forced { "!" } else { "" })
            }
        }
    }
}

/// A block of `_headers`: where it applies, and what it sets (Cloudflare Pages docs, Headers).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderBlock {
    /// A pattern over the host, in which `:name` is one label. `None`: any host.
    pub host: Option<Box<str>>,
    /// A pattern over the path.
    pub source: Box<str>,
    /// Name and value; a value may hold `:name` and `:splat`. Values of one name are joined with a comma.
    pub set: Vec<(Box<str>, Box<str>)>,
    /// The names that earlier blocks or the server set and that this one takes away.
    pub unset: Vec<Box<str>>,
    /// Where it was written.
    pub origin: RuleOrigin,
}

/// A line of `redirects`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectRule {
    /// A pattern, or `$host` / `$wwwhost`.
    pub source: Box<str>,
    /// A path or absolute URL with `:name` and `:splat`, or `$host` / `$wwwhost`.
    pub destination: Box<str>,
    /// 301, 302, 303, 304, 307 or 308.
    pub status: u16,
    /// Where it was written.
    pub origin: RuleOrigin,
}

/// The two host canonicalisations (`EdgeOne` docs, edgeone.json, redirects).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostCanon {
    /// `$host` to `$wwwhost`.
    ToWww,
    /// `$wwwhost` to `$host`.
    FromWww,
}

/// A line of `rewrites`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RewriteRule {
    /// A pattern.
    pub source: Box<str>,
    /// A path with `:name` and `:splat`.
    pub destination: Box<str>,
    /// Where it was written.
    pub origin: RuleOrigin,
}

/// A rewrite `{src, dest: "/index.html"}`: one sub-tree's own single-page fall-back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRoute {
    /// A pattern, or an anchored regular expression (config-build spec 1.5).
    pub src: Box<str>,
    /// The file that answers, `/index.html`.
    pub dest: Box<str>,
    /// Where it was written.
    pub origin: RuleOrigin,
}

/// A line of `headers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderRule {
    /// A pattern.
    pub source: Box<str>,
    /// Name and value as they are sent.
    pub headers: Vec<(Box<str>, Box<str>)>,
    /// Where it was written.
    pub origin: RuleOrigin,
}

/// A line of `caches`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheRule {
    /// A pattern.
    pub source: Box<str>,
    /// Seconds in the edge's memory; 0 means not at all.
    pub ttl_seconds: u64,
    /// Where it was written.
    pub origin: RuleOrigin,
}

/// `trailingSlash` of `edgeone.json`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrailingSlash {
    /// Not set: nothing is done.
    #[default]
    Keep,
    /// `true`: paths without an extension get a slash, files lose it.
    Add,
    /// `false`: the slash is removed.
    Remove,
}

/// Which engine runs a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// The edge engine: Web APIs, small limits.
    Edge,
    /// A Node.js process.
    Node,
}

/// How the `src` of a function's route is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RouteForm {
    /// An anchored regular expression over the path.
    #[default]
    Regex,
    /// Segments with `[name]` and `[[name]]`; one slash at the end of the path does not count.
    Segments,
}

/// Pattern to function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionRoute {
    /// What paths it takes, in the spelling of `form`.
    pub src: Box<str>,
    /// How `src` is written.
    pub form: RouteForm,
    /// Which engine.
    pub runtime: Runtime,
    /// The function within the deployment's bundle: the file that it was made from.
    pub name: Box<str>,
    /// The methods that it answers; others go on to the next route.
    pub methods: MethodSet,
    /// Its place in the list of handlers that the bundle of its engine exports.
    pub handler: u32,
}

/// A project's middleware.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Middleware {
    /// The paths that it runs for; empty means all paths.
    pub matchers: Vec<Matcher>,
    /// Its place in the list of handlers that the bundle exports.
    pub handler: u32,
}

/// One entry of a middleware's `config.matcher`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    /// As it was written.
    pub source: Box<str>,
    /// What it means: a regular expression, found anywhere in the path unless it has anchors. One that cannot be
    /// compiled takes every path.
    pub regex: Box<str>,
}
