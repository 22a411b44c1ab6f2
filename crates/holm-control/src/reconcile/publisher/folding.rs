//! Putting changes that have become many, or old, in the place of the whole snapshot that they lie on.
//!
//! A change file that is damaged takes all behind it with it until the next start, so changes do not stay for
//! long: they are folded when there are many, after some time, at a start and at a stop.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use holm_site::{EdgeSnapshot, codec};
use holm_storage::PublishedSnapshot;

use super::{PublishError, SnapshotPublisher, failed, on_blocking_thread};
use crate::db::DbError;
use crate::error::chain;
use crate::published::read_published;

/// How long nothing is folded after folding has failed: the disk is full, most likely, and trying costs as much
/// as doing.
const RETRY_PAUSE: Duration = Duration::from_mins(1);

/// What became of the changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Folded {
    /// They stay, or are in their place, or there are none.
    Done,
    /// They cannot be read.
    Unreadable,
}

/// Since when changes wait to be folded.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<Times>);

#[derive(Debug, Default)]
struct Times {
    /// When changes were seen first. `None` while there are none.
    seen_at: Option<Duration>,
    /// Nothing is folded before.
    not_before: Duration,
    /// Up to which version the database has forgotten whose hosts changed.
    forgotten: u64,
}

impl Waiting {
    fn times(&self) -> MutexGuard<'_, Times> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Times {
    /// Whether the changes are to be folded now.
    fn is_due(&mut self, newest: &PublishedSnapshot, now: Duration, time_max: Duration) -> bool {
        if newest.parts().1.is_empty() {
            self.seen_at = None;
            return false;
        }
        let seen_at = *self.seen_at.get_or_insert(now);
        let is_old = now.saturating_sub(seen_at) >= time_max;
        now >= self.not_before && (is_old || newest.is_to_be_folded())
    }
}

impl SnapshotPublisher {
    /// Folds changes if it is time, and has the database forget what nobody asks for any more.
    pub(super) async fn tidy(&self) -> Result<(), PublishError> {
        let publisher = self.clone();
        let folded = on_blocking_thread(move || publisher.fold_if_due()).await?;
        if folded == Folded::Unreadable {
            // What cannot be read any more is replaced from the database.
            self.db
                .write::<_, DbError>(|change| change.hosts_changed())
                .await?;
            self.publish().await?;
        }
        self.forget().await
    }

    fn fold_if_due(&self) -> Result<Folded, PublishError> {
        let now = self.clock.monotonic();
        let is_due = |newest: &PublishedSnapshot| {
            let mut times = self.waiting.times();
            times.is_due(newest, now, self.changes_time_max)
        };
        let Some(due) = self.store.newest().filter(is_due) else {
            return Ok(Folded::Done);
        };
        let folded = self.fold(&due);
        let mut times = self.waiting.times();
        times.seen_at = None;
        if folded.is_err() {
            times.not_before = now + RETRY_PAUSE;
        }
        folded
    }

    fn fold(&self, published: &PublishedSnapshot) -> Result<Folded, PublishError> {
        let Ok(snapshot) = read_published(published) else {
            return Ok(Folded::Unreadable);
        };
        let whole = codec::encode_snapshot(&snapshot);
        self.store.fold(published.version, whole.into())?;
        Ok(Folded::Done)
    }

    /// At a start, when what is published is this snapshot: what the last stop, which was none, has left.
    pub(super) fn fold_at_start(&self, published: &PublishedSnapshot, snapshot: &EdgeSnapshot) {
        if published.parts().1.is_empty() {
            return;
        }
        let whole = codec::encode_snapshot(snapshot);
        if let Err(error) = self.store.fold(published.version, whole.into()) {
            failed("snapshot_fold", chain(&error));
        }
    }

    /// At a stop: so that whoever starts next, maybe an earlier program, finds one file. Blocks on the disk.
    pub(crate) fn fold_at_stop(&self) {
        let has_changes = |newest: &PublishedSnapshot| !newest.parts().1.is_empty();
        let Some(published) = self.store.newest().filter(has_changes) else {
            return;
        };
        if let Err(error) = self.fold(&published) {
            failed("snapshot_fold", chain(&error));
        }
    }

    /// What changed up to a whole version is of no use: nobody publishes a change behind an older one.
    async fn forget(&self) -> Result<(), PublishError> {
        let is_whole = |newest: &PublishedSnapshot| newest.parts().1.is_empty();
        let Some(whole) = self.store.newest().filter(is_whole) else {
            return Ok(());
        };
        let version = whole.version;
        if self.waiting.times().forgotten >= version {
            return Ok(());
        }
        self.db
            .write::<_, DbError>(move |change| change.forget_host_changes(version))
            .await?;
        self.waiting.times().forgotten = version;
        Ok(())
    }
}
