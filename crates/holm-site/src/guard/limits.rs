//! The maxima of what a project may set before its hosts; `crate::limits` has them in its table.

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
pub(crate) const USER_AGENT_BYTES_MAX: usize = 1024;
/// Characters that a password has at least.
pub const PASSWORD_CHARS_MIN: usize = 8;
/// Bytes of a password.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// Cookies of one name that are tried: whoever can set cookies for a parent domain can send many.
pub(crate) const COOKIES_TRIED_MAX: usize = 4;
