//! Waiting for the server to stop.

use tokio::sync::watch;

/// Returns when the flag is true, or when whoever could set it is gone.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The value is looked at by the closure; the guard must not be held any longer.
    drop(stop.wait_for(|stop| *stop).await);
}
