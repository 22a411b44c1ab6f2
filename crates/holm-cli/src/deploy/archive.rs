//! Deploying a ZIP file: it is sent as it is, and the server unpacks it (decision D10.16).

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use holm_api::{DeploymentCreateQuery, DeploymentCreated, DeploymentPlan};
use holm_types::{Environment, ProjectName};

use super::digest::open_regular;
use super::folder::name_from_folder;
use super::options::{DeployOutcome, Sent};
use super::settle::{Settle, Step};
use crate::client::{Client, ClientError, Frames, Stopped};
use crate::error::CliError;
use crate::exit::Exit;
use crate::link::{self, Link};
use crate::printer::Printer;
use crate::progress::Progress;
use crate::surroundings::Surroundings;

/// An archive that can be deployed.
#[derive(Clone, Debug)]
pub(crate) struct PreparedArchive {
    /// Where it is.
    path: PathBuf,
    /// As the user typed it.
    pub shown: String,
    size_bytes: u64,
    /// To which project.
    pub project: ProjectName,
    /// The link of the folder that the user stands in.
    pub link: Option<Link>,
    /// Whether the project's name was made from the file's.
    is_named_by_file: bool,
}

/// Whether what was named is to be deployed as an archive: a file, whatever its name.
pub(crate) fn is_archive(path: &Path, current: &Path) -> bool {
    current.join(path).is_file()
}

impl PreparedArchive {
    /// Decides. The project is the one asked for, else the link of the folder that the user stands in,
    /// else named by the file.
    pub(crate) fn new(
        path: &Path,
        project: Option<&ProjectName>,
        surroundings: &Surroundings,
    ) -> Result<Self, CliError> {
        let shown = path.display().to_string();
        let doing = || format!("deploy `{shown}`");
        let path = surroundings.current_folder.join(path);
        let is_zip = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
        if !is_zip {
            let why = format!("`{shown}` is a file, and no ZIP file by its name");
            return Err(CliError::new(Exit::Usage, doing(), why)
                .next("Name the folder with the built site, or a ZIP file of it."));
        }
        let (_, stamp) = open_regular(&path)
            .map_err(|error| CliError::because(Exit::Failure, doing(), &error))?;
        let link = link::find(&surroundings.current_folder)?;
        let linked = link.as_ref().map(|link| link.project.clone());
        let known = project.cloned().or(linked);
        let is_named_by_file = known.is_none();
        let known = known.or_else(|| name_from_folder(&path.with_extension("")));
        let Some(project) = known else {
            let why = "no project name can be made from the file's name";
            return Err(CliError::new(Exit::Usage, doing(), why)
                .next("Give the project a name with --project NAME."));
        };
        Ok(Self {
            path,
            shown,
            size_bytes: stamp.size_bytes,
            project,
            link,
            is_named_by_file,
        })
    }

    /// Tells on stderr what was decided and may surprise.
    pub(crate) fn tell(&self, printer: &Printer) {
        if self.is_named_by_file {
            printer.note(&format!(
                "project `{}`, named after the file; --project chooses another",
                self.project
            ));
        }
    }
}

/// One deployment of an archive.
#[derive(Debug)]
pub(crate) struct ArchiveDeploy<'a> {
    pub client: &'a Client,
    pub prepared: &'a PreparedArchive,
    pub environment: Environment,
    /// Branch, commit and message; the rest is filled in here.
    pub query: DeploymentCreateQuery,
    pub progress: &'a Progress,
    /// Where its events are told as lines of JSON. `None`: nowhere.
    pub told: Option<&'a Printer>,
}

impl ArchiveDeploy<'_> {
    /// Sends the archive and commits.
    pub(crate) fn run(&self) -> Result<DeployOutcome, CliError> {
        let outcome = self.send();
        self.progress.finish();
        outcome
    }

    fn send(&self) -> Result<DeployOutcome, CliError> {
        let explain = |error: ClientError| error.explain(self.doing());
        let settle = Settle {
            client: self.client,
            project: &self.prepared.project,
            told: self.told,
        };
        let size_bytes = self.prepared.size_bytes;
        settle.tell(&Step::UploadingArchive { size_bytes });
        let created: DeploymentCreated = self
            .with_bytes(|frames| {
                let query = self.query(false);
                self.client
                    .deployment_create_archive(&self.prepared.project, &query, frames)
            })
            .map_err(explain)?;
        self.progress.begin("committing", 0, 0);
        let nothing = Frames {
            size_bytes: 0,
            open: &|| Box::new(io::empty()),
        };
        let view = settle
            .commit(&created.deployment.id, &nothing)
            .map_err(explain)?;
        let sent = Sent {
            view,
            blob_count: 1,
            blob_bytes: size_bytes,
        };
        DeployOutcome::of(sent, self.progress.elapsed(), &self.doing())
    }

    /// What the server says would become of the archive. Nothing is stored.
    pub(crate) fn plan(&self) -> Result<DeploymentPlan, CliError> {
        let planned = self.with_bytes(|frames| {
            let query = self.query(true);
            self.client
                .deployment_plan_archive(&self.prepared.project, &query, frames)
        });
        self.progress.finish();
        planned.map_err(|error| error.explain(self.doing()))
    }

    fn query(&self, dry_run: bool) -> DeploymentCreateQuery {
        DeploymentCreateQuery {
            dry_run,
            environment: Some(self.environment),
            create_project: Some(true),
            ..self.query.clone()
        }
    }

    fn with_bytes<T>(
        &self,
        send: impl FnOnce(&Frames<'_>) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let size_bytes = self.prepared.size_bytes;
        self.progress.begin("uploading", 1, size_bytes);
        let told = Cell::new(0);
        send(&Frames {
            size_bytes,
            open: &|| {
                self.progress.rewind(0, told.take());
                Box::new(ArchiveReader {
                    file: None,
                    prepared: self.prepared,
                    left_bytes: size_bytes,
                    progress: self.progress,
                    told: &told,
                })
            },
        })
    }

    fn doing(&self) -> String {
        format!(
            "deploy `{}` to {} of `{}`",
            self.prepared.shown, self.environment, self.prepared.project
        )
    }
}

/// The body of one request: exactly as many bytes as were announced, or an error.
struct ArchiveReader<'a> {
    /// Opened with the first byte that is wanted.
    file: Option<File>,
    prepared: &'a PreparedArchive,
    left_bytes: u64,
    progress: &'a Progress,
    told: &'a Cell<u64>,
}

impl Read for ArchiveReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left_bytes == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let file = if let Some(file) = &mut self.file {
            file
        } else {
            let (file, stamp) = open_regular(&self.prepared.path)?;
            if stamp.size_bytes != self.prepared.size_bytes {
                return Err(stopped(self.prepared));
            }
            self.file.insert(file)
        };
        let room = usize::try_from(self.left_bytes).unwrap_or(usize::MAX);
        let room = room.min(buffer.len());
        let count = file.read(buffer.get_mut(..room).unwrap_or_default())?;
        if count == 0 {
            return Err(stopped(self.prepared));
        }
        let count_bytes = count as u64;
        self.left_bytes -= count_bytes;
        self.progress.advance(0, count_bytes);
        self.told.set(self.told.get() + count_bytes);
        Ok(count)
    }
}

fn stopped(prepared: &PreparedArchive) -> io::Error {
    io::Error::other(Stopped {
        path: prepared.shown.clone(),
    })
}
