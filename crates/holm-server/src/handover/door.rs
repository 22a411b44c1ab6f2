//! The running server's side: a socket in the data folder, and whoever asks there.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::UnixListener;

use super::talk::{Message, PROTOCOL, Talk, TalkError, socket_path};
use super::{Role, SpareListeners};
use crate::data_folder::Layout;
use crate::limits::{HANDOVER_OPEN_MAX, HANDOVER_STEP_MAX};

/// How long accepting rests when the kernel refuses (mostly: out of file descriptors).
const ACCEPT_REST: Duration = Duration::from_secs(1);

/// Where a next server asks. Only the user of this one may come in.
#[derive(Debug)]
pub(crate) struct Door {
    listener: UnixListener,
    path: PathBuf,
}

impl Door {
    /// Opens it. What an earlier server left there is replaced, whether that one lives or not, so only
    /// the server that holds the data folder calls this.
    pub(crate) fn open(layout: &Layout) -> io::Result<Self> {
        let path = layout.handover.clone();
        // In place only when it is closed to others.
        let early = path.with_extension(format!("{}", std::process::id()));
        let (short, _folder) = socket_path(&early)?;
        let listener = UnixListener::bind(short)?;
        fs::set_permissions(&early, Permissions::from_mode(0o600))?;
        fs::rename(&early, &path)?;
        Ok(Self { listener, path })
    }

    /// The next server that asks and may. Everybody else is sent away.
    pub(crate) async fn knock(&self) -> Successor {
        loop {
            let Ok((stream, _)) = self.listener.accept().await else {
                tokio::time::sleep(ACCEPT_REST).await;
                continue;
            };
            let talk = Talk::over(stream);
            // Who may not, or asks for something else, has seen it by the end of the connection.
            if let Ok(Some(successor)) = Successor::greet(talk).await {
                return successor;
            }
        }
    }

    /// Closes it for good.
    pub(crate) fn close(self) {
        // A file that stays is replaced by the next server.
        drop(fs::remove_file(&self.path));
    }
}

/// A server that wants to follow this one.
#[derive(Debug)]
pub(crate) struct Successor {
    talk: Talk,
    /// What it calls itself.
    pub(crate) version: String,
}

impl Successor {
    /// `None` when it belongs to another user, or speaks another protocol.
    async fn greet(talk: Talk) -> Result<Option<Self>, TalkError> {
        if talk.peer_user()? != rustix::process::geteuid().as_raw() {
            return Ok(None);
        }
        let (message, _) = talk.hear(HANDOVER_STEP_MAX).await?;
        let Message::Ask { protocol, version } = message else {
            return Err(TalkError::Nonsense);
        };
        if protocol != PROTOCOL {
            let refusal = Message::OtherProtocol {
                protocol: PROTOCOL,
                version: env!("CARGO_PKG_VERSION").to_owned(),
            };
            talk.say(&refusal, &[]).await?;
            return Ok(None);
        }
        Ok(Some(Self { talk, version }))
    }

    /// Gives it the listeners; returns once it wants the data folder.
    pub(crate) async fn give(&self, spare: &SpareListeners) -> Result<(), TalkError> {
        let roles: Vec<Role> = spare.sockets.iter().map(|(role, _)| *role).collect();
        let sockets: Vec<_> = spare.sockets.iter().map(|(_, fd)| fd.as_fd()).collect();
        let message = Message::Listeners {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            roles,
        };
        self.talk.say(&message, &sockets).await?;
        self.wait_for(&Message::Release, HANDOVER_STEP_MAX).await
    }

    /// Tells it that the data folder is free; returns once it serves.
    pub(crate) async fn released(&self) -> Result<(), TalkError> {
        self.talk.say(&Message::Released, &[]).await?;
        let ready = self.wait_for(&Message::Ready, HANDOVER_OPEN_MAX).await;
        match ready {
            Ok(()) => {
                // It serves, whether it hears this or not.
                drop(self.talk.say(&Message::Leaving, &[]).await);
                Ok(())
            }
            Err(error) => {
                // It may be gone; if not, it must not stay beside this server.
                drop(self.talk.say(&Message::GaveUp, &[]).await);
                Err(error)
            }
        }
    }

    async fn wait_for(&self, wanted: &Message, wait_max: Duration) -> Result<(), TalkError> {
        let (message, _) = self.talk.hear(wait_max).await?;
        if message == *wanted {
            Ok(())
        } else {
            Err(TalkError::Nonsense)
        }
    }
}
