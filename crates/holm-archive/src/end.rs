//! The end of an archive: where its central directory is, and how many entries it lists.

use std::io::{Read, Seek, SeekFrom};

use crate::error::{ArchiveError, Refusal};
use crate::field::{Fields, IN_ZIP64};
use crate::rules::ArchiveRules;

const END_SIGNATURE: &[u8; 4] = b"PK\x05\x06";
const END_BYTES: usize = 22;
const COMMENT_BYTES_MAX: usize = 0xFFFF;
const LOCATOR_SIGNATURE: u32 = 0x0706_4b50;
const LOCATOR_BYTES: usize = 20;
const END64_SIGNATURE: u32 = 0x0606_4b50;
const END64_BYTES: usize = 56;

/// Where the central directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Directory {
    pub(crate) entry_count: u64,
    pub(crate) offset: u64,
    pub(crate) size_bytes: u64,
}

/// Finds the one end record, and its wide form if there is one. Checks what it says against the rules
/// before a byte of the directory is read.
pub(crate) fn find<R: Read + Seek>(
    reader: &mut R,
    rules: &ArchiveRules,
) -> Result<Directory, ArchiveError> {
    let length = reader.seek(SeekFrom::End(0))?;
    let tail = read_tail(reader, length)?;
    let at = the_only_end(&tail)?;
    let tail_start = length - tail.len() as u64;
    let narrow = tail.get(at..).and_then(Narrow::read);
    let narrow = narrow.ok_or_else(|| Refusal::NotZip.whole())?;
    let end = tail_start + at as u64;
    let (directory, end) = match locator(&tail, at) {
        Some(place) => wide(reader, &narrow, place, end - LOCATOR_BYTES as u64)?,
        None => (narrow.directory()?, end),
    };
    if directory.offset.checked_add(directory.size_bytes) != Some(end) {
        return Err(
            Refusal::Damaged("the central directory is not where it is said to be").whole(),
        );
    }
    check(directory, rules)
}

fn check(directory: Directory, rules: &ArchiveRules) -> Result<Directory, ArchiveError> {
    let Directory {
        entry_count: observed,
        size_bytes,
        ..
    } = directory;
    if observed > rules.entries_max {
        let limit = rules.entries_max;
        return Err(Refusal::Entries { limit, observed }.whole());
    }
    if size_bytes > rules.directory_bytes_max {
        return Err(Refusal::Directory {
            limit: rules.directory_bytes_max,
            observed: size_bytes,
        }
        .whole());
    }
    Ok(directory)
}

fn read_tail<R: Read + Seek>(reader: &mut R, length: u64) -> Result<Vec<u8>, ArchiveError> {
    let wanted = (LOCATOR_BYTES + END_BYTES + COMMENT_BYTES_MAX) as u64;
    let mut tail = Vec::new();
    reader.seek(SeekFrom::Start(length.saturating_sub(wanted)))?;
    reader.by_ref().take(wanted).read_to_end(&mut tail)?;
    Ok(tail)
}

/// The place of the end record whose comment reaches exactly to the end of the file. With two such
/// places, one within the comment of the other, programs differ in which they take.
fn the_only_end(tail: &[u8]) -> Result<usize, ArchiveError> {
    let mut found = tail
        .windows(END_BYTES)
        .enumerate()
        .filter(|(at, window)| {
            let comment = window.get(20..).and_then(|rest| Fields::new(rest).u16());
            window.starts_with(END_SIGNATURE)
                && comment.is_some_and(|bytes| at + END_BYTES + usize::from(bytes) == tail.len())
        })
        .map(|(at, _)| at);
    let first = found.next().ok_or_else(|| Refusal::NotZip.whole())?;
    if found.next().is_some() {
        return Err(Refusal::Damaged("it has two ends").whole());
    }
    Ok(first)
}

/// The end record of APPNOTE 4.3.16.
struct Narrow {
    disk: u16,
    directory_disk: u16,
    count_here: u16,
    count: u16,
    size_bytes: u32,
    offset: u32,
}

impl Narrow {
    fn read(record: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(record);
        fields.u32()?;
        Some(Self {
            disk: fields.u16()?,
            directory_disk: fields.u16()?,
            count_here: fields.u16()?,
            count: fields.u16()?,
            size_bytes: fields.u32()?,
            offset: fields.u32()?,
        })
    }

    fn directory(&self) -> Result<Directory, ArchiveError> {
        if self.disk != 0 || self.directory_disk != 0 || self.count_here != self.count {
            return Err(Refusal::Split.whole());
        }
        if self.size_bytes == IN_ZIP64 || self.offset == IN_ZIP64 {
            return Err(Refusal::Damaged("its ZIP64 end record is missing").whole());
        }
        Ok(Directory {
            entry_count: u64::from(self.count),
            offset: u64::from(self.offset),
            size_bytes: u64::from(self.size_bytes),
        })
    }

    /// Whether this record says the same as the wide one, or refers to it.
    fn agrees(&self, wide: &Directory) -> bool {
        let count = self.count == u16::MAX || u64::from(self.count) == wide.entry_count;
        let size = self.size_bytes == IN_ZIP64 || u64::from(self.size_bytes) == wide.size_bytes;
        let offset = self.offset == IN_ZIP64 || u64::from(self.offset) == wide.offset;
        count && size && offset
    }
}

/// Where the ZIP64 end record is said to be. `None` when no locator stands before the end record.
fn locator(tail: &[u8], end: usize) -> Option<u64> {
    let mut fields = Fields::new(tail.get(end.checked_sub(LOCATOR_BYTES)?..end)?);
    (fields.u32()? == LOCATOR_SIGNATURE).then_some(())?;
    fields.u32()?;
    fields.u64()
}

/// The ZIP64 end record of APPNOTE 4.3.14 and its own place; it must end where its locator begins.
fn wide<R: Read + Seek>(
    reader: &mut R,
    narrow: &Narrow,
    place: u64,
    locator: u64,
) -> Result<(Directory, u64), ArchiveError> {
    let damaged = || Refusal::Damaged("its ZIP64 end record cannot be read").whole();
    if place.checked_add(END64_BYTES as u64) != Some(locator) {
        return Err(damaged());
    }
    let mut record = [0; END64_BYTES];
    reader.seek(SeekFrom::Start(place))?;
    reader.read_exact(&mut record)?;
    let (directory, is_split) = read_wide(&record).ok_or_else(damaged)?;
    if is_split {
        return Err(Refusal::Split.whole());
    }
    if !narrow.agrees(&directory) {
        return Err(Refusal::Damaged("its two end records differ").whole());
    }
    Ok((directory, place))
}

fn read_wide(record: &[u8]) -> Option<(Directory, bool)> {
    let mut fields = Fields::new(record);
    (fields.u32()? == END64_SIGNATURE).then_some(())?;
    (fields.u64()? == (END64_BYTES - 12) as u64).then_some(())?;
    fields.u32()?;
    let (disk, directory_disk) = (fields.u32()?, fields.u32()?);
    let (count_here, entry_count) = (fields.u64()?, fields.u64()?);
    let is_split = disk != 0 || directory_disk != 0 || count_here != entry_count;
    let (size_bytes, offset) = (fields.u64()?, fields.u64()?);
    let directory = Directory {
        entry_count,
        offset,
        size_bytes,
    };
    Some((directory, is_split))
}
