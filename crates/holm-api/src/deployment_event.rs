//! What happens to a deployment, as a stream of events.

use std::fmt;
use std::str::FromStr;

use holm_types::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The media type of a stream of events (HTML Standard, section 9.2).
pub const EVENTS_MEDIA_TYPE: &str = "text/event-stream";

/// A kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentEventKind {
    /// It was announced.
    Created,
    /// Some of its blobs arrived and are durable.
    Stored,
    /// It is complete and never changes again; its aliases point at it.
    Sealed,
    /// The edge serves it. The last event of a deployment that went well.
    Served,
    /// It is sealed, but the edge does not serve it yet; it will without anybody's doing.
    NotServedYet,
    /// A commit could not be carried out; the deployment is still unfinished and can be committed again.
    CommitRefused,
    /// It failed: what was deployed has errors. The last event.
    Failed,
    /// It was given up. The last event.
    Cancelled,
    /// It was not finished in time. The last event.
    TimedOut,
    /// It is gone. The last event.
    Deleted,
}

impl DeploymentEventKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Created,
        Self::Stored,
        Self::Sealed,
        Self::Served,
        Self::NotServedYet,
        Self::CommitRefused,
        Self::Failed,
        Self::Cancelled,
        Self::TimedOut,
        Self::Deleted,
    ];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Stored => "stored",
            Self::Sealed => "sealed",
            Self::Served => "served",
            Self::NotServedYet => "not_served_yet",
            Self::CommitRefused => "commit_refused",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
            Self::Deleted => "deleted",
        }
    }

    /// Whether nothing follows it.
    pub const fn is_last(self) -> bool {
        !matches!(
            self,
            Self::Created | Self::Stored | Self::Sealed | Self::CommitRefused
        )
    }
}

impl fmt::Display for DeploymentEventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is no kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no kind of deployment event")]
pub struct DeploymentEventKindError;

impl FromStr for DeploymentEventKind {
    type Err = DeploymentEventKindError;

    fn from_str(text: &str) -> Result<Self, DeploymentEventKindError> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.as_str() == text)
            .ok_or(DeploymentEventKindError)
    }
}

/// One event; the `data` of an event of the stream, whose `id` and `event` are the first two fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeploymentEvent {
    /// From 1, growing by 1. Send the last one seen as `Last-Event-ID` to go on behind it.
    pub id: u64,
    /// What happened.
    pub event: DeploymentEventKind,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// What it adds.
    #[serde(flatten)]
    pub detail: EventDetail,
}

/// What some kinds of events add.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventDetail {
    /// `stored`: blobs that were new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_count: Option<u64>,
    /// `stored`: their bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_bytes: Option<u64>,
    /// `commit_refused`, `not_served_yet`, `failed`: the error code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The same in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for kind in DeploymentEventKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
