//! The bytes of one file, inflated as they are read and checked at their end.

use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

use crate::archive::Entry;
use crate::directory::Packing;
use crate::error::{ArchiveError, Refusal};

/// Packed bytes that are held.
const BUFFER_BYTES: usize = 32 * 1024;

/// The bytes of one file. Holds a window of the packed bytes and the inflater's 32 KiB; no more than the
/// announced size comes out.
pub struct Contents<'r, R: Read> {
    source: Source<'r, R>,
    entry: Entry,
    crc: Crc,
    seen_bytes: u64,
    has_ended: bool,
}

enum Source<'r, R: Read> {
    Stored(Take<&'r mut R>),
    Deflated(Box<DeflateDecoder<BufReader<Take<&'r mut R>>>>),
}

impl<'r, R: Read + Seek> Contents<'r, R> {
    pub(crate) fn open(reader: &'r mut R, entry: &Entry) -> Result<Self, ArchiveError> {
        reader.seek(SeekFrom::Start(entry.data_offset))?;
        let packed = reader.take(entry.packed_bytes);
        let source = match entry.packing {
            Packing::Stored => Source::Stored(packed),
            Packing::Deflated => {
                let buffered = BufReader::with_capacity(BUFFER_BYTES, packed);
                Source::Deflated(Box::new(DeflateDecoder::new(buffered)))
            }
        };
        Ok(Self {
            source,
            entry: entry.clone(),
            crc: Crc::new(),
            seen_bytes: 0,
            has_ended: false,
        })
    }
}

impl<R: Read> Contents<'_, R> {
    /// The next bytes, as many as there are and fit; 0 at the end, once size and checksum were found to
    /// be what they were said to be. `buffer` is not empty.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Refused`] when the bytes are not what was said; nothing that was read before may
    /// be used then.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        if self.has_ended {
            return Ok(0);
        }
        let count = match &mut self.source {
            Source::Stored(packed) => packed.read(buffer)?,
            Source::Deflated(inflater) => inflater
                .read(buffer)
                .map_err(|error| self.unpacked(error))?,
        };
        self.seen_bytes += count as u64;
        self.crc.update(buffer.get(..count).unwrap_or_default());
        if self.seen_bytes > self.entry.size_bytes() {
            return Err(self.refuse("more comes out of it than it says"));
        }
        if count == 0 {
            self.check_end()?;
            self.has_ended = true;
        }
        Ok(count)
    }

    fn check_end(&self) -> Result<(), ArchiveError> {
        if self.seen_bytes != self.entry.size_bytes() {
            return Err(self.refuse("less comes out of it than it says"));
        }
        if self.crc.sum() != self.entry.crc {
            return Err(self.refuse("its checksum is that of other bytes"));
        }
        let used = match &self.source {
            Source::Stored(_) => self.seen_bytes,
            Source::Deflated(inflater) => inflater.total_in(),
        };
        if used != self.entry.packed_bytes {
            return Err(self.refuse("bytes are left over in it"));
        }
        Ok(())
    }

    /// What the inflater cannot read is the archive's fault; what cannot be read at all is not.
    fn unpacked(&self, error: io::Error) -> ArchiveError {
        match error.kind() {
            io::ErrorKind::InvalidInput
            | io::ErrorKind::InvalidData
            | io::ErrorKind::UnexpectedEof => self.refuse("it cannot be inflated"),
            _ => ArchiveError::Io(error),
        }
    }

    fn refuse(&self, why: &'static str) -> ArchiveError {
        Refusal::Damaged(why).of(self.entry.path().as_bytes())
    }
}

impl<R: Read> std::fmt::Debug for Contents<'_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contents")
            .field("entry", &self.entry)
            .field("seen_bytes", &self.seen_bytes)
            .finish_non_exhaustive()
    }
}
