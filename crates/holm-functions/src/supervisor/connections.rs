//! Connections to one process, kept between requests.

use std::io;
use std::path::PathBuf;
use std::sync::Mutex;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::task::AbortHandle;

use crate::invocation::RequestBody;

/// A connection. Dropping it closes it, whatever is still being sent on it.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<RequestBody>,
    task: AbortHandle,
}

/// What is sent back when a request cannot be sent.
pub(super) type SendError = TrySendError<Request<RequestBody>>;

impl Connection {
    /// Waits until it takes a request.
    pub(super) async fn ready(&mut self) -> hyper::Result<()> {
        self.sender.ready().await
    }

    /// Sends a request; gives it back where not a byte of it was sent.
    pub(super) async fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, SendError> {
        self.sender.try_send_request(request).await
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A body that nobody reads would hold it, and the visitor's connection with it.
        self.task.abort();
    }
}

/// Connections without a request, newest last. As many as there were requests at once, which
/// `functions.concurrency_max` limits.
#[derive(Debug)]
pub(super) struct Connections {
    socket: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Connections {
    pub(super) const fn new(socket: PathBuf) -> Self {
        Self {
            socket,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// One that was used before and looks usable, if there is one.
    pub(super) fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.lock();
        while let Some(connection) = idle.pop() {
            if !connection.sender.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    /// A new one.
    pub(super) async fn open(&self) -> io::Result<Connection> {
        let stream = UnixStream::connect(&self.socket).await?;
        let (sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        // What goes wrong on it is told to whoever has a request there.
        let task = tokio::spawn(connection).abort_handle();
        Ok(Connection { sender, task })
    }

    /// Keeps one whose answer was read to the end.
    pub(super) fn give_back(&self, connection: Connection) {
        if !connection.sender.is_closed() {
            self.lock().push(connection);
        }
    }

    /// Closes those without a request.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
