//! What two servers say to each other: lines of JSON over a Unix socket, bounded in size and time, the
//! listening sockets beside one of them (`SCM_RIGHTS`, unix(7)).

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};
use tokio::io::Interest;
use tokio::net::UnixStream;

use super::Role;
use crate::limits::{HANDOVER_MESSAGE_BYTES_MAX, HANDOVER_STEP_MAX};

/// The version of this talk. Raised when an older server could not follow it.
pub(super) const PROTOCOL: u32 = 1;

/// Sockets that one message may bring along: one of each [`Role`].
const SOCKETS_MAX: usize = 3;

/// The longest path that fits into a socket's address (unix(7)), its last zero left out.
const PATH_BYTES_MAX: usize = 107;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "kebab-case")]
pub(super) enum Message {
    /// New: who asks.
    Ask { protocol: u32, version: String },
    /// Old: its sockets come along, in this order.
    Listeners {
        protocol: u32,
        version: String,
        pid: u32,
        roles: Vec<Role>,
    },
    /// Old: it does not speak this version of the protocol.
    OtherProtocol { protocol: u32, version: String },
    /// New: stop the control plane and let go of the data folder.
    Release,
    /// Old: done.
    Released,
    /// New: sites and API are served.
    Ready,
    /// Old: it goes.
    Leaving,
    /// Old: it waited for `Ready` as long as it may, and stays.
    GaveUp,
}

/// Why nothing could be said or heard.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TalkError {
    /// The other side has closed the connection, or ended.
    #[error("the other server ended the conversation")]
    Ended,
    /// The other side was silent for too long.
    #[error("the other server said nothing for {} s", .0.as_secs())]
    Silent(Duration),
    /// What came is no message.
    #[error("the other server said something that is not understood")]
    Nonsense,
    /// The socket failed.
    #[error("talk to the other server")]
    Io(#[source] io::Error),
}

impl From<io::Error> for TalkError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Self::Ended,
            _ => Self::Io(error),
        }
    }
}

/// One end of the conversation.
#[derive(Debug)]
pub(super) struct Talk {
    stream: UnixStream,
}

impl Talk {
    pub(super) fn over(stream: UnixStream) -> Self {
        Self { stream }
    }

    /// The user of the process at the other end.
    pub(super) fn peer_user(&self) -> io::Result<u32> {
        Ok(self.stream.peer_cred()?.uid())
    }

    /// Says one line, with sockets beside it.
    pub(super) async fn say(
        &self,
        message: &Message,
        sockets: &[BorrowedFd<'_>],
    ) -> Result<(), TalkError> {
        // A message is ours and has string keys: it always has a JSON form.
        let mut line = serde_json::to_vec(message).unwrap_or_default();
        line.push(b'\n');
        let saying = async {
            let mut sockets = sockets;
            let mut rest = line.as_slice();
            while !rest.is_empty() {
                let send = || send(self.stream.as_fd(), rest, sockets);
                let sent = self.stream.async_io(Interest::WRITABLE, send).await?;
                rest = rest.get(sent..).unwrap_or_default();
                // They travel with the first byte.
                sockets = &[];
            }
            Ok(())
        };
        let said = tokio::time::timeout(HANDOVER_STEP_MAX, saying).await;
        said.map_err(|_| TalkError::Silent(HANDOVER_STEP_MAX))?
    }

    /// Hears one line, and the sockets beside it.
    pub(super) async fn hear(
        &self,
        wait_max: Duration,
    ) -> Result<(Message, Vec<OwnedFd>), TalkError> {
        let hearing = async {
            let mut line = Vec::new();
            let mut sockets = Vec::new();
            while line.last() != Some(&b'\n') {
                if line.len() >= HANDOVER_MESSAGE_BYTES_MAX {
                    return Err(TalkError::Nonsense);
                }
                let receive = || receive(self.stream.as_fd(), &mut line, &mut sockets);
                if self.stream.async_io(Interest::READABLE, receive).await? == 0 {
                    return Err(TalkError::Ended);
                }
            }
            // Both speak in turn, so nothing can follow the line.
            let message = serde_json::from_slice(&line).map_err(|_| TalkError::Nonsense)?;
            Ok((message, sockets))
        };
        let heard = tokio::time::timeout(wait_max, hearing).await;
        heard.map_err(|_| TalkError::Silent(wait_max))?
    }
}

fn send(stream: BorrowedFd<'_>, bytes: &[u8], sockets: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    if !sockets.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(sockets)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let bytes = [IoSlice::new(bytes)];
    Ok(sendmsg(stream, &bytes, &mut beside, SendFlags::NOSIGNAL)?)
}

fn receive(
    stream: BorrowedFd<'_>,
    line: &mut Vec<u8>,
    sockets: &mut Vec<OwnedFd>,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; 512];
    let received = recvmsg(
        stream,
        &mut [IoSliceMut::new(&mut bytes)],
        &mut beside,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(came) = message {
            sockets.extend(came);
        }
    }
    line.extend_from_slice(bytes.get(..received.bytes).unwrap_or_default());
    Ok(received.bytes)
}

/// The path of a socket in a form that fits into an address: a long one goes by an open descriptor of its
/// folder, which has to stay open while the path is used.
pub(super) fn socket_path(path: &Path) -> io::Result<(PathBuf, Option<std::fs::File>)> {
    use std::os::fd::AsRawFd;
    use std::os::unix::ffi::OsStrExt;
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    if path.as_os_str().as_bytes().len() <= PATH_BYTES_MAX {
        return Ok((path.to_owned(), None));
    }
    let folder = std::fs::File::open(folder)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name);
    Ok((short, Some(folder)))
}

#[cfg(test)]
#[path = "talk/tests.rs"]
mod tests;
