//! The maxima of this room. What counts files and bytes is held by the control plane; shapes are held here.

use holm_types::{Limit, Unit};

use crate::guard::limits::{
    COOKIES_TRIED_MAX, GLOB_CHARS_MAX, LIST_ENTRIES_MAX, PASSWORD_BYTES_MAX, RATE_LIMITS_MAX,
    RATE_REQUESTS_MAX, RATE_WINDOW_SECONDS_MAX, USER_AGENT_BYTES_MAX, USER_AGENT_PATTERNS_MAX,
};

/// The longest path of a file, in bytes. A request path that is longer cannot name a file.
pub const PATH_BYTES_MAX: usize = 1024;

/// The longest name between two slashes, in bytes: what common file systems hold.
pub const SEGMENT_BYTES_MAX: usize = 255;

/// The longest `Location` that a redirect rule may make, in bytes.
pub const LOCATION_BYTES_MAX: usize = 16 * 1024;

/// What the files of rules may hold. The defaults are `EdgeOne`'s for the project file (config-build spec 1.3
/// to 1.7, 4.7), and Cloudflare's for `_redirects` and `_headers` (Cloudflare Pages docs, Redirects, Headers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleLimits {
    /// Bytes of a file of rules; a longer one is not read, and the defaults hold.
    pub file_bytes_max: usize,
    /// Entries of each of `redirects`, `rewrites`, `headers` and `caches`; further ones are cut.
    pub rules_max: usize,
    /// Header pairs of one rule; further ones are cut.
    pub header_pairs_max: usize,
    /// Characters of a source or destination; a rule with a longer one is dropped.
    pub pattern_chars_max: usize,
    /// Characters of a header's name; a pair with a longer one is dropped.
    pub header_name_chars_max: usize,
    /// Characters of a header's value; a pair with a longer one is dropped.
    pub header_value_chars_max: usize,
    /// Lines of `_redirects` whose source is a fixed path; further ones are cut.
    pub redirect_lines_max: usize,
    /// Lines of `_redirects` whose source has `:name` or `*`; further ones are cut.
    pub redirect_patterns_max: usize,
    /// Characters of a line of `_redirects`; a longer one is dropped.
    pub redirect_line_chars_max: usize,
    /// Blocks of `_headers`; further ones are cut.
    pub header_blocks_max: usize,
    /// Characters of a line of `_headers`; a longer one is dropped.
    pub header_line_chars_max: usize,
    /// Findings about one of the two; further ones are counted only.
    pub line_findings_max: usize,
}

/// Bytes of a compiled regular expression; a route with a larger one is dropped. The compiler and the edge
/// must agree, so it is no setting.
pub const REGEX_BYTES_MAX: usize = 256 * 1024;

/// Functions of a deployment. They are asked one after the other, at some forty nanoseconds each.
pub const FUNCTION_ROUTES_MAX: usize = 1000;

/// Entries of a middleware's matcher.
pub const MATCHERS_MAX: usize = 100;

/// Characters of one entry of a matcher.
pub const MATCHER_CHARS_MAX: usize = 1000;

/// Steps that a matcher with look-ahead or back-references may take for one path. About a tenth of a millisecond.
pub const MATCHER_STEPS_MAX: usize = 10_000;

/// Bytes of a header value that a block of `_headers` makes from captures or joins; a longer one is left out.
pub const MADE_VALUE_BYTES_MAX: usize = 8 * 1024;

impl RuleLimits {
    /// The defaults, as a constant.
    pub const DEFAULT: Self = Self {
        file_bytes_max: 1024 * 1024,
        rules_max: 100,
        header_pairs_max: 100,
        pattern_chars_max: 500,
        header_name_chars_max: 100,
        header_value_chars_max: 1000,
        redirect_lines_max: 2000,
        redirect_patterns_max: 100,
        redirect_line_chars_max: 1000,
        header_blocks_max: 100,
        header_line_chars_max: 2000,
        line_findings_max: 100,
    };
}

impl Default for RuleLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

const fn limit(name: &'static str, unit: Unit, default: usize, at_max: &'static str) -> Limit {
    Limit {
        name,
        unit,
        default: default as u64,
        at_max,
    }
}

/// Every maximum of this room.
pub const LIMITS: &[Limit] = &[
    limit(
        "site.path_bytes_max",
        Unit::Bytes,
        PATH_BYTES_MAX,
        "A deployment with a longer path fails; a longer request path names no file.",
    ),
    limit(
        "site.segment_bytes_max",
        Unit::Bytes,
        SEGMENT_BYTES_MAX,
        "A deployment with a longer name between two slashes fails.",
    ),
    limit(
        "site.location_bytes_max",
        Unit::Bytes,
        LOCATION_BYTES_MAX,
        "The redirect rule does not apply to the request.",
    ),
    limit(
        "site.file_bytes_max",
        Unit::Bytes,
        RuleLimits::DEFAULT.file_bytes_max,
        "A longer project file is not read; the deployment goes on with the defaults.",
    ),
    limit(
        "site.rules_max",
        Unit::Count,
        RuleLimits::DEFAULT.rules_max,
        "Further rules of the same kind are cut, with a warning.",
    ),
    limit(
        "site.header_pairs_max",
        Unit::Count,
        RuleLimits::DEFAULT.header_pairs_max,
        "Further header pairs of the same rule are cut, with a warning.",
    ),
    limit(
        "site.pattern_chars_max",
        Unit::Count,
        RuleLimits::DEFAULT.pattern_chars_max,
        "A rule with a longer source or destination is dropped, with a warning.",
    ),
    limit(
        "site.header_name_chars_max",
        Unit::Count,
        RuleLimits::DEFAULT.header_name_chars_max,
        "The header pair is dropped, with a warning.",
    ),
    limit(
        "site.header_value_chars_max",
        Unit::Count,
        RuleLimits::DEFAULT.header_value_chars_max,
        "The header pair is dropped, with a warning.",
    ),
    limit(
        "site.regex_bytes_max",
        Unit::Bytes,
        REGEX_BYTES_MAX,
        "The route is dropped, with a warning.",
    ),
    limit(
        "site.function_routes_max",
        Unit::Count,
        FUNCTION_ROUTES_MAX,
        "A deployment with more functions fails.",
    ),
    limit(
        "site.matchers_max",
        Unit::Count,
        MATCHERS_MAX,
        "A deployment whose middleware has more matchers fails.",
    ),
    limit(
        "site.matcher_chars_max",
        Unit::Count,
        MATCHER_CHARS_MAX,
        "A deployment whose middleware has a longer matcher fails.",
    ),
    limit(
        "site.matcher_steps_max",
        Unit::Count,
        MATCHER_STEPS_MAX,
        "A matcher that could not decide about a path takes it: the middleware runs.",
    ),
    limit(
        "site.guard_list_entries_max",
        Unit::Count,
        LIST_ENTRIES_MAX,
        "Access rules with a longer list of addresses or hosts are refused with 400 request/invalid.",
    ),
    limit(
        "site.guard_user_agent_patterns_max",
        Unit::Count,
        USER_AGENT_PATTERNS_MAX,
        "Access rules with more patterns in a list are refused with 400 request/invalid.",
    ),
    limit(
        "site.guard_glob_chars_max",
        Unit::Count,
        GLOB_CHARS_MAX,
        "Access rules with a longer pattern are refused with 400 request/invalid.",
    ),
    limit(
        "site.guard_rate_limits_max",
        Unit::Count,
        RATE_LIMITS_MAX,
        "Access rules with more rate limits are refused with 400 request/invalid.",
    ),
    limit(
        "site.guard_rate_window_seconds_max",
        Unit::Count,
        RATE_WINDOW_SECONDS_MAX as usize,
        "A rate limit with a longer window is refused with 400 request/invalid.",
    ),
    limit(
        "site.guard_rate_requests_max",
        Unit::Count,
        RATE_REQUESTS_MAX as usize,
        "A rate limit for more requests is refused with 400 request/invalid.",
    ),
    limit(
        "site.guard_user_agent_bytes_max",
        Unit::Bytes,
        USER_AGENT_BYTES_MAX,
        "Patterns are compared with the beginning of a longer `User-Agent`.",
    ),
    limit(
        "site.guard_password_bytes_max",
        Unit::Bytes,
        PASSWORD_BYTES_MAX,
        "A longer password is refused.",
    ),
    limit(
        "site.guard_cookies_tried_max",
        Unit::Count,
        COOKIES_TRIED_MAX,
        "Further cookies of the same name are not looked at.",
    ),
    limit(
        "site.made_value_bytes_max",
        Unit::Bytes,
        MADE_VALUE_BYTES_MAX,
        "The header that the block of `_headers` would make is left out of the answer.",
    ),
    limit(
        "site.redirect_lines_max",
        Unit::Count,
        RuleLimits::DEFAULT.redirect_lines_max,
        "Further lines of `_redirects` with a fixed source are cut, with a warning.",
    ),
    limit(
        "site.redirect_patterns_max",
        Unit::Count,
        RuleLimits::DEFAULT.redirect_patterns_max,
        "Further lines of `_redirects` with a pattern are cut, with a warning.",
    ),
    limit(
        "site.redirect_line_chars_max",
        Unit::Count,
        RuleLimits::DEFAULT.redirect_line_chars_max,
        "A longer line of `_redirects` is dropped, with a warning.",
    ),
    limit(
        "site.header_blocks_max",
        Unit::Count,
        RuleLimits::DEFAULT.header_blocks_max,
        "Further blocks of `_headers` are cut, with a warning.",
    ),
    limit(
        "site.header_line_chars_max",
        Unit::Count,
        RuleLimits::DEFAULT.header_line_chars_max,
        "A longer line of `_headers` is dropped, with a warning.",
    ),
    limit(
        "site.line_findings_max",
        Unit::Count,
        RuleLimits::DEFAULT.line_findings_max,
        "Further findings about `_redirects` or `_headers` are counted and not listed.",
    ),
];

holm_types::settable_limits!(RuleLimits {
    file_bytes_max,
    rules_max,
    header_pairs_max,
    pattern_chars_max,
    header_name_chars_max,
    header_value_chars_max,
    redirect_lines_max,
    redirect_patterns_max,
    redirect_line_chars_max,
    header_blocks_max,
    header_line_chars_max,
    line_findings_max,
});
