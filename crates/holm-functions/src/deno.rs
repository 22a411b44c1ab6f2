//! Deno as the engine of edge functions.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use sha2::{Digest, Sha256};

use crate::contract::HOST_NAME;
use crate::failure::InvocationFailure;
use crate::launcher::Confinement;
use crate::limits::FunctionLimits;
use crate::runtime::{InstancePlace, LaunchPlan, Runtime};

macro_rules! host_files {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../../../runtimes/edge/", $name)))),*]
    };
}

/// The host that runs inside the process; it begins with [`HOST_MAIN`].
const HOST: &[(&str, &str)] = host_files!(
    "body.js" "caches.js" "call.js" "console.js" "cookies.js" "crypto.js" "engine.js" "fetch.js" "host.js"
    "intrinsics.js" "listener.js" "message.js" "middleware.js" "outside.js" "surface.js"
);

/// The module that is started.
const HOST_MAIN: &str = "host.js";

/// What the engine needs of the system: its libraries, and the devices that libc asks for.
const SYSTEM: &[&str] = &[
    "/lib",
    "/lib64",
    "/usr/lib",
    "/etc/ld.so.cache",
    "/dev/null",
    "/dev/urandom",
    "/proc/self",
    "/proc/meminfo",
    "/sys/fs/cgroup",
];

/// Where the loader of programs may be; it is started as a program.
const LOADERS: &[&str] = &["/lib", "/lib64", "/usr/lib"];

/// Deno, at one place, with the host's files written out.
#[derive(Clone, Debug)]
pub struct DenoRuntime {
    program: PathBuf,
    /// The folder of the host's files.
    host: PathBuf,
}

impl DenoRuntime {
    /// Writes the host's files into `folder`, which all processes may read, and takes the engine's program.
    /// Each version of the host has a folder of its own there, so that two servers of different versions can
    /// share `folder`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn new(program: impl Into<PathBuf>, folder: &Path) -> io::Result<Self> {
        let host = folder.join(host_version());
        std::fs::create_dir_all(&host)?;
        for (name, text) in HOST {
            let fresh = host.join(format!("{name}.{}.new", std::process::id()));
            std::fs::write(&fresh, text)?;
            std::fs::rename(&fresh, host.join(name))?;
        }
        Ok(Self {
            program: program.into(),
            host,
        })
    }

    fn args(&self, place: &InstancePlace, limits: &FunctionLimits) -> Vec<OsString> {
        let folder = place.folder.as_os_str();
        let heap_mib = (limits.memory_bytes_max / (1024 * 1024)).max(16);
        let with = |flag: &str, value: &std::ffi::OsStr| {
            let mut arg = OsString::from(flag);
            arg.push(value);
            arg
        };
        let mut net = OsString::from("--allow-net=unix:");
        net.push(place.serve_socket());
        net.push(",unix:");
        net.push(place.host_socket());
        net.push(format!(",{HOST_NAME}:80"));
        vec![
            "run".into(),
            "--quiet".into(),
            "--no-remote".into(),
            "--no-npm".into(),
            "--no-config".into(),
            "--no-lock".into(),
            "--no-prompt".into(),
            "--no-code-cache".into(),
            "--no-check".into(),
            with("--allow-read=", folder),
            with("--allow-write=", folder),
            net,
            format!("--v8-flags=--max-heap-size={heap_mib}").into(),
            self.host.join(HOST_MAIN).into(),
            folder.to_owned(),
        ]
    }
}

/// A name for what the host's files say.
fn host_version() -> String {
    let mut hasher = Sha256::new();
    for (name, text) in HOST {
        hasher.update(name);
        hasher.update(text);
    }
    let digest = hasher.finalize();
    data_encoding::HEXLOWER.encode(digest.get(..8).unwrap_or_default())
}

impl Runtime for DenoRuntime {
    fn name(&self) -> &'static str {
        "deno"
    }

    fn plan(&self, place: &InstancePlace, limits: &FunctionLimits) -> LaunchPlan {
        let mut read: Vec<PathBuf> = SYSTEM.iter().map(PathBuf::from).collect();
        read.push(self.host.clone());
        let mut execute: Vec<PathBuf> = LOADERS.iter().map(PathBuf::from).collect();
        execute.push(self.program.clone());
        // A folder that is not there and cannot be made: the engine keeps its caches in memory.
        let cache = place.folder.join("none");
        LaunchPlan {
            program: self.program.clone(),
            args: self.args(place, limits),
            env: vec![
                ("DENO_DIR".into(), cache.into()),
                ("DENO_NO_UPDATE_CHECK".into(), "1".into()),
                ("NO_COLOR".into(), "1".into()),
            ],
            confinement: Confinement {
                parent: std::process::id(),
                data_bytes_max: limits.process_data_bytes_max,
                files_max: limits.process_files_max,
                read,
                execute,
                sockets: vec![place.folder.clone()],
            },
        }
    }

    fn explain_exit(
        &self,
        status: ExitStatus,
        stderr: &str,
        limits: &FunctionLimits,
    ) -> InvocationFailure {
        // V8's own last words, at its heap's limit and when the system gives no more.
        if stderr.contains("out of memory") || stderr.contains("memory allocation of") {
            return InvocationFailure::Memory {
                used_bytes: limits.memory_bytes_max,
                allowed_bytes: limits.memory_bytes_max,
            };
        }
        let how = match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "for no known reason".to_owned(),
        };
        let last = stderr.lines().rev().find(|line| !line.trim().is_empty());
        InvocationFailure::Crashed {
            reason: last.map_or_else(|| how.clone(), |line| format!("{how}: {}", line.trim())),
        }
    }
}
