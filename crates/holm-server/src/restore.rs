//! `restore`: a back-up into an empty data folder.
//!
//! The folder has a file `restoring` from before the first byte until everything is durable and checked; no
//! server starts on a folder that has it. What fails is taken away again; what could not be taken away, for
//! example after a kill, is taken away by the next restore into the same folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holm_api::{BackupDecoder, BackupError, BackupKind, BackupPart};
use holm_control::SECRET_KEY_FILE;
use holm_storage::{BlobError, BlobStore, BlobUpload};
use holm_types::BlobDigest;

use crate::args::RestoreArgs;
use crate::config::{data_folder, storage_of};
use crate::console;
use crate::data_folder::{DataFolder, DataFolderError, Layout};
use crate::exit::{ServerError, open};
use crate::parts::OsEntropy;
use crate::stores::open_blobs;

/// The name of the configuration file, in back-ups and in data folders.
const CONFIG_NAME: &str = "holm.toml";

/// Bytes read at once.
const PIECE_BYTES: usize = 1024 * 1024;

/// Why a back-up was not restored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestoreError {
    /// The folder has something in it.
    #[error("restore into {}: the folder is not empty", folder.display())]
    NotEmpty {
        /// Which.
        folder: PathBuf,
    },
    /// The file cannot be read, or is no whole back-up.
    #[error("read the back-up {}", file.display())]
    Backup {
        /// Which.
        file: PathBuf,
        /// Where and why.
        #[source]
        source: BackupError,
    },
    /// The file has something that this program does not know.
    #[error("read the back-up {}: it has an entry `{name}`, which this program does not know", file.display())]
    UnknownEntry {
        /// Which.
        file: PathBuf,
        /// The entry.
        name: String,
    },
    /// The disk said no.
    #[error("{doing} {}", path.display())]
    Io {
        /// A present-tense verb phrase.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The blob store said no.
    #[error("store a blob of the back-up")]
    Blob(#[from] BlobError),
    /// The blob store of the configuration cannot be opened.
    #[error("open the blob store that the configuration names")]
    Store(#[source] Box<ServerError>),
    /// What was restored does not fit together.
    #[error("check what was restored: {finding}")]
    Unsound {
        /// The first finding.
        finding: String,
    },
}

fn failed<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> RestoreError + 'a {
    move |source| RestoreError::Io {
        doing,
        path: path.to_owned(),
        source,
    }
}

/// What was restored.
#[derive(Clone, Debug, Default, serde::Serialize)]
struct Restored {
    blob_count: u64,
    blob_bytes: u64,
    /// Files of the data folder, by name.
    files: BTreeMap<String, u64>,
    /// Blobs that could not be read when the back-up was made.
    lost: Vec<String>,
    project_count: u64,
    deployment_count: u64,
}

/// `holm restore FILE --data DIR`.
pub(crate) fn restore(args: &RestoreArgs) -> Result<(), ServerError> {
    let folder = data_folder(args.data.clone())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| open("start the threads", error))?;
    let restored = runtime.block_on(into_folder(args, &folder))?;
    tell(&folder, &restored, args.json);
    Ok(())
}

async fn into_folder(args: &RestoreArgs, folder: &Path) -> Result<Restored, ServerError> {
    let file = &args.file;
    // Before anything is made: a mistyped name must not leave a folder behind.
    let backup = File::open(file).map_err(failed("open", file))?;
    let layout = Layout::of(folder);
    make_room(folder, &layout)?;
    let held = DataFolder::lock_for_restore(folder)?;
    begin(&layout)?;
    let outcome = unpack(backup, args, &layout).await;
    if outcome.is_err() {
        take_away(&layout);
    }
    drop(held);
    if outcome.is_err() && !layout.restoring.exists() {
        // Only what this restore made; a folder with anything else in it stays.
        drop(fs::remove_file(folder.join("lock")));
    }
    Ok(outcome?)
}

/// The folder is empty, or a restore into it did not end.
fn make_room(folder: &Path, layout: &Layout) -> Result<(), ServerError> {
    if layout.restoring.exists() {
        let _held = DataFolder::lock_for_restore(folder)?;
        take_away(layout);
    }
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed("list", folder))?,
    };
    for entry in entries {
        let name = entry.map_err(failed("list", folder))?.file_name();
        // A disk's own folder, the lock of a server that ended, and who an earlier attempt was to an object
        // store.
        if name != "lost+found" && name != "lock" && name != "store-owner" {
            let folder = folder.to_owned();
            return Err(RestoreError::NotEmpty { folder }.into());
        }
    }
    Ok(())
}

/// From here on no server starts on the folder.
fn begin(layout: &Layout) -> Result<(), RestoreError> {
    let path = &layout.restoring;
    let text =
        "A back-up is being restored into this folder. If no `holm restore` runs, run it again.\n";
    fs::write(path, text).map_err(failed("write", path))?;
    sync(path)?;
    sync(layout.root())
}

fn sync(path: &Path) -> Result<(), RestoreError> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(failed("sync", path))
}

/// Removes what a restore makes; the mark goes last and only when all the rest is gone.
fn take_away(layout: &Layout) {
    let files = layout.backup_files().into_iter().map(|file| file.path);
    let mut is_clean = true;
    for path in files.chain([layout.database.clone()]) {
        is_clean &= is_gone(fs::remove_file(&path));
    }
    is_clean &= is_gone(fs::remove_dir_all(&layout.blobs));
    if is_clean {
        drop(fs::remove_file(&layout.restoring));
    }
}

fn is_gone(removed: io::Result<()>) -> bool {
    removed.map_or_else(|error| error.kind() == io::ErrorKind::NotFound, |()| true)
}

async fn unpack(
    backup: File,
    args: &RestoreArgs,
    layout: &Layout,
) -> Result<Restored, RestoreError> {
    let mut desk = Desk::new(args, layout)?;
    desk.read(backup).await?;
    let (mut restored, blobs) = desk.finish().await?;
    let findings = holm_control::check_database(&layout.database, &*blobs);
    // Blobs that were lost before the back-up was made are told, and are not this restore's to refuse.
    let is_excused = !restored.lost.is_empty() || findings.needs_migration;
    if let Some(problem) = findings.problems.first().filter(|_| !is_excused) {
        let finding = format!("{}: {}", problem.about, problem.finding);
        return Err(RestoreError::Unsound { finding });
    }
    restored.project_count = findings.project_count;
    restored.deployment_count = findings.deployment_count;
    drop(blobs);
    fs::remove_file(&layout.restoring).map_err(failed("remove", &layout.restoring))?;
    sync(layout.root())?;
    Ok(restored)
}

/// Takes the entries of a back-up.
struct Desk<'a> {
    file: &'a Path,
    layout: &'a Layout,
    places: BTreeMap<String, PathBuf>,
    /// A configuration file takes the place of the one in the back-up.
    has_config: bool,
    /// Opened when the configuration is there, which says where.
    store: Option<(Arc<dyn BlobStore>, Box<dyn BlobUpload>)>,
    at: At,
    restored: Restored,
}

/// Where in the back-up the desk is.
enum At {
    Between,
    File(PathBuf, File),
    Blob,
    /// In an entry that is not kept.
    Passed,
}

impl<'a> Desk<'a> {
    fn new(args: &'a RestoreArgs, layout: &'a Layout) -> Result<Self, RestoreError> {
        let files = layout.backup_files().into_iter();
        let mut places: BTreeMap<_, _> = files.map(|file| (file.name, file.path)).collect();
        places.insert("control.db".to_owned(), layout.database.clone());
        if let (Some(config), Some(place)) = (&args.config, places.get(CONFIG_NAME)) {
            fs::copy(config, place).map_err(failed("copy", config))?;
        }
        Ok(Self {
            file: &args.file,
            layout,
            places,
            has_config: args.config.is_some(),
            store: None,
            at: At::Between,
            restored: Restored::default(),
        })
    }

    /// The store that the configuration says; files stand before blobs in a back-up.
    async fn open_store(&mut self) -> Result<(), RestoreError> {
        if self.store.is_some() {
            return Ok(());
        }
        let refused = |error: ServerError| RestoreError::Store(Box::new(error));
        let config = self.layout.root().join(CONFIG_NAME);
        let storage = storage_of(&config).map_err(|error| refused(error.into()))?;
        let blobs = open_blobs(self.layout, &storage, &OsEntropy).await;
        let blobs = blobs.map_err(refused)?;
        let upload = blobs.upload();
        self.store = Some((blobs, upload));
        Ok(())
    }

    fn upload(&mut self) -> Option<&mut Box<dyn BlobUpload>> {
        self.store.as_mut().map(|(_, upload)| upload)
    }

    fn wrong(&self) -> impl FnOnce(BackupError) -> RestoreError + use<> {
        let file = self.file.to_owned();
        move |source| RestoreError::Backup { file, source }
    }

    async fn read(&mut self, mut backup: File) -> Result<(), RestoreError> {
        let mut decoder = BackupDecoder::new();
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let read = backup.read(&mut piece);
            let len = read.map_err(failed("read", self.file))?;
            if len == 0 {
                return decoder.finish().map_err(self.wrong());
            }
            decoder.push(piece.get(..len).unwrap_or_default());
            while let Some(part) = decoder.next_part().map_err(self.wrong())? {
                self.take(part).await?;
            }
        }
    }

    async fn take(&mut self, part: BackupPart) -> Result<(), RestoreError> {
        match part {
            BackupPart::Begin {
                kind,
                name,
                size_bytes,
            } => self.begin(kind, name, size_bytes).await,
            BackupPart::Data(bytes) => match &mut self.at {
                At::File(path, file) => file.write_all(&bytes).map_err(failed("write", path)),
                At::Blob => match self.upload() {
                    Some(upload) => Ok(upload.append(bytes).await?),
                    None => Ok(()),
                },
                At::Between | At::Passed => Ok(()),
            },
            BackupPart::End => match std::mem::replace(&mut self.at, At::Between) {
                At::File(path, file) => file.sync_all().map_err(failed("sync", &path)),
                At::Blob => match self.upload() {
                    Some(upload) => Ok(upload.end().await?),
                    None => Ok(()),
                },
                At::Between | At::Passed => Ok(()),
            },
            BackupPart::Finished { .. } => Ok(()),
        }
    }

    async fn begin(
        &mut self,
        kind: BackupKind,
        name: String,
        size_bytes: u64,
    ) -> Result<(), RestoreError> {
        let unknown = || RestoreError::UnknownEntry {
            file: self.file.to_owned(),
            name: name.chars().take(80).collect(),
        };
        self.at = match kind {
            BackupKind::File if self.has_config && name == CONFIG_NAME => At::Passed,
            BackupKind::File => {
                let path = self.places.get(&name).ok_or_else(unknown)?.clone();
                self.restored.files.insert(name, size_bytes);
                let file = File::options()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&path);
                At::File(path.clone(), file.map_err(failed("create", &path))?)
            }
            BackupKind::Blob => {
                let digest: BlobDigest = name.parse().map_err(|_| unknown())?;
                self.open_store().await?;
                if let Some(upload) = self.upload() {
                    upload.begin(digest, size_bytes).await?;
                }
                self.restored.blob_count += 1;
                self.restored.blob_bytes += size_bytes;
                At::Blob
            }
            BackupKind::Lost => {
                self.restored.lost.push(name);
                At::Passed
            }
        };
        Ok(())
    }

    async fn finish(mut self) -> Result<(Restored, Arc<dyn BlobStore>), RestoreError> {
        self.open_store().await?;
        let (blobs, upload) = self.store.take().ok_or_else(|| RestoreError::Unsound {
            finding: "there is no blob store".to_owned(),
        })?;
        upload.finish().await?;
        Ok((self.restored, blobs))
    }
}

fn tell(folder: &Path, restored: &Restored, as_json: bool) {
    for digest in &restored.lost {
        console::say(&format!(
            "warning: blob {digest} was damaged when the back-up was made; deploy its file again"
        ));
    }
    if as_json {
        console::out(&serde_json::json!({"data": folder, "restored": restored}));
        return;
    }
    console::out(&folder.display());
    if !restored.files.contains_key(SECRET_KEY_FILE) {
        console::say(&format!(
            "the back-up was made without --with-keys: copy `{SECRET_KEY_FILE}` of its server into the folder before it is started"
        ));
    }
    console::say(&format!(
        "{} projects, {} deployments and {} blobs ({} bytes) are restored and checked; start with `holm serve --data {}`",
        restored.project_count,
        restored.deployment_count,
        restored.blob_count,
        restored.blob_bytes,
        folder.display()
    ));
}

impl From<RestoreError> for ServerError {
    fn from(error: RestoreError) -> Self {
        Self::Restore(error)
    }
}

/// The folder holds half of a back-up.
pub(crate) fn refuse_half_restored(layout: &Layout) -> Result<(), DataFolderError> {
    if layout.restoring.exists() {
        return Err(DataFolderError::HalfRestored {
            path: layout.root().to_owned(),
        });
    }
    Ok(())
}
