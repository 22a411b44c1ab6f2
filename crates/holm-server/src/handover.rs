//! One server hands the data folder and its listeners to the next, while visitors are served.
//!
//! The running server keeps a Unix socket in its data folder ([`Door`]). `serve --take-over` connects there
//! ([`Predecessor`]) and both speak in turn, one line of JSON each (`talk`):
//!
//! 1. new: who I am. Old: its listening sockets, as file descriptors.
//! 2. new, once everything else that can fail early has not: let go. Old: stops its control plane, lets go
//!    of the folder, and says so; it goes on serving visitors from what it has.
//! 3. new, once it serves: ready. Old: that it leaves; it accepts nothing more and drains patiently.
//!
//! A new server that ends before the third step leaves the old one serving sites without an API.

mod door;
mod predecessor;
mod talk;

pub(crate) use door::{Door, Successor};
pub(crate) use predecessor::{Predecessor, TakeOverError};

use std::os::fd::OwnedFd;

use crate::listeners::Listeners;

/// Which listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    /// Sites in clear text.
    Sites,
    /// Sites over TLS.
    Tls,
    /// The API and console.
    Control,
}

/// Second descriptors of the listening sockets, kept only to be handed over: while one is open, the
/// kernel goes on taking connections for whoever accepts them next.
#[derive(Debug)]
pub(crate) struct SpareListeners {
    sockets: Vec<(Role, OwnedFd)>,
}

impl SpareListeners {
    /// Of all listeners.
    pub(crate) fn of(listeners: &Listeners) -> std::io::Result<Self> {
        use std::os::fd::AsFd;
        let mut sockets = vec![
            (Role::Sites, listeners.site.as_fd().try_clone_to_owned()?),
            (
                Role::Control,
                listeners.control.as_fd().try_clone_to_owned()?,
            ),
        ];
        if let Some(tls) = &listeners.tls {
            sockets.push((Role::Tls, tls.as_fd().try_clone_to_owned()?));
        }
        Ok(Self { sockets })
    }

    /// The control listener once more, to answer on it.
    pub(crate) fn control(&self) -> std::io::Result<tokio::net::TcpListener> {
        let found = self.sockets.iter().find(|(role, _)| *role == Role::Control);
        let (_, socket) = found.ok_or(std::io::ErrorKind::NotFound)?;
        tokio::net::TcpListener::from_std(socket.try_clone()?.into())
    }
}
