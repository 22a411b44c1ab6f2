//! What is in an archive: which of its files belong to the deployment, under which paths, and their
//! digests. Everything is read and checked to its last byte before anything is kept.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use holm_api::ProblemField;
use holm_archive::{Archive, ArchiveError, ArchiveRules, Contents, Refusal};
use holm_site::{Admission, CONFIG_FILES, FileEntry, admit};
use holm_types::{BlobHasher, Diagnostic, ErrorCode, Severity};

use super::manifest_reader::{path_finding, shown, too_many_files};
use crate::body::RequestBody;
use crate::core::Core;
use crate::error::ApiError;
use crate::limits::{ARCHIVE_RATIO_FREE_BYTES, ControlLimits};
use crate::spool::Spool;

/// Folders within one another that a site may have; the command line's own bound for folders.
const DEPTH_MAX: usize = 64;

/// Bytes that are inflated at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// What a program of Apple's adds to every archive.
const RESOURCE_FORKS: &str = "__MACOSX/";

/// The finding about a single top folder that was taken for the site itself.
const UNWRAPPED: &str = "archive/unwrapped";

/// An archive that was read to its end.
#[derive(Debug)]
pub(super) struct Unpacked {
    /// To be read once more.
    pub(super) archive: Archive<File>,
    /// The deployment's files, each with its number in the archive.
    pub(super) files: Vec<(usize, FileEntry)>,
    /// The files of rules.
    pub(super) configs: BTreeMap<String, Vec<u8>>,
    /// What people should know about how it was read.
    pub(super) findings: Vec<Diagnostic>,
    /// The room that it takes on disk.
    _spool: SpoolPlace,
}

/// Keeps the place of a spool whose file has moved into the archive.
type SpoolPlace = tokio::sync::OwnedSemaphorePermit;

impl Unpacked {
    /// The deployment's files.
    pub(super) fn entries(&self) -> Vec<FileEntry> {
        self.files.iter().map(|(_, file)| file.clone()).collect()
    }
}

/// Takes the archive in, then reads all of it on a blocking thread.
pub(super) async fn unpack(core: &Core, body: &mut RequestBody) -> Result<Unpacked, ApiError> {
    let spool = core.spools.fill(body).await?;
    // Only now: somebody with a slow line keeps nobody else from deploying.
    let _room = core.deploys.acquire().await;
    let limits = core.config.limits.clone();
    let wanted = Wanted::default();
    let still_wanted = wanted.watch();
    tokio::task::spawn_blocking(move || look(spool, &limits, &still_wanted))
        .await
        .unwrap_or_else(|ended| {
            let doing = "The archive could not be read";
            Err(ApiError::from_cause(ErrorCode::Internal, doing, &ended))
        })
}

/// Says to a blocking thread that nobody waits for it any more, by being dropped.
#[derive(Default)]
pub(super) struct Wanted(Arc<AtomicBool>);

impl Wanted {
    pub(super) fn watch(&self) -> StillWanted {
        StillWanted(Arc::clone(&self.0))
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The thread's side of [`Wanted`].
pub(super) struct StillWanted(Arc<AtomicBool>);

impl StillWanted {
    pub(super) fn check(&self) -> Result<(), ApiError> {
        if self.0.load(Ordering::Relaxed) {
            return Err(ApiError::new(
                ErrorCode::RequestTimeout,
                "The request took too long",
            ));
        }
        Ok(())
    }
}

fn rules(limits: &ControlLimits) -> ArchiveRules {
    ArchiveRules {
        entries_max: limits.archive_entries_max,
        directory_bytes_max: limits.archive_directory_bytes_max,
        name_bytes_max: limits.path_bytes_max,
        depth_max: DEPTH_MAX,
        file_bytes_max: limits.file_bytes_max,
        total_bytes_max: limits.archive_unpacked_bytes_max,
        ratio_max: limits.archive_ratio_max,
        ratio_free_bytes: ARCHIVE_RATIO_FREE_BYTES,
    }
}

/// Reads the whole archive. Blocks.
fn look(spool: Spool, limits: &ControlLimits, wanted: &StillWanted) -> Result<Unpacked, ApiError> {
    let (file, place) = spool.into_parts();
    let mut archive = Archive::open(file, &rules(limits)).map_err(|error| refused(&error))?;
    let chosen = choose(&archive);
    if chosen.files.len() as u64 > limits.files_max {
        return Err(too_many_files(limits.files_max, chosen.files.len() as u64));
    }
    let mut files = Vec::with_capacity(chosen.files.len());
    let mut configs = BTreeMap::new();
    for (index, path) in chosen.files {
        wanted.check()?;
        if let Some(detail) = path_finding(&path, limits.path_bytes_max) {
            return Err(
                invalid(format!("{} in the archive: {detail}", shown(&path)))
                    .with_field(format!("entry:{path}"), detail),
            );
        }
        let size_bytes = archive
            .entries()
            .get(index)
            .map_or(0, holm_archive::Entry::size_bytes);
        let is_config =
            CONFIG_FILES.contains(&path.as_str()) && size_bytes <= limits.config_bytes_max;
        let mut kept = is_config.then(Vec::new);
        let mut hasher = BlobHasher::new();
        each_piece(&mut archive, index, wanted, &mut |piece| {
            hasher.update(piece);
            if let Some(kept) = &mut kept {
                kept.extend_from_slice(piece);
            }
            Ok(())
        })?;
        if let Some(kept) = kept {
            configs.insert(path.clone(), kept);
        }
        files.push((
            index,
            FileEntry {
                path,
                digest: hasher.finish(),
                size_bytes,
            },
        ));
    }
    Ok(Unpacked {
        archive,
        files,
        configs,
        findings: chosen.findings,
        _spool: place,
    })
}

/// Which files belong to the deployment, and where.
struct Chosen {
    /// Number in the archive, path in the deployment.
    files: Vec<(usize, String)>,
    findings: Vec<Diagnostic>,
}

/// Takes what a folder's deployment would take. A single folder around the whole site, which is how most
/// programs pack one, is no part of its paths; it is one only when the home page is in it, so that a
/// site of nothing but `/docs/...` keeps its paths.
fn choose(archive: &Archive<File>) -> Chosen {
    let packed = archive.entries().iter().enumerate();
    let files: Vec<(usize, &str)> = packed
        .map(|(index, entry)| (index, entry.path()))
        .filter(|(_, path)| !path.starts_with(RESOURCE_FORKS))
        .collect();
    let wrapping = wrapping_folder(&files);
    let mut findings = Vec::new();
    if let Some(folder) = wrapping {
        let message =
            format!("everything is in the folder `{folder}`, which was taken for the site");
        findings.push(Diagnostic::new(Severity::Info, UNWRAPPED, message));
    }
    let prefix = wrapping.map_or(String::new(), |folder| format!("{folder}/"));
    let files = files
        .into_iter()
        .filter_map(|(index, path)| Some((index, format!("/{}", path.strip_prefix(&*prefix)?))))
        .filter(|(_, path)| admit(path) != Admission::Ignored)
        .collect();
    Chosen { files, findings }
}

/// The one folder that everything is in, if the home page is directly in it.
fn wrapping_folder<'a>(files: &[(usize, &'a str)]) -> Option<&'a str> {
    let counted = |path: &str| admit(&format!("/{path}")) != Admission::Ignored;
    let mut paths = files
        .iter()
        .map(|(_, path)| *path)
        .filter(|path| counted(path));
    let (folder, _) = paths.next()?.split_once('/')?;
    let is_below = |path: &str| path.split_once('/').is_some_and(|(top, _)| top == folder);
    let home = format!("{folder}/index.html");
    let has_home = files.iter().any(|(_, path)| *path == home);
    (has_home && paths.all(is_below)).then_some(folder)
}

/// Hands over the bytes of a file, piece by piece, and checks them at their end.
pub(super) fn each_piece(
    archive: &mut Archive<File>,
    index: usize,
    wanted: &StillWanted,
    take: &mut dyn FnMut(&[u8]) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    let opened = archive.contents(index);
    let opened =
        opened.ok_or_else(|| ApiError::new(ErrorCode::Internal, "The archive has lost a file"))?;
    let mut contents: Contents<'_, File> = opened.map_err(|error| refused(&error))?;
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        wanted.check()?;
        let count = contents
            .read(&mut buffer)
            .map_err(|error| refused(&error))?;
        if count == 0 {
            return Ok(());
        }
        take(buffer.get(..count).unwrap_or_default())?;
    }
}

fn invalid(detail: String) -> ApiError {
    ApiError::new(ErrorCode::DeploymentArchive, detail)
}

/// What the caller is told about an archive that is not taken.
fn refused(error: &ArchiveError) -> ApiError {
    let (entry, refusal) = match error {
        ArchiveError::Refused { entry, refusal } => (entry, *refusal),
        ArchiveError::Io(_) => {
            let doing = "The archive could not be read";
            return ApiError::from_cause(ErrorCode::StorageUnavailable, doing, error);
        }
    };
    let (code, setting) = match refusal {
        Refusal::Entries { .. } => (
            ErrorCode::DeploymentArchiveTooLarge,
            "control.archive_entries_max",
        ),
        Refusal::Directory { .. } => (
            ErrorCode::DeploymentArchiveTooLarge,
            "control.archive_directory_bytes_max",
        ),
        Refusal::TotalBytes { .. } => (
            ErrorCode::DeploymentArchiveTooLarge,
            "control.archive_unpacked_bytes_max",
        ),
        Refusal::Ratio { .. } => (
            ErrorCode::DeploymentArchiveTooLarge,
            "control.archive_ratio_max",
        ),
        Refusal::FileBytes { .. } => (ErrorCode::DeploymentFileTooLarge, "control.file_bytes_max"),
        _ => (ErrorCode::DeploymentArchive, ""),
    };
    let mut told = ApiError::new(code, sentence(&error.to_string()));
    if let Some(entry) = entry {
        told = told.with_fields(vec![ProblemField {
            pointer: format!("entry:{entry}"),
            detail: refusal.to_string(),
        }]);
    }
    match refusal.reached() {
        Some((limit, observed)) => told.with_limit(limit, observed, setting),
        None => told,
    }
}

/// With a capital letter.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}
