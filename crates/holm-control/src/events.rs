//! The bell that is rung when something has happened to a deployment, and the room for those who listen.

use std::sync::Arc;

use holm_types::ErrorCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::error::ApiError;
use crate::limits::ControlLimits;

/// Says that there are new events; which, the database knows.
#[derive(Debug)]
pub(crate) struct EventBell {
    rung: watch::Sender<u64>,
    is_stopping: watch::Sender<bool>,
    places: Arc<Semaphore>,
    places_max: usize,
}

/// A place among those who listen, and what they hear.
#[derive(Debug)]
pub(crate) struct Listener {
    /// Changes with every ring.
    pub(crate) rung: watch::Receiver<u64>,
    /// True once the server stops.
    pub(crate) is_stopping: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

impl EventBell {
    pub(crate) fn new(limits: &ControlLimits) -> Self {
        Self {
            rung: watch::Sender::new(0),
            is_stopping: watch::Sender::new(false),
            places: Arc::new(Semaphore::new(limits.event_streams_max)),
            places_max: limits.event_streams_max,
        }
    }

    /// Something has happened to some deployment.
    pub(crate) fn ring(&self) {
        self.rung
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Ends what is followed: streams have no end of their own that a stopping server could wait for.
    pub(crate) fn stop(&self) {
        self.is_stopping.send_replace(true);
    }

    pub(crate) fn listen(&self) -> Result<Listener, ApiError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            let limit = self.places_max as u64;
            ApiError::new(
                ErrorCode::ServerBusy,
                "Too many streams of events are followed",
            )
            .with_limit(limit, limit + 1, "control.event_streams_max")
        })?;
        Ok(Listener {
            rung: self.rung.subscribe(),
            is_stopping: self.is_stopping.subscribe(),
            _place: place,
        })
    }
}
