//! The launcher: our own program in a hidden mode, between Holm and an engine.
//!
//! It is started instead of the engine, puts the process under its limits and into its sandbox, and
//! becomes the engine by `exec`. So nothing is done between `fork` and `exec` that needs `unsafe`, and the
//! engine never runs a moment without its limits.

mod sandbox;

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, Signal};

/// The word that makes our program the launcher.
pub const WORD: &str = "function-launcher";

/// What ends the launcher's own arguments; the engine and its arguments follow.
const END: &str = "--";

/// Why the engine could not be started. Written to standard error, which Holm reads.
#[derive(Debug, thiserror::Error)]
enum LaunchError {
    #[error("the launcher does not know {0:?}")]
    Argument(OsString),
    #[error("the launcher has no program to start")]
    NoProgram,
    #[error("Holm is gone")]
    Orphan,
    #[error("limit the process: {what}: {source}")]
    Limit {
        what: &'static str,
        source: rustix::io::Errno,
    },
    #[error("sandbox the process: {0}")]
    Sandbox(String),
    #[error("start {}: {source}", program.display())]
    Exec {
        program: PathBuf,
        source: std::io::Error,
    },
}

/// What a process is put under.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confinement {
    /// The process that must outlive it; 0 is none.
    pub parent: u32,
    /// Private bytes that it may map; 0 is no limit.
    pub data_bytes_max: u64,
    /// Descriptors that it may have; 0 is no limit.
    pub files_max: u64,
    /// Files and folders that it may read and map.
    pub read: Vec<PathBuf>,
    /// Programs that it may start: itself.
    pub execute: Vec<PathBuf>,
    /// Folders in which it may read, and make sockets.
    pub sockets: Vec<PathBuf>,
}

impl Confinement {
    /// As arguments of the launcher, before the engine's.
    pub fn to_args(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec![
            format!("--parent={}", self.parent).into(),
            format!("--data={}", self.data_bytes_max).into(),
            format!("--files={}", self.files_max).into(),
        ];
        let lists = [
            ("--read", &self.read),
            ("--execute", &self.execute),
            ("--sockets", &self.sockets),
        ];
        for (name, paths) in lists {
            for path in paths {
                args.push(name.into());
                args.push(path.into());
            }
        }
        args.push(END.into());
        args
    }

    /// Reads what [`Confinement::to_args`] wrote; gives the rest, the engine's own.
    fn from_args(
        args: impl IntoIterator<Item = OsString>,
    ) -> Result<(Self, Vec<OsString>), LaunchError> {
        let mut args = args.into_iter();
        let mut found = Self::default();
        while let Some(arg) = args.next() {
            if arg == END {
                return Ok((found, args.collect()));
            }
            found.take(&arg, &mut args)?;
        }
        Err(LaunchError::NoProgram)
    }

    fn take(
        &mut self,
        arg: &OsString,
        rest: &mut impl Iterator<Item = OsString>,
    ) -> Result<(), LaunchError> {
        let unknown = || LaunchError::Argument(arg.clone());
        let text = arg.to_str().ok_or_else(unknown)?;
        if let Some((name, value)) = text.split_once('=') {
            let number: u64 = value.parse().map_err(|_| unknown())?;
            match name {
                "--parent" => self.parent = u32::try_from(number).map_err(|_| unknown())?,
                "--data" => self.data_bytes_max = number,
                "--files" => self.files_max = number,
                _ => return Err(unknown()),
            }
            return Ok(());
        }
        let list = match text {
            "--read" => &mut self.read,
            "--execute" => &mut self.execute,
            "--sockets" => &mut self.sockets,
            _ => return Err(unknown()),
        };
        list.push(rest.next().ok_or_else(unknown)?.into());
        Ok(())
    }
}

/// Becomes the engine. `args` are those after [`WORD`]. Comes back only when that failed, having written
/// why to standard error.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let Err(error) = launch(args);
    // Standard error is the pipe that Holm reads; when it is gone there is nobody to tell.
    drop(std::io::Write::write_all(
        &mut std::io::stderr(),
        format!("holm launcher: {error}\n").as_bytes(),
    ));
    ExitCode::from(126)
}

fn launch(
    args: impl IntoIterator<Item = OsString>,
) -> Result<std::convert::Infallible, LaunchError> {
    let (confinement, program) = Confinement::from_args(args)?;
    let (program, args) = program.split_first().ok_or(LaunchError::NoProgram)?;
    tie_to_parent(confinement.parent)?;
    limit_resources(&confinement)?;
    sandbox::enter(&confinement).map_err(LaunchError::Sandbox)?;
    let source = std::process::Command::new(program).args(args).exec();
    Err(LaunchError::Exec {
        program: program.into(),
        source,
    })
}

/// The kernel ends this process when Holm's thread that started it ends, whatever way. The question
/// afterwards closes the gap in which Holm may have ended before.
#[cfg(target_os = "linux")]
fn tie_to_parent(parent: u32) -> Result<(), LaunchError> {
    if parent == 0 {
        return Ok(());
    }
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(|source| {
        LaunchError::Limit {
            what: "its parent's death",
            source,
        }
    })?;
    let found = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
    if found.and_then(|pid| u32::try_from(pid).ok()) == Some(parent) {
        return Ok(());
    }
    Err(LaunchError::Orphan)
}

/// Elsewhere the end of standard input ends the host, which a loop in the code can keep from seeing it.
#[cfg(not(target_os = "linux"))]
fn tie_to_parent(_parent: u32) -> Result<(), LaunchError> {
    Ok(())
}

fn limit_resources(confinement: &Confinement) -> Result<(), LaunchError> {
    let limits = [
        ("core dumps", Resource::Core, Some(0)),
        (
            "memory",
            Resource::Data,
            nonzero(confinement.data_bytes_max),
        ),
        (
            "descriptors",
            Resource::Nofile,
            nonzero(confinement.files_max),
        ),
    ];
    for (what, resource, max) in limits {
        let Some(max) = max else { continue };
        let both = Rlimit {
            current: Some(max),
            maximum: Some(max),
        };
        rustix::process::setrlimit(resource, both)
            .map_err(|source| LaunchError::Limit { what, source })?;
    }
    Ok(())
}

const fn nonzero(number: u64) -> Option<u64> {
    if number == 0 { None } else { Some(number) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_come_back_as_they_went() {
        let confinement = Confinement {
            parent: 7,
            data_bytes_max: 1 << 30,
            files_max: 512,
            read: vec!["/lib".into(), "/usr/lib".into()],
            execute: vec!["/x/deno".into()],
            sockets: vec!["/run/a b".into()],
        };
        let mut args = confinement.to_args();
        args.extend(["/x/deno".into(), "run".into(), "--".into()]);
        let (back, rest) = Confinement::from_args(args).unwrap();
        assert_eq!(back, confinement);
        assert_eq!(rest, ["/x/deno", "run", "--"]);
    }

    #[test]
    fn what_it_does_not_know_is_refused() {
        for arg in ["--reads", "--data=many", "--parent=-1"] {
            assert!(Confinement::from_args([arg.into(), END.into()]).is_err());
        }
        assert!(Confinement::from_args(["--read".into()]).is_err());
    }
}
