//! What happens to deployments: telling it, and following it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use holm_api::{DeploymentEvent, DeploymentEventKind, EventDetail};
use holm_types::{DeploymentId, DeploymentState, ErrorCode};
use tokio::time::Instant;

use super::{find, release};
use crate::authz::{Authorized, Read};
use crate::core::Core;
use crate::db::{Change, DbError, DeploymentRow};
use crate::error::ApiError;
use crate::events::Listener;
use crate::stop::stopped;

/// How often a stream without events says that it is still there.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Writes down what happened without anybody waiting for it, in the order of the calls.
pub(super) fn tell(core: &Core, id: DeploymentId, kind: DeploymentEventKind, detail: EventDetail) {
    let (now, bell) = (core.now(), Arc::clone(&core.events));
    core.db.write_unawaited(
        move |change| match change.events(id, 0)?.last() {
            // A commit that is repeated shows what is shown already.
            Some(last) if last.event == DeploymentEventKind::Served => Ok(()),
            _ => change.add_event(id, kind, &detail, now),
        },
        move || bell.ring(),
    );
}

/// Tells whether a sealed deployment is served.
pub(super) fn tell_shown(core: &Core, id: DeploymentId, shown: &Result<(), ApiError>) {
    match shown {
        Ok(()) => tell(
            core,
            id,
            DeploymentEventKind::Served,
            EventDetail::default(),
        ),
        Err(error) => tell(core, id, DeploymentEventKind::NotServedYet, of_error(error)),
    }
}

/// What an error adds to an event.
pub(super) fn of_error(error: &ApiError) -> EventDetail {
    EventDetail {
        code: Some(error.code.to_string()),
        message: Some(error.external.clone()),
        ..EventDetail::default()
    }
}

/// Adds an event to a change that makes it true.
pub(super) fn add(
    change: &Change<'_>,
    row: &DeploymentRow,
    kind: DeploymentEventKind,
    at: holm_types::Timestamp,
) -> Result<(), DbError> {
    change.add_event(row.id, kind, &EventDetail::default(), at)
}

/// Follows a deployment from behind the event with number `after`. `None` when it has ended and
/// there is nothing more to tell.
pub(crate) async fn follow(
    core: &Arc<Core>,
    _who: &Authorized<Read>,
    project: String,
    deployment: String,
    after: u64,
) -> Result<Option<impl Stream<Item = Result<Bytes, std::convert::Infallible>> + use<>>, ApiError> {
    let listener = core.events.listen()?;
    let (row, all) = core
        .db
        .read(move |view| {
            let row = find::deployment(view, &project, &deployment)?;
            let all = view.events(row.id, 0)?;
            Ok::<_, ApiError>((row, all))
        })
        .await?;
    let all = if all.is_empty() {
        remembered(&row)
    } else {
        all
    };
    let has_ended = all.iter().any(|event| event.event.is_last());
    let first: Vec<DeploymentEvent> = all.into_iter().filter(|event| event.id > after).collect();
    if has_ended && first.is_empty() {
        return Ok(None);
    }
    let following = Following {
        core: Arc::clone(core),
        id: row.id,
        after,
        listener,
        next: first,
        has_ended: false,
        until: Instant::now() + core.config.limits.event_stream_time_max,
    };
    Ok(Some(futures_util::stream::unfold(
        following,
        async |mut following| {
            let piece = following.next_piece().await?;
            Some((Ok(piece), following))
        },
    )))
}

/// A deployment that ended before events were written down: its state is all there is to tell.
fn remembered(row: &DeploymentRow) -> Vec<DeploymentEvent> {
    use DeploymentEventKind as Kind;
    let kind = match row.state {
        DeploymentState::Queued | DeploymentState::Building | DeploymentState::Uploading => {
            return Vec::new();
        }
        DeploymentState::Sealed => Kind::Served,
        DeploymentState::Failed => Kind::Failed,
        DeploymentState::Cancelled => Kind::Cancelled,
        DeploymentState::TimedOut => Kind::TimedOut,
        DeploymentState::Expired | DeploymentState::Deleted => Kind::Deleted,
    };
    vec![DeploymentEvent {
        id: 1,
        event: kind,
        at: row.sealed_at.unwrap_or(row.created_at),
        detail: EventDetail::default(),
    }]
}

/// One stream.
struct Following {
    core: Arc<Core>,
    id: DeploymentId,
    /// The number of the last event that was told.
    after: u64,
    listener: Listener,
    /// Events to be told next.
    next: Vec<DeploymentEvent>,
    has_ended: bool,
    until: Instant,
}

/// What a stream waited for.
enum Heard {
    Bell,
    Silence,
    End,
}

impl Following {
    /// The next piece of the body. `None` at its end.
    async fn next_piece(&mut self) -> Option<Bytes> {
        loop {
            if !self.next.is_empty() {
                return Some(self.write_down());
            }
            if self.has_ended {
                return None;
            }
            // Whatever happens from here on rings again.
            self.listener.rung.mark_unchanged();
            let (id, after) = (self.id, self.after);
            let read = self.core.db.read(move |view| view.events(id, after)).await;
            // The client comes again, and is told why it cannot be told.
            let read: Result<_, DbError> = read;
            self.next = read.ok()?;
            if !self.next.is_empty() {
                continue;
            }
            match self.wait().await {
                Heard::Bell => {}
                Heard::Silence => {
                    self.look_after_sealed().await;
                    return Some(Bytes::from_static(b": still here\n\n"));
                }
                Heard::End => return None,
            }
        }
    }

    async fn wait(&mut self) -> Heard {
        let Listener {
            rung, is_stopping, ..
        } = &mut self.listener;
        tokio::select! {
            () = stopped(is_stopping) => Heard::End,
            () = tokio::time::sleep_until(self.until) => Heard::End,
            changed = rung.changed() => if changed.is_ok() { Heard::Bell } else { Heard::End },
            () = tokio::time::sleep(HEARTBEAT) => Heard::Silence,
        }
    }

    /// A crash may have come between sealing and telling that it is served.
    async fn look_after_sealed(&self) {
        let id = self.id;
        let found: Result<_, DbError> = self
            .core
            .db
            .read(move |view| Ok((view.deployment(id)?, view.snapshot_version()?)))
            .await;
        if let Ok((Some(row), version)) = found
            && row.state == DeploymentState::Sealed
        {
            let shown = release::show(&self.core, version).await;
            tell_shown(&self.core, id, &shown);
        }
    }

    /// The events to be told, in the format of the HTML Standard, section 9.2.5.
    fn write_down(&mut self) -> Bytes {
        let events = std::mem::take(&mut self.next);
        let text: Vec<String> = events.iter().map(write_event).collect();
        self.has_ended = events.iter().any(|event| event.event.is_last());
        self.after = events.last().map_or(self.after, |event| event.id);
        Bytes::from(text.concat())
    }
}

/// Numbers and texts can always be written as JSON, and JSON has no line ends of its own.
fn write_event(event: &DeploymentEvent) -> String {
    let data = serde_json::to_string(event).unwrap_or_default();
    format!("id: {}\nevent: {}\ndata: {data}\n\n", event.id, event.event)
}

/// Reads what a client has seen, `Last-Event-ID`. Absent: nothing.
pub(crate) fn read_last_id(sent: Option<&str>) -> Result<u64, ApiError> {
    match sent.map(str::trim) {
        None | Some("") => Ok(0),
        Some(text) => text.parse().map_err(|_| {
            ApiError::new(
                ErrorCode::RequestInvalid,
                "`Last-Event-ID` is none of this stream",
            )
        }),
    }
}
