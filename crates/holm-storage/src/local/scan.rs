//! Taking stock when a store is opened: pack indexes and file names into the table in memory.
//!
//! What is not whole is set aside with an event and is simply not there any more, so that the next
//! upload that needs it brings it again.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use holm_telemetry::event::StorageDamaged;

use crate::blob::BlobError;
use crate::index::{BlobIndex, Place};
use crate::sums::trailer_len;

use super::layout::{Layout, large_blob_name, pack_number};
use super::{Access, io_error};
use crate::pack::{PackFault, read_index};

/// What is on disk.
#[derive(Debug, Default)]
pub(super) struct Stock {
    pub(super) index: BlobIndex,
    /// The number that no pack has had yet.
    pub(super) next_pack: u32,
}

/// Reads the folder; with write access what is damaged is moved aside.
pub(super) fn take_stock(layout: &Layout, access: Access) -> Result<Stock, BlobError> {
    let mut stock = Stock::default();
    let mut packs: Vec<_> = files_of(&layout.packs())?
        .into_iter()
        .filter_map(|path| Some((pack_number(&path)?, path)))
        .collect();
    // In the order of their numbers: a blob that was stored again, because its bytes had been found
    // damaged, is read from the later pack.
    packs.sort_unstable();
    for (number, path) in packs {
        stock.next_pack = number.saturating_add(1);
        read_pack(&stock.index, number, &path, layout, access)?;
    }
    for folder in files_of(&layout.large())? {
        if folder.is_dir() {
            for path in files_of(&folder)? {
                read_large(&stock.index, &path, layout, access)?;
            }
        }
    }
    Ok(stock)
}

/// The paths in a folder; none when there is no such folder.
pub(super) fn files_of(folder: &Path) -> Result<Vec<PathBuf>, BlobError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(io_error("list", folder))?,
    };
    entries
        .map(|entry| Ok(entry.map_err(io_error("list", folder))?.path()))
        .collect()
}

fn read_pack(
    index: &BlobIndex,
    number: u32,
    path: &Path,
    layout: &Layout,
    access: Access,
) -> Result<(), BlobError> {
    let read = File::open(path)
        .map_err(PackFault::Io)
        .and_then(|file| read_index(&file));
    match read {
        Ok(entries) => {
            for entry in entries {
                let (offset, size_bytes) = (entry.offset, entry.size_bytes);
                index.set(
                    entry.digest,
                    Place::Packed {
                        pack: number,
                        offset,
                        size_bytes,
                    },
                );
            }
            Ok(())
        }
        Err(PackFault::Torn(reason)) => set_aside(path, reason, layout, access),
        Err(PackFault::Newer(version)) => {
            let reason =
                format!("it has format {version}, written by a later version of this program");
            Err(io_error("read pack", path)(io::Error::new(
                io::ErrorKind::Unsupported,
                reason,
            )))
        }
        Err(PackFault::Io(error)) => Err(io_error("read pack", path)(error)),
    }
}

fn read_large(
    index: &BlobIndex,
    path: &Path,
    layout: &Layout,
    access: Access,
) -> Result<(), BlobError> {
    let Some((digest, size_bytes)) = large_blob_name(path) else {
        return Ok(());
    };
    let found = fs::metadata(path)
        .map_err(io_error("read the size of", path))?
        .len();
    if found == size_bytes.saturating_add(trailer_len(size_bytes)) {
        index.set(
            digest,
            Place::Large {
                number: 0,
                size_bytes,
            },
        );
        return Ok(());
    }
    set_aside(path, "its size is not the one in its name", layout, access)
}

fn set_aside(path: &Path, reason: &str, layout: &Layout, access: Access) -> Result<(), BlobError> {
    let done = match access {
        Access::ReadOnly => "it is ignored",
        Access::Write => {
            let folder = layout.damaged();
            let name = path.file_name().unwrap_or_default();
            fs::create_dir_all(&folder).map_err(io_error("create", &folder))?;
            fs::rename(path, folder.join(name)).map_err(io_error("set aside", path))?;
            "it was moved to `damaged`"
        }
    };
    StorageDamaged {
        path: path.display().to_string(),
        reason: format!("{reason}; {done}"),
    }
    .emit();
    Ok(())
}
