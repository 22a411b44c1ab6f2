//! The catalogue of events: what the house says about itself, typed, under names that stay.
//!
//! This is the one place that calls the raw macros of `tracing`; everyone else makes one of these
//! structs and calls `emit`. Names and fields are append-only: dashboards and alerts are built on them.

use std::fmt;

use holm_types::{DeploymentId, ProjectId, RequestId};

use crate::plain_text::PlainText;

/// One row of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventKind {
    /// What log queries look for, for example `deployment/sealed`.
    pub name: &'static str,
    /// `ERROR`, `WARN` or `INFO`.
    pub level: &'static str,
    /// The names of its fields, in order.
    pub fields: &'static [&'static str],
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.level, self.name)?;
        self.fields
            .iter()
            .try_for_each(|field| write!(f, " {field}"))
    }
}

macro_rules! events {
    ($(
        $(#[$doc:meta])*
        $name:ident = $level:ident $key:literal $message:literal {
            $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
        }
    )*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug)]
            pub struct $name {
                $($(#[$field_doc])* pub $field: $type,)*
            }

            impl $name {
                /// What log queries look for.
                pub const NAME: &'static str = $key;

                /// Says it: one line in the log, control characters escaped.
                pub fn emit(&self) {
                    tracing::event!(
                        name: $key,
                        target: "holm",
                        tracing::Level::$level,
                        event = $key,
                        $($field = %PlainText(&self.$field),)*
                        $message
                    );
                }
            }
        )*

        /// Every kind of event. Rows are added at the end and never changed.
        pub const EVENTS: &[EventKind] = &[$(EventKind {
            name: $key,
            level: stringify!($level),
            fields: &[$(stringify!($field)),*],
        }),*];
    };
}

events! {
    /// The listeners are bound and sites are answered.
    ServerStarted = INFO "server/started" "the server answers requests" {
        /// The program's version.
        version: &'static str,
        /// Where sites are served.
        site_address: std::net::SocketAddr,
        /// Where the API and the console are served.
        control_address: std::net::SocketAddr,
        /// From the start of the program to this event.
        duration_ms: u64,
    }

    /// The server was asked to end and lets running requests finish.
    ServerStopping = INFO "server/stopping" "the server lets running requests finish" {
        /// Who asked, for example `SIGTERM`.
        reason: String,
    }

    /// The server has ended.
    ServerStopped = INFO "server/stopped" "the server has ended" {
        /// From the request to end to this event.
        duration_ms: u64,
    }

    /// The edge serves by a new snapshot.
    SnapshotTakenUp = INFO "snapshot/taken-up" "the edge serves by a new snapshot" {
        /// The snapshot's version.
        version: u64,
        /// Sites in it.
        site_count: u64,
        /// Reading and building it.
        duration_ms: u64,
    }

    /// A snapshot could not be published or taken up; the edge serves by the one before.
    SnapshotRefused = ERROR "snapshot/refused" "the edge keeps serving by the snapshot before" {
        /// The version that was refused.
        version: u64,
        /// Why, with its causes.
        reason: String,
    }

    /// Every blob of a deployment is stored and its manifest is committed.
    DeploymentSealed = INFO "deployment/sealed" "a deployment is sealed" {
        /// Which.
        deployment_id: DeploymentId,
        /// Whose.
        project_id: ProjectId,
        /// Files in the manifest.
        file_count: u64,
        /// Their bytes.
        file_bytes: u64,
        /// Blobs that had to be stored.
        stored_count: u64,
        /// From its creation to this event.
        duration_ms: u64,
    }

    /// A deployment ended without being sealed.
    DeploymentFailed = WARN "deployment/failed" "a deployment failed" {
        /// Which.
        deployment_id: DeploymentId,
        /// Whose.
        project_id: ProjectId,
        /// Why, as its owner is told.
        reason: String,
    }

    /// A host name points at another deployment now: promote, roll back, or a first deployment.
    AliasMoved = INFO "alias/moved" "a host name points at another deployment" {
        /// The host name.
        host: String,
        /// Whose.
        project_id: ProjectId,
        /// What it points at now.
        deployment_id: DeploymentId,
    }

    /// Access records were lost since the last event of this kind; at most one a minute.
    RecordsDropped = WARN "records/dropped" "access records were lost" {
        /// Dropped because too many waited.
        queue_full_count: u64,
        /// Lost because the disk refused them.
        write_failed_count: u64,
        /// The last error of the disk; empty when there was none.
        reason: String,
    }

    /// Something on disk is not what was written; it was set aside or is refused.
    StorageDamaged = ERROR "storage/damaged" "something on disk is not what was written" {
        /// The file.
        path: String,
        /// What is wrong and what was done about it.
        reason: String,
    }

    /// A request failed by a fault of Holm's or of its machine.
    RequestFailed = ERROR "request/failed" "a request failed by a platform fault" {
        /// The key of its access record.
        request_id: RequestId,
        /// Why, with its causes.
        reason: String,
    }

    /// A panic ended one task and nothing else. Always a bug.
    PanicCaught = ERROR "panic/caught" "a panic ended a task" {
        /// Which task, for example `connection` or the name of a reconciler.
        task: String,
        /// The panic's message.
        reason: String,
    }

    /// Work in the background failed and will be tried again.
    TaskFailed = WARN "task/failed" "work in the background failed and will be tried again" {
        /// Which task.
        task: String,
        /// Why, with its causes.
        reason: String,
    }

    /// Somebody used the owner link: the server has an owner from now on.
    ServerClaimed = INFO "server/claimed" "the server has an owner" {
        /// From which address.
        peer: std::net::IpAddr,
    }

    /// Blobs that nobody wanted any more were removed.
    BlobsCollected = INFO "storage/collected" "blobs that nobody wanted were removed" {
        /// How many.
        removed_count: u64,
        /// Their bytes.
        removed_bytes: u64,
        /// Bytes that the storage has less to hold.
        freed_bytes: u64,
        /// From its beginning to this event.
        duration_ms: u64,
    }

    /// A function or a middleware gave no answer, by what its author deployed.
    FunctionFailed = WARN "function/failed" "a function gave no answer" {
        /// The key of its access record.
        request_id: RequestId,
        /// Whose.
        deployment_id: DeploymentId,
        /// The kind of failure, as in metrics.
        kind: String,
        /// Why, with what was used and what is allowed.
        reason: String,
        /// Its stack, in the lines of the bundle; empty when there is none.
        stack: String,
    }

    /// The functions of a deployment that was published could not be started before they were asked.
    FunctionNotWarm = WARN "function/not-warm" "functions could not be started before they were asked" {
        /// Which deployment.
        deployment_id: DeploymentId,
        /// Why.
        reason: String,
    }

    /// A function wrote a line to its console.
    FunctionConsole = INFO "function/console" "a function wrote a line" {
        /// The request's, as the function's process names it; empty outside of one.
        request_id: String,
        /// Whose.
        deployment_id: DeploymentId,
        /// What was written.
        text: String,
    }

    /// A function wrote a warning or an error to its console.
    FunctionConsoleWarned = WARN "function/console-warned" "a function wrote a warning" {
        /// The request's, as the function's process names it; empty outside of one.
        request_id: String,
        /// Whose.
        deployment_id: DeploymentId,
        /// What was written.
        text: String,
    }
}

#[cfg(test)]
mod tests;
