//! The bundler's process: started for one build of one project, ended with it.

use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use super::ESBUILD_VERSION;
use super::packet::{Packet, PacketError, Value};
use crate::limits::PACKET_BYTES_MAX;
use crate::npm_tool::end;

/// Why the bundler gave no answer. Not the project's fault.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// It could not be started.
    #[error("start the bundler {}", program.display())]
    Start {
        /// What was started.
        program: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Another version than the one whose protocol is spoken here.
    #[error("the bundler is esbuild {found}, and this Holm speaks to {ESBUILD_VERSION}")]
    Version {
        /// What it says it is.
        found: String,
    },
    /// It ended, or its pipes broke.
    #[error("the bundler ended before it answered")]
    Gone,
    /// It said nothing for too long, and was ended.
    #[error("the bundler said nothing for {} s", silence_max.as_secs())]
    Silent {
        /// What is allowed.
        silence_max: Duration,
    },
    /// It said what cannot be understood.
    #[error(transparent)]
    Unreadable(#[from] PacketError),
    /// It refused the request as a whole.
    #[error("the bundler refused to work: {0}")]
    Refused(String),
}

/// What came out of the process.
enum Arrival {
    Packet(Vec<u8>),
    /// A packet was announced that is larger than the maximum.
    TooLarge,
}

/// A running bundler.
#[derive(Debug)]
pub(crate) struct Service {
    child: Child,
    stdin: ChildStdin,
    arrivals: Receiver<Arrival>,
    silence_max: Duration,
    next_id: u32,
}

impl Service {
    /// Starts it in a folder, with an empty environment.
    pub(crate) fn start(
        program: &Path,
        folder: &Path,
        silence_max: Duration,
    ) -> Result<Self, ServiceError> {
        // The folder is another from here on, and a relative path would be looked for there.
        let absolute = std::path::absolute(program);
        let mut child = Command::new(absolute.as_deref().unwrap_or(program))
            .arg(format!("--service={ESBUILD_VERSION}"))
            .current_dir(folder)
            .env_clear()
            // The Go runtime's own bounds: two processors, and a collector that works harder near this size.
            .env("GOMAXPROCS", "2")
            .env("GOMEMLIMIT", "1GiB")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| ServiceError::Start {
                program: program.to_owned(),
                source,
            })?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            end(&mut child);
            return Err(ServiceError::Gone);
        };
        let (sender, arrivals) = sync_channel(1);
        std::thread::spawn(move || read_packets(stdout, &sender));
        let service = Self {
            child,
            stdin,
            arrivals,
            silence_max,
            next_id: 0,
        };
        let version = service.arrival()?;
        if version == ESBUILD_VERSION.as_bytes() {
            return Ok(service);
        }
        Err(ServiceError::Version {
            found: String::from_utf8_lossy(&version).into_owned(),
        })
    }

    /// Asks for something, and answers what the process asks meanwhile.
    pub(super) fn ask(
        &mut self,
        value: Value,
        answer: &mut dyn FnMut(&Value) -> Value,
    ) -> Result<Value, ServiceError> {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&Packet {
            id,
            is_request: true,
            value,
        })?;
        loop {
            let packet = Packet::decode(&self.arrival()?)?;
            if packet.is_request {
                self.send(&Packet {
                    id: packet.id,
                    is_request: false,
                    value: answer(&packet.value),
                })?;
                continue;
            }
            if packet.id != id {
                return Err(PacketError.into());
            }
            let error = packet.value.get("error").text();
            if !error.is_empty() {
                return Err(ServiceError::Refused(error.to_owned()));
            }
            return Ok(packet.value);
        }
    }

    fn send(&mut self, packet: &Packet) -> Result<(), ServiceError> {
        let sent = self.stdin.write_all(&packet.encode());
        sent.and_then(|()| self.stdin.flush())
            .map_err(|_| ServiceError::Gone)
    }

    fn arrival(&self) -> Result<Vec<u8>, ServiceError> {
        match self.arrivals.recv_timeout(self.silence_max) {
            Ok(Arrival::Packet(bytes)) => Ok(bytes),
            Ok(Arrival::TooLarge) => Err(PacketError.into()),
            Err(RecvTimeoutError::Disconnected) => Err(ServiceError::Gone),
            Err(RecvTimeoutError::Timeout) => Err(ServiceError::Silent {
                silence_max: self.silence_max,
            }),
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Sends on what the process writes, until it ends or nobody listens.
fn read_packets(stdout: ChildStdout, sender: &SyncSender<Arrival>) {
    let mut stdout = BufReader::new(stdout);
    while let Some(arrival) = read_packet(&mut stdout) {
        let is_last = matches!(arrival, Arrival::TooLarge);
        if sender.send(arrival).is_err() || is_last {
            return;
        }
    }
}

fn read_packet(stdout: &mut impl Read) -> Option<Arrival> {
    let mut length = [0; 4];
    stdout.read_exact(&mut length).ok()?;
    let length = usize::try_from(u32::from_le_bytes(length)).ok()?;
    if length > PACKET_BYTES_MAX {
        return Some(Arrival::TooLarge);
    }
    let mut bytes = Vec::new();
    stdout.take(length as u64).read_to_end(&mut bytes).ok()?;
    (bytes.len() == length).then_some(Arrival::Packet(bytes))
}
