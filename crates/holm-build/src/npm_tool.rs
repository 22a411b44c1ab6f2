//! Tools that Holm does not carry along: one program out of one package of the npm registry.
//!
//! The user's npm client fetches it, with the user's configuration, so that mirrors and proxies are its business. No
//! script of a package is run. What came is compared with the digest that stands in Holm's source, and only the
//! program is taken out of it.

mod tarball;

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use data_encoding::BASE64;
use sha2::{Digest, Sha512};

pub use tarball::TarballError;

/// One program, as it is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NpmTool {
    /// What it is called in the folder of tools and in errors: `esbuild`.
    pub name: &'static str,
    /// The package for this kind of machine: `@esbuild/linux-x64`.
    pub package: &'static str,
    /// Its version, exactly.
    pub version: &'static str,
    /// SHA-512 of the package's archive, in base64, as registries publish it.
    pub sha512: &'static str,
    /// The program within the package: `bin/esbuild`.
    pub program: &'static str,
}

/// The npm client that fetches tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NpmClient {
    /// What is started; looked for in the path when it is a bare name.
    pub command: PathBuf,
    /// How long it may take.
    pub time_max: Duration,
}

/// Why a tool could not be installed. Nothing is left behind that could be taken for it.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// There is no npm client.
    #[error(
        "install {tool}: `{}` could not be started; install Node.js with npm, or put {tool} {version} at {}",
        npm.display(), target.display()
    )]
    NoClient {
        /// The tool.
        tool: &'static str,
        /// Its version.
        version: &'static str,
        /// What was started.
        npm: PathBuf,
        /// Where the program would be.
        target: PathBuf,
        /// Why it could not be started.
        #[source]
        source: io::Error,
    },
    /// npm could not fetch it: most often there is no network.
    #[error(
        "install {tool}: npm could not fetch {package}@{version} ({said}); without network, put the package's \
         program at {} by hand",
        target.display()
    )]
    Fetch {
        /// The tool.
        tool: &'static str,
        /// The package.
        package: &'static str,
        /// Its version.
        version: &'static str,
        /// The end of what npm said.
        said: String,
        /// Where the program would be.
        target: PathBuf,
    },
    /// npm took too long.
    #[error("install {tool}: npm did not fetch {package} within {} s", time_max.as_secs())]
    TimedOut {
        /// The tool.
        tool: &'static str,
        /// The package.
        package: &'static str,
        /// What it was given.
        time_max: Duration,
    },
    /// What came is something else than what this Holm was made with. Not to be installed by hand either.
    #[error(
        "install {tool}: what npm fetched as {package}@{version} has the SHA-512 {found}, and this Holm was made \
         with {expected}"
    )]
    Integrity {
        /// The tool.
        tool: &'static str,
        /// The package.
        package: &'static str,
        /// Its version.
        version: &'static str,
        /// Of what came.
        found: String,
        /// Of what was expected.
        expected: &'static str,
    },
    /// The archive cannot be read.
    #[error("install {tool}: take the program out of its package")]
    Unpack {
        /// The tool.
        tool: &'static str,
        /// Why not.
        #[source]
        source: TarballError,
    },
    /// The folder of tools cannot be written.
    #[error("install {tool}: write to {}", path.display())]
    Write {
        /// The tool.
        tool: &'static str,
        /// What was written.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Characters of npm's words that an error repeats.
const SAID_CHARS_MAX: usize = 300;

/// Bytes of npm's words that are read; the rest is read and forgotten.
const SAID_BYTES_MAX: u64 = 64 * 1024;

impl NpmTool {
    /// Where the program is, or would be: `<tools>/<name>-<version>/<program's name>`.
    pub fn path_in(&self, tools: &Path) -> PathBuf {
        let name = self.program.rsplit('/').next().unwrap_or(self.program);
        tools
            .join(format!("{}-{}", self.name, self.version))
            .join(name)
    }

    /// The program, if it is there.
    pub fn installed(&self, tools: &Path) -> Option<PathBuf> {
        let path = self.path_in(tools);
        path.is_file().then_some(path)
    }

    /// The program, fetched when it is not there. Blocks while npm works.
    ///
    /// Whoever comes first installs it, when several do so at once: the folder appears by one rename, with the
    /// program in it.
    ///
    /// # Errors
    /// See [`InstallError`]; its sentences say what to do.
    pub fn install(&self, npm: &NpmClient, tools: &Path) -> Result<PathBuf, InstallError> {
        if let Some(program) = self.installed(tools) {
            return Ok(program);
        }
        let write_error = |path: &Path| self.write_error(path);
        fs::create_dir_all(tools).map_err(write_error(tools))?;
        let scratch = Scratch::new(tools, self.name).map_err(write_error(tools))?;
        self.fetch(npm, &scratch.0, tools)?;
        let archive = find_archive(&scratch.0).map_err(write_error(&scratch.0))?;
        self.check(&archive)?;
        let made = scratch.0.join("made");
        self.unpack(&archive, &made)?;
        let target = self.path_in(tools);
        let folder = target.parent().unwrap_or(tools);
        match fs::rename(&made, folder) {
            // Another was quicker.
            Err(_) if target.is_file() => {}
            renamed => renamed.map_err(write_error(folder))?,
        }
        Ok(target)
    }

    fn write_error(&self, path: &Path) -> impl FnOnce(io::Error) -> InstallError + use<> {
        let (tool, path) = (self.name, path.to_owned());
        move |source| InstallError::Write { tool, path, source }
    }

    /// Has npm put the archive into an empty folder, in which no project's configuration is read.
    fn fetch(&self, npm: &NpmClient, folder: &Path, tools: &Path) -> Result<(), InstallError> {
        let target = self.path_in(tools);
        let mut child = Command::new(&npm.command)
            .arg("pack")
            .arg(format!("{}@{}", self.package, self.version))
            .args(["--ignore-scripts", "--loglevel=error"])
            .arg("--pack-destination")
            .arg(folder)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| InstallError::NoClient {
                tool: self.name,
                version: self.version,
                npm: npm.command.clone(),
                target: target.clone(),
                source,
            })?;
        let Some(said) = words_until_end(&mut child, npm.time_max) else {
            end(&mut child);
            return Err(InstallError::TimedOut {
                tool: self.name,
                package: self.package,
                time_max: npm.time_max,
            });
        };
        let status = child.wait().map_err(self.write_error(folder))?;
        if status.success() {
            return Ok(());
        }
        Err(InstallError::Fetch {
            tool: self.name,
            package: self.package,
            version: self.version,
            said,
            target,
        })
    }

    fn check(&self, archive: &Path) -> Result<(), InstallError> {
        let mut file = fs::File::open(archive).map_err(self.write_error(archive))?;
        let mut hasher = Sha512::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = file.read(&mut buffer).map_err(self.write_error(archive))?;
            if count == 0 {
                break;
            }
            hasher.update(buffer.get(..count).unwrap_or_default());
        }
        let found = BASE64.encode(&hasher.finalize());
        if found == self.sha512 {
            return Ok(());
        }
        Err(InstallError::Integrity {
            tool: self.name,
            package: self.package,
            version: self.version,
            found,
            expected: self.sha512,
        })
    }

    fn unpack(&self, archive: &Path, folder: &Path) -> Result<(), InstallError> {
        let name = self.program.rsplit('/').next().unwrap_or(self.program);
        let path = folder.join(name);
        let write_error = || self.write_error(&path);
        fs::create_dir(folder).map_err(write_error())?;
        let input = fs::File::open(archive).map_err(self.write_error(archive))?;
        let mut out = fs::File::create(&path).map_err(write_error())?;
        tarball::copy_file(input, &format!("package/{}", self.program), &mut out).map_err(
            |source| InstallError::Unpack {
                tool: self.name,
                source,
            },
        )?;
        make_executable(&out).map_err(write_error())?;
        out.sync_all().map_err(write_error())
    }
}

/// The end of what npm says, once it has closed its mouth. `None` when that takes too long.
fn words_until_end(child: &mut Child, time_max: Duration) -> Option<String> {
    let stderr = child.stderr.take()?;
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut said = Vec::new();
        let mut stderr = stderr.take(SAID_BYTES_MAX);
        // What cannot be read is not said; the status tells the outcome.
        drop(stderr.read_to_end(&mut said));
        drop(io::copy(&mut stderr.into_inner(), &mut io::sink()));
        drop(sender.send(said));
    });
    let said = receiver.recv_timeout(time_max).ok()?;
    let text = String::from_utf8_lossy(&said);
    let words: Vec<&str> = text.split_whitespace().collect();
    Some(words.join(" ").chars().take(SAID_CHARS_MAX).collect())
}

/// Ends a child and takes leave of it. That it may be gone already is no error.
pub(crate) fn end(child: &mut Child) {
    drop(child.kill());
    drop(child.wait());
}

fn find_archive(folder: &Path) -> io::Result<PathBuf> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "tgz") {
            return Ok(path);
        }
    }
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        "npm has left no archive",
    ))
}

#[cfg(unix)]
fn make_executable(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    file.set_permissions(fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &fs::File) -> io::Result<()> {
    Ok(())
}

/// A folder beside the tools that goes away whatever happens.
struct Scratch(PathBuf);

impl Scratch {
    fn new(tools: &Path, name: &str) -> io::Result<Self> {
        let base = format!(".fetch-{name}-{}", std::process::id());
        for attempt in 0..1000 {
            let folder = tools.join(format!("{base}-{attempt}"));
            match fs::create_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made.map(|()| Self(folder)),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is small and is called by its purpose.
        drop(fs::remove_dir_all(&self.0));
    }
}
