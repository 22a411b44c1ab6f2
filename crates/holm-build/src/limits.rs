//! The maxima of this room.

use std::time::Duration;

use holm_types::{Limit, Unit};

/// What making a bundle may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildLimits {
    /// Bytes of the bundle of edge functions and middleware (`EdgeOne` docs, Edge Functions, Limits: 5 MB).
    pub edge_bundle_bytes_max: usize,
    /// How long the bundler may say nothing before it is ended.
    pub bundler_silence_max: Duration,
    /// How long npm may take to fetch a tool.
    pub npm_time_max: Duration,
}

impl BuildLimits {
    /// The defaults, as a constant.
    pub const DEFAULT: Self = Self {
        edge_bundle_bytes_max: 5 * 1024 * 1024,
        bundler_silence_max: Duration::from_secs(30),
        npm_time_max: Duration::from_mins(2),
    };
}

impl Default for BuildLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Bytes of one message of the bundler; source maps and bundles travel in one.
pub(crate) const PACKET_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Lists and objects within each other in a message of the bundler.
pub(crate) const PACKET_DEPTH_MAX: usize = 16;

/// Findings about one build; the bundler counts the others.
pub(crate) const FINDINGS_MAX: usize = 50;

/// Modules that a finding about size names.
pub(crate) const LARGEST_MODULES_MAX: usize = 5;

/// Bytes of a source that is read to be looked at.
pub(crate) const SOURCE_BYTES_MAX: u64 = 5 * 1024 * 1024;

/// Values within each other in a middleware's `config`.
pub(crate) const LITERAL_DEPTH_MAX: usize = 32;

/// Values in a middleware's `config`, those counted that were looked up by name.
pub(crate) const LITERAL_VALUES_MAX: usize = 10_000;

/// Bytes of a program in a tool's package.
pub(crate) const PROGRAM_BYTES_MAX: u64 = 256 * 1024 * 1024;

const fn limit(name: &'static str, unit: Unit, default: u64, at_max: &'static str) -> Limit {
    Limit {
        name,
        unit,
        default,
        at_max,
    }
}

const fn milliseconds(time: Duration) -> u64 {
    time.as_secs() * 1000
}

/// Every maximum of this room.
pub const LIMITS: &[Limit] = &[
    limit(
        "build.edge_bundle_bytes_max",
        Unit::Bytes,
        BuildLimits::DEFAULT.edge_bundle_bytes_max as u64,
        "A deployment with a larger bundle fails, with the sizes of its largest modules.",
    ),
    limit(
        "build.bundler_silence_max",
        Unit::Milliseconds,
        milliseconds(BuildLimits::DEFAULT.bundler_silence_max),
        "A bundler that said nothing for longer is ended, and the deployment fails.",
    ),
    limit(
        "build.npm_time_max",
        Unit::Milliseconds,
        milliseconds(BuildLimits::DEFAULT.npm_time_max),
        "npm is ended when it took longer to fetch a tool, and the tool is not installed.",
    ),
    limit(
        "build.packet_bytes_max",
        Unit::Bytes,
        PACKET_BYTES_MAX as u64,
        "A bundler that sends a longer message is ended, and the deployment fails.",
    ),
    limit(
        "build.findings_max",
        Unit::Count,
        FINDINGS_MAX as u64,
        "Further findings of the bundler are not listed.",
    ),
    limit(
        "build.source_bytes_max",
        Unit::Bytes,
        SOURCE_BYTES_MAX,
        "A larger source of a function is not looked at for handlers, and gets no route.",
    ),
    limit(
        "build.literal_depth_max",
        Unit::Count,
        LITERAL_DEPTH_MAX as u64,
        "A middleware's `config` that is nested deeper fails the deployment.",
    ),
    limit(
        "build.literal_values_max",
        Unit::Count,
        LITERAL_VALUES_MAX as u64,
        "A middleware's `config` with more values fails the deployment.",
    ),
    limit(
        "build.program_bytes_max",
        Unit::Bytes,
        PROGRAM_BYTES_MAX,
        "A tool with a larger program is not installed.",
    ),
];

holm_types::settable_limits!(BuildLimits {
    edge_bundle_bytes_max,
    bundler_silence_max,
    npm_time_max,
});
