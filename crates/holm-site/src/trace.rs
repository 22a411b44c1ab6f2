//! Every rule that a plan considered, and why it did or did not match.

/// A step of the order of evaluation (decision D10.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The project's lists of addresses, `Referer`s and `User-Agent`s.
    Access,
    /// The project's rate limits.
    RateLimits,
    /// Preview protection.
    Protection,
    /// `redirects`.
    Redirects,
    /// `trailingSlash`.
    TrailingSlash,
    /// Whether the middleware runs.
    Middleware,
    /// `rewrites`.
    Rewrites,
    /// Files, with clean URLs and directory index.
    Files,
    /// Functions.
    Functions,
    /// `{src, dest: "/index.html"}` routes.
    FileRoutes,
    /// Single page, 404 page or Holm's own.
    Fallback,
    /// `headers`.
    Headers,
    /// `caches`.
    Caches,
}

impl Step {
    /// The word that `explain` prints.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access_rules",
            Self::RateLimits => "rate_limits",
            Self::Protection => "protection",
            Self::Redirects => "redirects",
            Self::TrailingSlash => "trailing_slash",
            Self::Middleware => "middleware",
            Self::Rewrites => "rewrites",
            Self::Files => "files",
            Self::Functions => "functions",
            Self::FileRoutes => "file_routes",
            Self::Fallback => "fallback",
            Self::Headers => "headers",
            Self::Caches => "caches",
        }
    }
}

/// What came of considering a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It decided, or took effect.
    Matched,
    /// It did not apply.
    NotMatched,
    /// An earlier rule had decided.
    NotReached,
}

/// One rule (or file look-up, or switch) that was considered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Considered {
    /// When.
    pub step: Step,
    /// The rule in words, for example `/old/* -> /new/:splat (301)`.
    pub rule: String,
    /// Where it was written. `None` for what nobody wrote.
    pub file: Option<String>,
    /// The line, from 1. `None` as above.
    pub line: Option<u32>,
    /// What came of it.
    pub outcome: Outcome,
    /// Why, as a sentence, with captured values.
    pub why: String,
}

/// Everything that was considered, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// In order of evaluation.
    pub considered: Vec<Considered>,
}
