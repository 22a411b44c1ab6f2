//! The pack: many small blobs in one file, so that one sync makes all of them durable.
//!
//! `magic, version | bytes of the blobs, back to back | index | footer`. The index has 40 bytes per blob
//! (digest, offset, size, little-endian); the footer has the index's place, the blob count, the format's
//! version and a BLAKE3 checksum over index and footer. A file that was not written to its end has no
//! valid footer, and a pack gets its name only after it was synced, so a torn pack means a damaged disk.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;

use holm_types::{BlobDigest, BlobHasher};

const MAGIC: [u8; 8] = *b"HOLMPACK";
const VERSION: u32 = 1;
const HEADER_LEN: u32 = 16;
const ENTRY_LEN: usize = 40;
const FOOTER_LEN: usize = 64;
/// Footer bytes under the checksum: index offset, blob count, version.
const FOOTER_CHECKED_LEN: usize = 16;
/// Blobs are gathered to writes of this size.
const BUFFER_BYTES: usize = 256 * 1024;

/// One blob in a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PackEntry {
    pub(crate) digest: BlobDigest,
    pub(crate) offset: u32,
    pub(crate) size_bytes: u32,
}

/// Why a pack's index could not be read.
#[derive(Debug)]
pub(crate) enum PackFault {
    /// The file is not a whole pack.
    Torn(&'static str),
    /// A whole pack of a later program.
    Newer(u32),
    /// The disk said no.
    Io(io::Error),
}

impl From<io::Error> for PackFault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Writes a pack from front to back.
#[derive(Debug)]
pub(crate) struct PackWriter<W: Write = File> {
    file: BufWriter<W>,
    end: u32,
    entries: Vec<PackEntry>,
}

impl<W: Write> PackWriter<W> {
    /// Begins a pack in an empty file.
    pub(crate) fn begin(file: W) -> io::Result<Self> {
        let mut file = BufWriter::with_capacity(BUFFER_BYTES, file);
        file.write_all(&MAGIC)?;
        file.write_all(&VERSION.to_le_bytes())?;
        file.write_all(&[0; 4])?;
        Ok(Self {
            file,
            end: HEADER_LEN,
            entries: Vec::new(),
        })
    }

    /// True when a blob of this size may still go into this pack.
    pub(crate) fn has_room(
        &self,
        size_bytes: u64,
        pack_bytes_max: u64,
        entries_max: usize,
    ) -> bool {
        let max = pack_bytes_max.min(u64::from(u32::MAX));
        u64::from(self.end) + size_bytes <= max && self.entries.len() < entries_max
    }

    /// Appends a blob that has room and was checked.
    pub(crate) fn append(&mut self, digest: BlobDigest, bytes: &[u8]) -> io::Result<()> {
        let size = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        let end = self
            .end
            .checked_add(size)
            .ok_or(io::ErrorKind::FileTooLarge)?;
        self.file.write_all(bytes)?;
        self.entries.push(PackEntry {
            digest,
            offset: self.end,
            size_bytes: size,
        });
        self.end = end;
        Ok(())
    }

    /// Writes index and footer. The file has yet to be synced.
    pub(crate) fn end(mut self) -> io::Result<(W, Vec<PackEntry>)> {
        self.file
            .write_all(&encode_index(&self.entries, u64::from(self.end)))?;
        let file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        Ok((file, self.entries))
    }
}

fn encode_index(entries: &[PackEntry], index_offset: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * ENTRY_LEN + FOOTER_LEN);
    for entry in entries {
        bytes.extend_from_slice(entry.digest.as_bytes());
        bytes.extend_from_slice(&entry.offset.to_le_bytes());
        bytes.extend_from_slice(&entry.size_bytes.to_le_bytes());
    }
    let count = u32::try_from(entries.len()).expect("a pack has fewer blobs than bytes of offsets");
    bytes.extend_from_slice(&index_offset.to_le_bytes());
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    let checksum = BlobDigest::of(&bytes);
    bytes.extend_from_slice(checksum.as_bytes());
    bytes.extend_from_slice(&[0; 8]);
    bytes.extend_from_slice(&MAGIC);
    bytes
}

/// The footer as it stands, believed only after the checksum.
struct Footer {
    index_offset: u64,
    entry_count: u32,
    version: u32,
    checksum: [u8; 32],
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut field = [0; N];
    if let Some(found) = bytes.get(at..at + N) {
        field.copy_from_slice(found);
    }
    field
}

/// Reads the index of a pack and checks that it is whole. The blobs themselves are not read.
pub(crate) fn read_index(file: &File) -> Result<Vec<PackEntry>, PackFault> {
    let file_len = file.metadata()?.len();
    let footer_at = file_len.saturating_sub(PACK_FOOTER_LEN);
    let mut footer = vec![0; usize::try_from(file_len - footer_at).map_err(io::Error::other)?];
    file.read_exact_at(&mut footer, footer_at)?;
    let range = index_range(&footer, file_len)?;
    let index_len = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
    let mut index = vec![0; index_len];
    file.read_exact_at(&mut index, range.start)?;
    decode_index(&index, &footer)
}

/// Bytes at the end of a pack that say where its index is.
pub(crate) const PACK_FOOTER_LEN: u64 = FOOTER_LEN as u64;

/// Where the index of a pack is, from its last bytes.
pub(crate) fn index_range(footer: &[u8], file_len: u64) -> Result<Range<u64>, PackFault> {
    let Some(footer_at) = file_len.checked_sub(PACK_FOOTER_LEN) else {
        return Err(PackFault::Torn("it is too short"));
    };
    if field(footer, FOOTER_LEN - MAGIC.len()) != MAGIC {
        return Err(PackFault::Torn("its end is missing"));
    }
    let footer = Footer::read(footer);
    let index_len = u64::from(footer.entry_count) * ENTRY_LEN as u64;
    if footer_at.checked_sub(index_len) != Some(footer.index_offset) {
        return Err(PackFault::Torn("its length does not fit its index"));
    }
    Ok(footer.index_offset..footer_at)
}

/// The blobs of a pack, from its index and its last bytes.
pub(crate) fn decode_index(index: &[u8], footer: &[u8]) -> Result<Vec<PackEntry>, PackFault> {
    let read = Footer::read(footer);
    check(&read, index, footer)?;
    entries(&read, index)
}

impl Footer {
    fn read(bytes: &[u8]) -> Self {
        Self {
            index_offset: u64::from_le_bytes(field(bytes, 0)),
            entry_count: u32::from_le_bytes(field(bytes, 8)),
            version: u32::from_le_bytes(field(bytes, 12)),
            checksum: field(bytes, FOOTER_CHECKED_LEN),
        }
    }
}

fn check(footer: &Footer, index: &[u8], footer_bytes: &[u8]) -> Result<(), PackFault> {
    let mut hasher = BlobHasher::new();
    hasher.update(index);
    hasher.update(footer_bytes.get(..FOOTER_CHECKED_LEN).unwrap_or_default());
    if *hasher.finish().as_bytes() != footer.checksum {
        return Err(PackFault::Torn("the checksum of its index is wrong"));
    }
    match footer.version {
        VERSION => Ok(()),
        version => Err(PackFault::Newer(version)),
    }
}

fn entries(footer: &Footer, index: &[u8]) -> Result<Vec<PackEntry>, PackFault> {
    let entries = index.chunks_exact(ENTRY_LEN).map(|bytes| PackEntry {
        digest: BlobDigest::from_bytes(field(bytes, 0)),
        offset: u32::from_le_bytes(field(bytes, 32)),
        size_bytes: u32::from_le_bytes(field(bytes, 36)),
    });
    let entries: Vec<_> = entries.collect();
    let lies_within = |entry: &PackEntry| {
        entry.offset >= HEADER_LEN
            && u64::from(entry.offset) + u64::from(entry.size_bytes) <= footer.index_offset
    };
    if entries.iter().all(lies_within) {
        Ok(entries)
    } else {
        Err(PackFault::Torn("its index points outside"))
    }
}

#[cfg(test)]
mod tests;
