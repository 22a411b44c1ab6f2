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

/// What a project file may hold. The defaults are `EdgeOne`'s (config-build spec 1.3 to 1.7, 4.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleLimits {
    /// Bytes of a project file; a longer one is not read, and the defaults hold.
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
    /// Bytes of a compiled regular expression; a route with a larger one is dropped.
    pub regex_bytes_max: usize,
}

impl RuleLimits {
    /// The defaults, as a constant.
    pub const DEFAULT: Self = Self {
        file_bytes_max: 1024 * 1024,
        rules_max: 100,
        header_pairs_max: 100,
        pattern_chars_max: 500,
        header_name_chars_max: 100,
        header_value_chars_max: 1000,
        regex_bytes_max: 256 * 1024,
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
        RuleLimits::DEFAULT.regex_bytes_max,
        "The route is dropped, with a warning.",
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
];
