//! The maxima of what a project may set before its hosts.

use holm_types::{Limit, Unit};

/// Addresses or hosts in one list.
pub const LIST_ENTRIES_MAX: usize = 1000;
/// Patterns in one list of `User-Agent`s.
pub const USER_AGENT_PATTERNS_MAX: usize = 100;
/// Characters of one pattern.
pub const GLOB_CHARS_MAX: usize = 256;
/// Rate limits of one project.
pub const RATE_LIMITS_MAX: usize = 20;
/// Seconds of a window: one day.
pub const RATE_WINDOW_SECONDS_MAX: u32 = 86_400;
/// Requests in a window.
pub const RATE_REQUESTS_MAX: u32 = 1_000_000;
/// Bytes of a `User-Agent` that patterns are compared with; the rest is not looked at.
pub(super) const USER_AGENT_BYTES_MAX: usize = 1024;
/// Characters that a password has at least.
pub const PASSWORD_CHARS_MIN: usize = 8;
/// Bytes of a password.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// Cookies of one name that are tried: whoever can set cookies for a parent domain can send many.
pub(super) const COOKIES_TRIED_MAX: usize = 4;

const fn limit(name: &'static str, unit: Unit, default: u64, at_max: &'static str) -> Limit {
    Limit {
        name,
        unit,
        default,
        at_max,
    }
}

/// The same as a table, for the reference page.
pub const GUARD_LIMITS: &[Limit] = &[
    limit(
        "guard.list_entries_max",
        Unit::Count,
        LIST_ENTRIES_MAX as u64,
        "Access rules with a longer list of addresses or hosts are refused with 400 request/invalid.",
    ),
    limit(
        "guard.user_agent_patterns_max",
        Unit::Count,
        USER_AGENT_PATTERNS_MAX as u64,
        "Access rules with more patterns in a list are refused with 400 request/invalid.",
    ),
    limit(
        "guard.glob_chars_max",
        Unit::Count,
        GLOB_CHARS_MAX as u64,
        "Access rules with a longer pattern are refused with 400 request/invalid.",
    ),
    limit(
        "guard.rate_limits_max",
        Unit::Count,
        RATE_LIMITS_MAX as u64,
        "Access rules with more rate limits are refused with 400 request/invalid.",
    ),
    limit(
        "guard.rate_window_seconds_max",
        Unit::Count,
        RATE_WINDOW_SECONDS_MAX as u64,
        "A rate limit with a longer window is refused with 400 request/invalid.",
    ),
    limit(
        "guard.rate_requests_max",
        Unit::Count,
        RATE_REQUESTS_MAX as u64,
        "A rate limit for more requests is refused with 400 request/invalid.",
    ),
    limit(
        "guard.user_agent_bytes_max",
        Unit::Bytes,
        USER_AGENT_BYTES_MAX as u64,
        "Patterns are compared with the beginning of a longer `User-Agent`.",
    ),
    limit(
        "guard.password_bytes_max",
        Unit::Bytes,
        PASSWORD_BYTES_MAX as u64,
        "A longer password is refused.",
    ),
    limit(
        "guard.cookies_tried_max",
        Unit::Count,
        COOKIES_TRIED_MAX as u64,
        "Further cookies of the same name are not looked at.",
    ),
];
