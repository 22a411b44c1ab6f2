//! An archive that has been checked as a whole: its files, ready to be read.

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};

use crate::contents::Contents;
use crate::directory::{self, Packing, Record};
use crate::end;
use crate::error::{ArchiveError, Refusal};
use crate::local;
use crate::name::folded;
use crate::rules::ArchiveRules;

/// One file of an archive.
#[derive(Clone, Debug)]
pub struct Entry {
    path: String,
    size_bytes: u64,
    pub(crate) packed_bytes: u64,
    pub(crate) data_offset: u64,
    pub(crate) crc: u32,
    pub(crate) packing: Packing,
}

impl Entry {
    /// Its path: relative, `/` between segments, without `.` and `..`, without control characters.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// How many bytes come out, or reading it fails.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }
}

/// An archive whose directory and headers have been checked. What is still unknown is whether the bytes
/// of each file are what they are said to be; [`Contents`] says so at each file's end.
#[derive(Debug)]
pub struct Archive<R> {
    reader: R,
    entries: Vec<Entry>,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the directory and every header, and checks them against the rules and against one another.
    /// Takes memory for the directory, at most [`ArchiveRules::directory_bytes_max`] and what its
    /// entries need; inflates nothing.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Refused`] for an archive that must be made anew, with the entry's name.
    pub fn open(mut reader: R, rules: &ArchiveRules) -> Result<Self, ArchiveError> {
        let place = end::find(&mut reader, rules)?;
        let mut directory = Vec::new();
        reader.seek(SeekFrom::Start(place.offset))?;
        reader
            .by_ref()
            .take(place.size_bytes)
            .read_to_end(&mut directory)?;
        let mut records = directory::read(&directory, place.entry_count, rules)?;
        drop(directory);
        check_names(&records)?;
        check_growth(&records, rules)?;
        records.sort_by_key(|record| record.sizes.offset);
        let entries = read_headers(&mut reader, &records, place.offset)?;
        Ok(Self { reader, entries })
    }

    /// The files, in the order of their bytes. Folders are not listed.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The bytes of a file. `None` when there is no file with this number.
    ///
    /// # Errors
    ///
    /// Only those of what the archive is read from.
    pub fn contents(&mut self, index: usize) -> Option<Result<Contents<'_, R>, ArchiveError>> {
        let entry = self.entries.get(index)?;
        Some(Contents::open(&mut self.reader, entry))
    }
}

/// What a name stands for, and whose it is.
struct Known<'a> {
    path: &'a str,
    is_folder: bool,
}

/// Every name once, whatever the case of its letters; and no file where others see a folder.
fn check_names(records: &[Record]) -> Result<(), ArchiveError> {
    let mut known: HashMap<String, Known<'_>> = HashMap::with_capacity(records.len());
    for record in records {
        let (path, is_folder) = (record.name.path.as_str(), record.name.is_folder);
        let before = known.insert(folded(path), Known { path, is_folder });
        let Some(before) = before else { continue };
        let refusal = if before.is_folder != is_folder {
            Refusal::FileAndFolder
        } else if before.path == path {
            Refusal::Duplicate
        } else {
            Refusal::DuplicateFolded
        };
        return Err(refusal.of(&record.raw_name));
    }
    for record in records {
        let mut path = record.name.path.as_str();
        while let Some((folder, _)) = path.rsplit_once('/') {
            path = folder;
            if known
                .get(&folded(folder))
                .is_some_and(|found| !found.is_folder)
            {
                return Err(Refusal::FileAndFolder.of(folder.as_bytes()));
            }
        }
    }
    Ok(())
}

/// What the archive grows to, as it says itself. What it really grows to can only be less: reading stops
/// at the size that was announced.
fn check_growth(records: &[Record], rules: &ArchiveRules) -> Result<(), ArchiveError> {
    let sum = |bytes: fn(&Record) -> u64| {
        let all = records.iter().map(bytes);
        all.fold(0_u64, u64::saturating_add)
    };
    let inflated = sum(|record| record.sizes.inflated);
    if inflated > rules.total_bytes_max {
        return Err(Refusal::TotalBytes {
            limit: rules.total_bytes_max,
            observed: inflated,
        }
        .whole());
    }
    if let Some(record) = records
        .iter()
        .find(|record| record.sizes.inflated > rules.file_bytes_max)
    {
        let (limit, observed) = (rules.file_bytes_max, record.sizes.inflated);
        return Err(Refusal::FileBytes { limit, observed }.of(&record.raw_name));
    }
    let packed = sum(|record| record.sizes.packed).max(1);
    let is_bomb = inflated > packed.saturating_mul(rules.ratio_max);
    if inflated > rules.ratio_free_bytes && is_bomb {
        let worst = records
            .iter()
            .max_by_key(|record| record.sizes.inflated / record.sizes.packed.max(1));
        let refusal = Refusal::Ratio {
            limit: rules.ratio_max,
            observed: inflated / packed,
        };
        return Err(match worst {
            Some(record) => refusal.of(&record.raw_name),
            None => refusal.whole(),
        });
    }
    Ok(())
}

/// Checks the headers of all entries, sorted by place, against the directory at `directory`.
fn read_headers<R: Read + Seek>(
    reader: &mut R,
    records: &[Record],
    directory: u64,
) -> Result<Vec<Entry>, ArchiveError> {
    let first = records
        .first()
        .map_or(directory, |record| record.sizes.offset);
    if first != 0 {
        return Err(Refusal::Damaged("bytes of no entry come first").whole());
    }
    let mut entries = Vec::with_capacity(records.len());
    for (index, record) in records.iter().enumerate() {
        let next = records.get(index + 1);
        let end = next.map_or(directory, |next| next.sizes.offset);
        let data_offset = local::check(reader, record, end)?;
        if record.name.is_folder {
            continue;
        }
        entries.push(Entry {
            path: record.name.path.clone(),
            size_bytes: record.sizes.inflated,
            packed_bytes: record.sizes.packed,
            data_offset,
            crc: record.crc,
            packing: record.packing,
        });
    }
    Ok(entries)
}
