//! Fetching an engine: npm packs, we check, one rename makes it visible.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use sha2::{Digest, Sha512};

use super::archive::{self, ArchiveError};
use super::{Engine, EnginePackage, EngineStore};

/// Why an engine could not be installed. Nothing is left behind that could be taken for one.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// No package is published for this machine.
    #[error(
        "install the edge engine: no package is published for {os} on {arch}; name a Deno of your own \
         with HOLM_DENO"
    )]
    NoPackage {
        /// The system.
        os: &'static str,
        /// The processor.
        arch: &'static str,
    },
    /// The npm client could not be started.
    #[error(
        "install the edge engine: cannot start {}; install npm, or name a Deno of your own with HOLM_DENO",
        npm.display()
    )]
    NoClient {
        /// What was started.
        npm: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The npm client failed: no network, most often.
    #[error(
        "install the edge engine: npm could not fetch {package}@{version}: {said}; if this machine has no \
         network, copy {} from one that has, or name a Deno of your own with HOLM_DENO",
        target.display()
    )]
    Fetch {
        /// The package.
        package: &'static str,
        /// Its version.
        version: &'static str,
        /// What npm said, its last lines.
        said: String,
        /// The folder that would have been made.
        target: PathBuf,
    },
    /// It took longer than it may.
    #[error("install the edge engine: npm did not finish in {} s", allowed.as_secs())]
    TimedOut {
        /// What is allowed.
        allowed: Duration,
    },
    /// What came is not what is pinned here. Never install it by hand.
    #[error(
        "install the edge engine: {package}@{version} is not the package that this Holm was made with: \
         its SHA-512 is {found}, and {wanted} was expected"
    )]
    Integrity {
        /// The package.
        package: &'static str,
        /// Its version.
        version: &'static str,
        /// The digest of what came.
        found: String,
        /// The digest pinned here.
        wanted: &'static str,
    },
    /// The archive is not as expected.
    #[error("install the edge engine: unpack it")]
    Archive(#[from] ArchiveError),
    /// The store's folder cannot be written.
    #[error("install the edge engine: write to {}", path.display())]
    Store {
        /// What was written to.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

/// Characters of npm's words that an error repeats.
const SAID_CHARS_MAX: usize = 400;

impl EngineStore {
    /// Makes sure that the engine for this machine is there, fetching it when it is not.
    ///
    /// Safe to call from several processes at once: one fetches, the others wait and find it.
    ///
    /// # Errors
    /// See [`InstallError`]; its sentences say what to do.
    pub async fn install(&self, npm: &Path, allowed: Duration) -> Result<Engine, InstallError> {
        let package = EnginePackage::of_this_machine().ok_or(InstallError::NoPackage {
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
        })?;
        self.install_package(package, npm, allowed).await
    }

    /// As [`EngineStore::install`], for one package.
    pub(crate) async fn install_package(
        &self,
        package: &'static EnginePackage,
        npm: &Path,
        allowed: Duration,
    ) -> Result<Engine, InstallError> {
        let program = self.program(package);
        let engine = Engine {
            program: program.clone(),
            version: Some(package.version),
        };
        if program.is_file() {
            return Ok(engine);
        }
        let lock = self.lock().await?;
        if !program.is_file() {
            let scratch = Scratch::new(&self.folder)?;
            fetch(package, npm, &scratch.folder, &program, allowed).await?;
            let (folder, home) = (scratch.folder.clone(), self.folder.clone());
            let settled =
                tokio::task::spawn_blocking(move || settle(package, &folder, &program, &home));
            settled.await.expect("unpacking does not panic")?;
        }
        drop(lock);
        Ok(engine)
    }

    async fn lock(&self) -> Result<File, InstallError> {
        let folder = self.folder.clone();
        let locked = tokio::task::spawn_blocking(move || {
            fs::create_dir_all(&folder)?;
            let lock = File::create(folder.join(".lock"))?;
            lock.lock()?;
            Ok(lock)
        });
        locked
            .await
            .expect("locking does not panic")
            .map_err(at(&self.folder))
    }
}

/// A folder beside the engines that goes away whatever happens.
struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    fn new(store: &Path) -> Result<Self, InstallError> {
        let folder = store.join(format!(".fetch-{}", std::process::id()));
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(at(&folder)(error));
            }
            _ => fs::create_dir_all(&folder).map_err(at(&folder))?,
        }
        Ok(Self { folder })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind is removed by the next installation of this process number.
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> InstallError + use<> {
    let path = path.to_owned();
    move |source| InstallError::Store { path, source }
}

/// Runs the npm client in an empty folder, so that no project's settings are read; the user's are.
async fn fetch(
    package: &'static EnginePackage,
    npm: &Path,
    folder: &Path,
    program: &Path,
    allowed: Duration,
) -> Result<(), InstallError> {
    let child = tokio::process::Command::new(npm)
        .arg("pack")
        .arg(format!("{}@{}", package.package, package.version))
        .args(["--ignore-scripts", "--loglevel=error", "--pack-destination"])
        .arg(folder)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| InstallError::NoClient {
            npm: npm.to_owned(),
            source,
        })?;
    let output = tokio::time::timeout(allowed, child.wait_with_output())
        .await
        .map_err(|_| InstallError::TimedOut { allowed })?
        .map_err(at(folder))?;
    if output.status.success() {
        return Ok(());
    }
    Err(InstallError::Fetch {
        package: package.package,
        version: package.version,
        said: last_words(&String::from_utf8_lossy(&output.stderr)),
        target: program.parent().unwrap_or(program).to_owned(),
    })
}

fn last_words(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(SAID_CHARS_MAX).collect()
}

/// Checks the archive in `folder`, takes the program out and puts it into its place.
fn settle(
    package: &'static EnginePackage,
    folder: &Path,
    program: &Path,
    store: &Path,
) -> Result<(), InstallError> {
    let archive = find_archive(folder).map_err(at(folder))?;
    check_digest(package, &archive)?;
    let made = folder.join("made");
    fs::create_dir(&made).map_err(at(&made))?;
    let path = made.join(package.program);
    let mut out = File::create(&path).map_err(at(&path))?;
    let input = File::open(&archive).map_err(at(&archive))?;
    archive::extract(
        io::BufReader::new(input),
        &format!("package/{}", package.program),
        &mut out,
    )?;
    make_executable(&out)
        .and_then(|()| out.sync_all())
        .map_err(at(&path))?;
    let target = program.parent().unwrap_or(store);
    fs::rename(&made, target)
        .and_then(|()| File::open(store)?.sync_all())
        .map_err(at(target))
}

fn find_archive(folder: &Path) -> io::Result<PathBuf> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "tgz") {
            return Ok(path);
        }
    }
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        "npm wrote no archive",
    ))
}

fn check_digest(package: &'static EnginePackage, archive: &Path) -> Result<(), InstallError> {
    let mut file = File::open(archive).map_err(at(archive))?;
    let mut hasher = Sha512::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = io::Read::read(&mut file, &mut buffer).map_err(at(archive))?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
    }
    let found = data_encoding::BASE64.encode(&hasher.finalize());
    if found == package.sha512 {
        return Ok(());
    }
    Err(InstallError::Integrity {
        package: package.package,
        version: package.version,
        found,
        wanted: package.sha512,
    })
}

#[cfg(unix)]
fn make_executable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    file.set_permissions(fs::Permissions::from_mode(0o755))
}

#[cfg(test)]
mod tests;
