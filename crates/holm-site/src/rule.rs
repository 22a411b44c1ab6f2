//! The rules of a project file, after validation, as they were written. `Site` compiles them.

/// Where a rule was written, so that `explain` can show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleOrigin {
    /// The file, relative to the deployment's root.
    pub file: Box<str>,
    /// The line, from 1.
    pub line: u32,
}

/// Everything in `edgeone.json` that changes how a request is answered.
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

/// Pattern to function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionRoute {
    /// An anchored regular expression over the path.
    pub src: Box<str>,
    /// Which engine.
    pub runtime: Runtime,
    /// The function within the deployment's bundle.
    pub name: Box<str>,
}

/// The paths that a project's middleware runs for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Middleware {
    /// Anchored regular expressions over the path; empty means all paths.
    pub matchers: Vec<Box<str>>,
}
