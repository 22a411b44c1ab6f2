//! What a deployment is, as far as it has come.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How far a deployment has come. "Live" is not among these: it is what an alias points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    /// Accepted, nothing done yet.
    Queued,
    /// A build makes its artifact.
    Building,
    /// Its manifest is known, blobs are arriving.
    Uploading,
    /// Every blob is stored; it never changes again and can be pointed at.
    Sealed,
    /// Ended with errors; its diagnostics say which.
    Failed,
    /// Ended by a person.
    Cancelled,
    /// Not finished in the time allowed.
    TimedOut,
    /// Its blobs were collected by retention; it answers 401.
    Expired,
    /// Deleted by a person; it answers 410.
    Deleted,
}

impl DeploymentState {
    /// Every state, in the order of a deployment's life.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Building,
        Self::Uploading,
        Self::Sealed,
        Self::Failed,
        Self::Cancelled,
        Self::TimedOut,
        Self::Expired,
        Self::Deleted,
    ];

    /// The word used in the API, the database and the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Building => "building",
            Self::Uploading => "uploading",
            Self::Sealed => "sealed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
            Self::Expired => "expired",
            Self::Deleted => "deleted",
        }
    }

    /// Whether nothing more will happen by itself.
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Queued | Self::Building | Self::Uploading)
    }
}

impl fmt::Display for DeploymentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DeploymentState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(())
    }
}

/// Which of a project's two environments a deployment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// What visitors see.
    Production,
    /// Everything else.
    Preview,
}

impl Environment {
    /// The word used in the API, the database and the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Preview => "preview",
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Environment {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "production" => Ok(Self::Production),
            "preview" => Ok(Self::Preview),
            _ => Err(()),
        }
    }
}
