//! Rate limits: which of them count a request. The counting itself is the edge's.

use std::net::{IpAddr, Ipv6Addr};

use super::{Guard, RATE_REQUESTS_MAX, RATE_WINDOW_SECONDS_MAX};
use crate::limits::RuleLimits;
use crate::pattern::Pattern;
use crate::plan::note::{built_in, match_words, matched, mismatch_words, not_matched};
use crate::{Step, Trace};

/// How many requests one address may send in a window to what a pattern matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// A pattern as in `edgeone.json` (`/api/*`), compared with the decoded path.
    pub path: String,
    /// Requests in a window, 1 to [`RATE_REQUESTS_MAX`].
    pub requests: u32,
    /// Seconds of a window, 1 to [`RATE_WINDOW_SECONDS_MAX`]. It begins with an address's first request.
    pub window_seconds: u32,
    /// What is done about further requests.
    pub action: RateAction,
}

/// What is done about a request over a rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateAction {
    /// 429 with `Retry-After`.
    Block,
    /// The access record says so, and nothing else happens.
    Observe,
}

impl RateAction {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Observe => "observe",
        }
    }
}

impl RateLimit {
    /// What is wrong with it, with the field. `None` when nothing is.
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        let path = &self.path;
        let chars_max = RuleLimits::DEFAULT.pattern_chars_max;
        if !path.starts_with('/') || path.chars().count() > chars_max {
            return Some((
                "path",
                "write a pattern that starts with a slash, such as /api/*",
            ));
        }
        if path.matches('*').count() > 1 || Pattern::remark(path).is_some() {
            return Some(("path", "a pattern has at most one * and no query"));
        }
        if !(1..=RATE_REQUESTS_MAX).contains(&self.requests) {
            return Some(("requests", "between 1 and 1,000,000"));
        }
        if !(1..=RATE_WINDOW_SECONDS_MAX).contains(&self.window_seconds) {
            return Some(("window_seconds", "between 1 and 86,400"));
        }
        None
    }
}

/// A rate limit with its pattern compiled.
#[derive(Debug)]
pub(super) struct CompiledRate {
    limit: RateLimit,
    pattern: Pattern,
}

impl CompiledRate {
    pub(super) fn new(limit: &RateLimit) -> Self {
        Self {
            pattern: Pattern::compile(&limit.path),
            limit: limit.clone(),
        }
    }
}

impl Guard {
    /// The rate limits that count a request for this path, each with its place in the list.
    pub fn rate_limits<'g>(
        &'g self,
        path: &'g str,
    ) -> impl Iterator<Item = (usize, &'g RateLimit)> + 'g {
        let all = self.rates.iter().enumerate();
        all.filter(move |(_, rate)| rate.pattern.is_match(path))
            .map(|(place, rate)| (place, &rate.limit))
    }

    /// Every rate limit, and whether it counts a request for this path.
    pub fn note_rate_limits(&self, path: &str, trace: &mut Trace) {
        for rate in &self.rates {
            let limit = &rate.limit;
            let (requests, seconds) = (limit.requests, limit.window_seconds);
            let rule = format!(
                "{}: {requests} requests in {seconds} s, then {}",
                limit.path,
                limit.action.as_str()
            );
            let outcome = match rate.pattern.captures(path) {
                Some(captures) => matched(format!(
                    "{}; each address is counted by itself",
                    match_words(&limit.path, &rate.pattern, &captures)
                )),
                None => not_matched(mismatch_words(&limit.path, path)),
            };
            trace
                .considered
                .push(built_in(Step::RateLimits, rule, outcome));
        }
    }
}

/// The address that rate limits count by: an IPv6 visitor has a whole /64 to choose from.
pub fn counted_address(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            Ipv6Addr::from_bits(network).into()
        }
    }
}
