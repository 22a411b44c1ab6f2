//! The next server's side: asking the running one for its listeners and its data folder.

use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use tokio::net::UnixStream;

use super::Role;
use super::talk::{Message, PROTOCOL, Talk, TalkError, socket_path};
use crate::console;
use crate::data_folder::Layout;
use crate::limits::{HANDOVER_RELEASE_MAX, HANDOVER_STEP_MAX};

/// Why a running server could not be taken over from.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TakeOverError {
    /// Somebody holds the folder, but it is no server that can hand over.
    #[error("take over {}: it is in use, but no server there hands over", folder.display())]
    NoServer {
        /// The data folder.
        folder: PathBuf,
        /// What connecting to it said.
        #[source]
        source: io::Error,
    },
    /// The server runs as another user.
    #[error("take over {}: the server there belongs to another user", folder.display())]
    OtherUser {
        /// The data folder.
        folder: PathBuf,
    },
    /// The server there is too old or too new.
    #[error(
        "take over {}: the server there is Holm {version}, which hands over in another way (protocol {protocol}, not {PROTOCOL})", folder.display()
    )]
    OtherProtocol {
        /// The data folder.
        folder: PathBuf,
        /// The version that the server says it is.
        version: String,
        /// The protocol that it speaks.
        protocol: u32,
    },
    /// The conversation broke off.
    #[error("take over {}: {doing}", folder.display())]
    Talk {
        /// The data folder.
        folder: PathBuf,
        /// A present-tense verb phrase.
        doing: &'static str,
        /// Why.
        #[source]
        source: TalkError,
    },
    /// The server there waited long enough and serves on.
    #[error("take over {}: the server there had stopped waiting for this one to be ready", folder.display())]
    TooLate {
        /// The data folder.
        folder: PathBuf,
    },
}

impl TakeOverError {
    /// What to do next.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::NoServer { .. } => "if a server from before `--take-over` runs there, stop it and start this one without the flag; otherwise wait for the command that holds the folder",
            Self::OtherUser { .. } => "run this as the user that the server runs as",
            Self::OtherProtocol { .. } => "stop the server there and start this one without --take-over; visitors wait for that moment",
            Self::Talk { doing, .. } if *doing == WAITING_FOR_RELEASE => "look at the log of the server there: requests to its API may still be open; try again, or stop it",
            Self::Talk { .. } => "look at the log of the server there, and try again",
            Self::TooLate { .. } => "sites are served by the server there, its API is closed: try again, or restart it",
        }
        .to_owned()
    }
}

/// What [`TakeOverError::Talk`] says when the lock is not let go of in time.
const WAITING_FOR_RELEASE: &str = "wait until the server there lets go of the data folder";

/// The server whose place is taken.
#[derive(Debug)]
pub(crate) struct Predecessor {
    talk: Talk,
    folder: PathBuf,
    listeners: Vec<(Role, TcpListener)>,
    /// Its process.
    pub(crate) pid: u32,
    /// What it calls itself.
    pub(crate) version: String,
}

impl Predecessor {
    /// Asks the server of a data folder for its listeners. It goes on as before until
    /// [`Predecessor::release`].
    pub(crate) async fn ask(folder: &Path) -> Result<Self, TakeOverError> {
        let talk = connect(folder).await?;
        let broken = |source| TakeOverError::Talk {
            folder: folder.to_owned(),
            doing: "ask the server there for its listeners",
            source,
        };
        let ask = Message::Ask {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        talk.say(&ask, &[]).await.map_err(broken)?;
        match talk.hear(HANDOVER_STEP_MAX).await.map_err(broken)? {
            (
                Message::Listeners {
                    version,
                    pid,
                    roles,
                    ..
                },
                sockets,
            ) => Ok(Self {
                listeners: opened(&roles, sockets).map_err(|error| broken(error.into()))?,
                talk,
                folder: folder.to_owned(),
                pid,
                version,
            }),
            (Message::OtherProtocol { protocol, version }, _) => {
                Err(TakeOverError::OtherProtocol {
                    folder: folder.to_owned(),
                    version,
                    protocol,
                })
            }
            _ => Err(broken(TalkError::Nonsense)),
        }
    }

    /// The listener of this role, if the server there had one at this address. Port 0 takes whichever
    /// port it had.
    pub(crate) fn listener(
        &mut self,
        role: Role,
        address: std::net::SocketAddr,
    ) -> Option<TcpListener> {
        let is_it = |(found, listener): &(Role, TcpListener)| {
            let real = listener.local_addr().ok();
            *found == role
                && real.is_some_and(|real| {
                    real.ip() == address.ip()
                        && (address.port() == 0 || real.port() == address.port())
                })
        };
        let index = self.listeners.iter().position(is_it)?;
        Some(self.listeners.swap_remove(index).1)
    }

    /// Has it stop its control plane and let go of the data folder.
    pub(crate) async fn release(&self) -> Result<(), TakeOverError> {
        let broken = |source| TakeOverError::Talk {
            folder: self.folder.clone(),
            doing: WAITING_FOR_RELEASE,
            source,
        };
        self.talk
            .say(&Message::Release, &[])
            .await
            .map_err(broken)?;
        match self.talk.hear(HANDOVER_RELEASE_MAX).await.map_err(broken)? {
            (Message::Released, _) => Ok(()),
            _ => Err(broken(TalkError::Nonsense)),
        }
    }

    /// Tells it that this server serves, so that it goes.
    ///
    /// # Errors
    /// [`TakeOverError::TooLate`] when it has decided to stay: then this server has to end.
    pub(crate) async fn ready(self) -> Result<(), TakeOverError> {
        // Whether this is heard shows in the answer.
        drop(self.talk.say(&Message::Ready, &[]).await);
        match self.talk.hear(HANDOVER_STEP_MAX).await {
            Ok((Message::GaveUp, _)) => Err(TakeOverError::TooLate {
                folder: self.folder,
            }),
            Ok((Message::Leaving, _)) => Ok(()),
            Ok(_) | Err(_) => {
                console::say(&format!(
                    "the server before (process {}) did not say that it leaves; it has ended, or has to be ended",
                    self.pid
                ));
                Ok(())
            }
        }
    }
}

async fn connect(folder: &Path) -> Result<Talk, TakeOverError> {
    let no_server = |source: io::Error| match source.kind() {
        io::ErrorKind::PermissionDenied => TakeOverError::OtherUser {
            folder: folder.to_owned(),
        },
        _ => TakeOverError::NoServer {
            folder: folder.to_owned(),
            source,
        },
    };
    let (path, _folder) = socket_path(&Layout::of(folder).handover).map_err(no_server)?;
    let talk = Talk::over(UnixStream::connect(path).await.map_err(no_server)?);
    if talk.peer_user().map_err(no_server)? != rustix::process::geteuid().as_raw() {
        return Err(TakeOverError::OtherUser {
            folder: folder.to_owned(),
        });
    }
    Ok(talk)
}

/// The sockets by role, ready to accept. What was sent without a role is closed.
fn opened(roles: &[Role], sockets: Vec<OwnedFd>) -> io::Result<Vec<(Role, TcpListener)>> {
    let listeners = roles.iter().zip(sockets).map(|(role, socket)| {
        let listener = TcpListener::from(socket);
        // Also shows that it is a socket at all.
        listener.local_addr()?;
        listener.set_nonblocking(true)?;
        Ok((*role, listener))
    });
    listeners.collect()
}
