//! Why a function did not answer.

use std::time::Duration;

/// Why an invocation has no answer, with what was used and what is allowed.
///
/// `Display` is the sentence for the function's author; a visitor sees a code (545) and nothing of it.
/// The words are those of house.md's section on errors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvocationFailure {
    /// The handler threw, or its promise was rejected, or what it gave is not a `Response`.
    #[error("the function threw: {message}")]
    Threw {
        /// The error's name and message.
        message: String,
        /// Its stack, in the lines of the bundle.
        stack: Option<String>,
    },
    /// The bundle could not be loaded: a syntax error, or an exception at start. The same request will fail
    /// again; a deployment that fails so must not be promoted.
    #[error("the function could not be started: {message}")]
    Load {
        /// What the engine said.
        message: String,
        /// The stack, in the lines of the bundle.
        stack: Option<String>,
    },
    /// It computed longer than an invocation may.
    #[error("the function used {} ms of CPU time; {} ms are allowed", used.as_millis(), allowed.as_millis())]
    CpuTime {
        /// CPU time measured; at least `allowed`.
        used: Duration,
        /// What is allowed.
        allowed: Duration,
    },
    /// It did not send the head of an answer in time.
    #[error("the function sent nothing for {} ms; {} ms are allowed", used.as_millis(), allowed.as_millis())]
    WallTime {
        /// How long it was waited for.
        used: Duration,
        /// What is allowed.
        allowed: Duration,
    },
    /// It took more memory than a process may.
    #[error("the function used {used_bytes} bytes of memory; {allowed_bytes} are allowed")]
    Memory {
        /// Bytes measured, or the limit itself where the engine ended by itself there.
        used_bytes: u64,
        /// What is allowed.
        allowed_bytes: u64,
    },
    /// The bundle is larger than a bundle may be.
    #[error("the bundle has {used_bytes} bytes; {allowed_bytes} are allowed")]
    BundleTooLarge {
        /// Its bytes.
        used_bytes: u64,
        /// What is allowed.
        allowed_bytes: u64,
    },
    /// Too many requests wait already, or one waited too long. Later it may work.
    #[error("the function is overloaded: {reason}")]
    Overloaded {
        /// Which maximum was reached.
        reason: String,
    },
    /// Its process ended while it answered.
    #[error("the function's process ended: {reason}")]
    Crashed {
        /// How, as far as the system tells.
        reason: String,
    },
    /// The deployment was replaced, or Holm stops, and the time for finishing was over.
    #[error("the function was stopped before it had answered")]
    Stopped,
    /// No process could be started: the operator's concern, not the author's.
    #[error("no process could be started for the function: {reason}")]
    Unavailable {
        /// What failed.
        reason: String,
    },
}

impl InvocationFailure {
    /// A stable word for metrics and records.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Threw { .. } => "threw",
            Self::Load { .. } => "load",
            Self::CpuTime { .. } => "cpu-time",
            Self::WallTime { .. } => "wall-time",
            Self::Memory { .. } => "memory",
            Self::BundleTooLarge { .. } => "bundle-too-large",
            Self::Overloaded { .. } => "overloaded",
            Self::Crashed { .. } => "crashed",
            Self::Stopped => "stopped",
            Self::Unavailable { .. } => "unavailable",
        }
    }

    /// Whether Holm or its operator is at fault, and not the function.
    pub const fn is_platform_fault(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Stopped)
    }
}
