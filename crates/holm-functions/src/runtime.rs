//! What the supervisor has to know of an engine, and nothing else.
//!
//! How processes are started, asked, drained and ended is the same for all of them (`process`,
//! `supervisor`): HTTP/1.1 on a socket, lines on standard input and output. An engine only says how it is
//! started and what its ways of dying mean.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitStatus;

use crate::failure::InvocationFailure;
use crate::launcher::Confinement;
use crate::limits::FunctionLimits;

/// The folder of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstancePlace {
    /// Empty but for Holm's socket when the process starts; the bundle is put there before it is named.
    pub folder: PathBuf,
}

impl InstancePlace {
    /// The socket on which the process listens.
    pub fn serve_socket(&self) -> PathBuf {
        self.folder.join(crate::contract::SERVE_SOCKET)
    }

    /// The socket on which Holm listens.
    pub fn host_socket(&self) -> PathBuf {
        self.folder.join(crate::contract::HOST_SOCKET)
    }
}

/// How a process is started: program and arguments, never a line for a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaunchPlan {
    /// The engine.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// What it is put under.
    pub confinement: Confinement,
}

/// An engine.
pub trait Runtime: Send + Sync + std::fmt::Debug {
    /// Its name, for records.
    fn name(&self) -> &'static str;

    /// How a process that will live in `place` is started.
    fn plan(&self, place: &InstancePlace, limits: &FunctionLimits) -> LaunchPlan;

    /// What it means that a process ended by itself; `stderr` is the end of what it wrote.
    fn explain_exit(
        &self,
        status: ExitStatus,
        stderr: &str,
        limits: &FunctionLimits,
    ) -> InvocationFailure;
}
