//! Work on files away from the threads that serve: on the blocking pool of the runtime.

use std::io;
use std::path::Path;

use crate::blob::BlobError;

use super::io_error;

/// Runs `work` on the blocking pool, or right here when there is no runtime.
pub(super) async fn run<T: Send + 'static>(
    root: &Path,
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    if tokio::runtime::Handle::try_current().is_err() {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // The runtime is ending, or the work panicked (the hook has reported it).
        Err(ended) => Err(io_error("finish work in", root)(io::Error::other(ended))),
    }
}
