//! The folder of the snapshot: what it holds, read without changing anything, and what is of no use in it.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::file::{self, Fault, Found};
use super::{PublishedChange, PublishedSnapshot, SnapshotStoreError, failed};

/// Whole versions that stay on disk.
const KEPT_COUNT: usize = 2;

/// What an extension says that was set aside because it was not whole.
pub(super) const SET_ASIDE: &str = "damaged";

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// The newest version that can be read.
    pub(super) newest: Option<PublishedSnapshot>,
    /// Whether a program that knows no changes refuses the whole version at the bottom, instead of taking it for
    /// all there is.
    pub(super) takes_changes: bool,
    /// Files that are not whole, with what is wrong.
    pub(super) torn: Vec<(PathBuf, &'static str)>,
    /// Changes behind one that is torn or lost, oldest first. Nothing may be published before they are gone:
    /// they would come behind it.
    pub(super) cut_off: Vec<PathBuf>,
    /// Files that were set aside before.
    pub(super) set_aside: Vec<PathBuf>,
    /// Whether a file went away while it was looked for, as it does beside a running server.
    pub(super) is_moving: bool,
}

/// Files by version, oldest first.
#[derive(Debug, Default)]
struct Listing {
    wholes: Vec<(u64, PathBuf)>,
    changes: Vec<(u64, PathBuf)>,
    set_aside: Vec<PathBuf>,
}

fn list(folder: &Path) -> io::Result<Listing> {
    let mut listing = Listing::default();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if let Some(version) = file::version_of(&path) {
            listing.wholes.push((version, path));
        } else if let Some(version) = file::changed_version_of(&path) {
            listing.changes.push((version, path));
        } else if path.extension() == Some(OsStr::new(SET_ASIDE)) {
            listing.set_aside.push(path);
        }
    }
    listing.wholes.sort_unstable();
    listing.changes.sort_unstable();
    listing.set_aside.sort_unstable();
    Ok(listing)
}

/// Reads the newest whole version that is not torn, and what lies behind it.
pub(super) fn read(folder: &Path) -> Result<Contents, SnapshotStoreError> {
    let listing = list(folder).map_err(failed("list", folder))?;
    let mut contents = Contents {
        set_aside: listing.set_aside,
        ..Contents::default()
    };
    for (version, path) in listing.wholes.into_iter().rev() {
        let Some(found) = contents.read(version, path)? else {
            continue;
        };
        contents.takes_changes = found.tells_of_changes;
        contents.newest = Some(PublishedSnapshot::whole(version, found.bytes));
        contents.read_changes(version, listing.changes)?;
        break;
    }
    Ok(contents)
}

impl Contents {
    /// What a file holds. `None` when it is torn or gone.
    fn read(&mut self, version: u64, path: PathBuf) -> Result<Option<Found>, SnapshotStoreError> {
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.is_moving = true;
                return Ok(None);
            }
            Err(error) => return Err(failed("read snapshot", &path)(error)),
        };
        match file::decode(version, bytes.into()) {
            Ok(found) => Ok(Some(found)),
            Err(Fault::Torn(reason)) => {
                self.torn.push((path, reason));
                Ok(None)
            }
            Err(Fault::Newer) => {
                let reason = "written by a later version of this program";
                let error = io::Error::new(io::ErrorKind::Unsupported, reason);
                Err(failed("read snapshot", &path)(error))
            }
        }
    }

    /// The changes behind a whole version, as far as they hang together.
    fn read_changes(
        &mut self,
        whole: u64,
        files: Vec<(u64, PathBuf)>,
    ) -> Result<(), SnapshotStoreError> {
        let mut behind = files.into_iter().skip_while(|(other, _)| *other <= whole);
        for (version, path) in behind.by_ref() {
            let reached = self.newest.as_ref().map_or(whole, |newest| newest.version);
            let found = self.read(version, path.clone())?;
            let Some(found) = found.filter(|found| found.since <= reached) else {
                let is_torn = self.torn.last().is_some_and(|(torn, _)| *torn == path);
                self.cut_off.extend((!is_torn).then_some(path));
                break;
            };
            let change = PublishedChange {
                since: found.since,
                version,
                bytes: found.bytes,
            };
            self.newest = self.newest.take().map(|newest| newest.with(change));
        }
        self.cut_off.extend(behind.map(|(_, path)| path));
        Ok(())
    }
}

/// Removes a file that may be gone.
pub(super) fn remove(path: &Path) -> Result<(), SnapshotStoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Removes older versions than are kept. Left-over files do no harm: the next publishing tries again.
pub(super) fn remove_old(folder: &Path) {
    let Ok(Listing {
        mut wholes,
        changes,
        ..
    }) = list(folder)
    else {
        return;
    };
    let kept = wholes.split_off(wholes.len().saturating_sub(KEPT_COUNT));
    // A change is of use only behind a whole version that is kept.
    let oldest_kept = kept.first().map_or(0, |(version, _)| *version);
    let idle = changes
        .into_iter()
        .filter(|(version, _)| *version <= oldest_kept);
    wholes
        .into_iter()
        .chain(idle)
        .for_each(|(_, path)| drop(fs::remove_file(path)));
}
