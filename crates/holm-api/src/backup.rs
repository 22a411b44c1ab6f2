//! The bytes of a back-up: one file with everything, written from front to back without knowing its end,
//! read the same way, every byte checked.
//!
//! ```text
//! "HOLMBKUP" | version u32 | 0 u32
//! entries:  kind u8 | length of the name u16 | size u64 | name | bytes | BLAKE3 of all of the entry
//! last:     kind 0  | 0 u16                  | entries u64 | BLAKE3 of everything before
//! ```
//!
//! Numbers are little-endian. A file without its last entry is torn; one with another version is refused.

use bytes::{Buf, Bytes, BytesMut};
use holm_types::{BlobDigest, BlobHasher};

/// The media type of a back-up.
pub const BACKUP_MEDIA_TYPE: &str = "application/vnd.holm.backup";

const MAGIC: [u8; 8] = *b"HOLMBKUP";
const VERSION: u32 = 1;
const FILE_HEADER_LEN: usize = 16;
const ENTRY_HEADER_LEN: usize = 11;
const DIGEST_LEN: usize = 32;
/// A name of an entry is short; what says otherwise is damaged.
const NAME_BYTES_MAX: usize = 256;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupKind {
    /// A file of the data folder, by its name in the back-up, such as `control.db`.
    File,
    /// A blob. Its name is its digest in hexadecimal.
    Blob,
    /// A blob that something names and that could not be read. It has no bytes.
    Lost,
}

impl BackupKind {
    const fn code(self) -> u8 {
        match self {
            Self::File => 1,
            Self::Blob => 2,
            Self::Lost => 3,
        }
    }

    const fn of(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::File),
            2 => Some(Self::Blob),
            3 => Some(Self::Lost),
            _ => None,
        }
    }
}

/// Makes the bytes of a back-up, piece by piece.
#[derive(Debug, Default)]
pub struct BackupEncoder {
    whole: BlobHasher,
    entry: BlobHasher,
    entry_count: u64,
}

impl BackupEncoder {
    /// An encoder before its first byte.
    pub fn new() -> Self {
        Self::default()
    }

    /// The beginning of the file.
    pub fn header(&mut self) -> Bytes {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        self.whole.update(&bytes);
        bytes.into()
    }

    /// The beginning of an entry with exactly this many bytes. Names are at most 256 bytes.
    pub fn begin(&mut self, kind: BackupKind, name: &str, size_bytes: u64) -> Bytes {
        let name_len = u16::try_from(name.len()).unwrap_or(u16::MAX);
        let mut bytes = vec![kind.code()];
        bytes.extend_from_slice(&name_len.to_le_bytes());
        bytes.extend_from_slice(&size_bytes.to_le_bytes());
        bytes.extend_from_slice(name.as_bytes());
        self.entry = BlobHasher::new();
        self.entry_count += 1;
        self.data(&bytes);
        bytes.into()
    }

    /// Takes note of bytes of the entry, which are written as they are.
    pub fn data(&mut self, bytes: &[u8]) {
        self.entry.update(bytes);
        self.whole.update(bytes);
    }

    /// The end of an entry.
    pub fn end(&mut self) -> Bytes {
        let digest = self.entry.finish();
        self.whole.update(digest.as_bytes());
        Bytes::copy_from_slice(digest.as_bytes())
    }

    /// The end of the file.
    pub fn finish(mut self) -> Bytes {
        let mut bytes = vec![0; 3];
        bytes.extend_from_slice(&self.entry_count.to_le_bytes());
        self.whole.update(&bytes);
        bytes.extend_from_slice(self.whole.finish().as_bytes());
        bytes.into()
    }
}

/// One step of reading a back-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupPart {
    /// An entry begins.
    Begin {
        /// What it is.
        kind: BackupKind,
        /// Its name. A blob's is its digest.
        name: String,
        /// How many bytes follow.
        size_bytes: u64,
    },
    /// Some of its bytes, never empty. Not known to be right before `End`.
    Data(Bytes),
    /// It has ended and was what was written.
    End,
    /// The file has ended and is whole.
    Finished {
        /// How many entries there were.
        entry_count: u64,
    },
}

/// Why a file cannot be read as a back-up. Places are bytes from the beginning of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    /// It is another kind of file.
    #[error("this is not a back-up of Holm")]
    Foreign,
    /// A later program made it.
    #[error("the back-up has format {found}, this program reads {VERSION}")]
    Newer {
        /// The format.
        found: u32,
    },
    /// It ends too early.
    #[error("the back-up is torn: it ends at byte {at}, in the middle of {within}")]
    Torn {
        /// Where it ends.
        at: u64,
        /// What was being read, for example ``entry `control.db` ``.
        within: String,
    },
    /// It is not what was written.
    #[error("the back-up is damaged before byte {at}, in {within}")]
    Damaged {
        /// The end of what was found to be wrong.
        at: u64,
        /// What was being read.
        within: String,
    },
}

/// Reads a back-up as it arrives. Holds at most what was pushed last and one header.
#[derive(Debug)]
pub struct BackupDecoder {
    buffer: BytesMut,
    at: u64,
    state: State,
    whole: BlobHasher,
    entry: BlobHasher,
    entry_count: u64,
    name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Header,
    Between,
    /// Bytes of the entry that are still to come.
    Within(u64),
    Finished,
}

impl Default for BackupDecoder {
    fn default() -> Self {
        Self {
            buffer: BytesMut::new(),
            at: 0,
            state: State::Header,
            whole: BlobHasher::new(),
            entry: BlobHasher::new(),
            entry_count: 0,
            name: String::new(),
        }
    }
}

impl BackupDecoder {
    /// A decoder at the start of a file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the file; follow with [`BackupDecoder::next_part`] until it is `None`.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next part. `None` when more bytes are needed, or after the end.
    pub fn next_part(&mut self) -> Result<Option<BackupPart>, BackupError> {
        if self.state == State::Header && !self.read_header()? {
            return Ok(None);
        }
        match self.state {
            State::Header => Ok(None),
            State::Between => self.read_entry_header(),
            State::Within(0) => self.read_entry_end(),
            State::Within(left) => Ok(self.read_data(left)),
            State::Finished if self.buffer.is_empty() => Ok(None),
            State::Finished => Err(self.damaged()),
        }
    }

    /// Says that the file has no more bytes.
    ///
    /// # Errors
    /// [`BackupError::Torn`] when it ended too early.
    pub fn finish(&self) -> Result<(), BackupError> {
        match self.state {
            State::Finished => Ok(()),
            State::Header if self.at == 0 && !MAGIC.starts_with(self.magic_so_far()) => {
                Err(BackupError::Foreign)
            }
            _ => Err(BackupError::Torn {
                at: self.at + self.buffer.len() as u64,
                within: self.within(),
            }),
        }
    }

    fn magic_so_far(&self) -> &[u8] {
        let len = self.buffer.len().min(MAGIC.len());
        self.buffer.get(..len).unwrap_or_default()
    }

    fn within(&self) -> String {
        match self.state {
            State::Header => "the header".to_owned(),
            State::Within(_) => format!("entry `{}`", self.name),
            State::Between if self.name.is_empty() => "the header".to_owned(),
            State::Between | State::Finished => format!("what follows entry `{}`", self.name),
        }
    }

    fn damaged(&self) -> BackupError {
        BackupError::Damaged {
            at: self.at + self.buffer.len().min(1) as u64,
            within: self.within(),
        }
    }

    /// Takes bytes that are there.
    fn take(&mut self, len: usize) -> Bytes {
        self.at += len as u64;
        self.buffer.split_to(len).freeze()
    }

    fn read_header(&mut self) -> Result<bool, BackupError> {
        if !MAGIC.starts_with(self.magic_so_far()) {
            return Err(BackupError::Foreign);
        }
        if self.buffer.len() < FILE_HEADER_LEN {
            return Ok(false);
        }
        let header = self.take(FILE_HEADER_LEN);
        self.whole.update(&header);
        let mut version = header.slice(MAGIC.len()..);
        let found = version.get_u32_le();
        if found != VERSION {
            return Err(BackupError::Newer { found });
        }
        self.state = State::Between;
        Ok(true)
    }

    fn read_entry_header(&mut self) -> Result<Option<BackupPart>, BackupError> {
        let Some(mut header) = self.buffer.get(..ENTRY_HEADER_LEN) else {
            return Ok(None);
        };
        let (code, name_len, size_bytes) = (
            header.get_u8(),
            usize::from(header.get_u16_le()),
            header.get_u64_le(),
        );
        if code == 0 {
            return self.read_end(name_len, size_bytes);
        }
        let kind = BackupKind::of(code).filter(|_| name_len <= NAME_BYTES_MAX);
        let kind = kind.ok_or_else(|| self.damaged())?;
        if self.buffer.len() < ENTRY_HEADER_LEN + name_len {
            return Ok(None);
        }
        let header = self.take(ENTRY_HEADER_LEN + name_len);
        self.whole.update(&header);
        self.entry = BlobHasher::new();
        self.entry.update(&header);
        let name = String::from_utf8(header.slice(ENTRY_HEADER_LEN..).to_vec());
        self.name = name.map_err(|_| self.damaged())?;
        self.entry_count += 1;
        self.state = State::Within(size_bytes);
        Ok(Some(BackupPart::Begin {
            kind,
            name: self.name.clone(),
            size_bytes,
        }))
    }

    fn read_data(&mut self, left: u64) -> Option<BackupPart> {
        let len = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(self.buffer.len());
        if len == 0 {
            return None;
        }
        let bytes = self.take(len);
        self.entry.update(&bytes);
        self.whole.update(&bytes);
        self.state = State::Within(left - len as u64);
        Some(BackupPart::Data(bytes))
    }

    fn read_entry_end(&mut self) -> Result<Option<BackupPart>, BackupError> {
        if self.buffer.len() < DIGEST_LEN {
            return Ok(None);
        }
        let digest = self.take(DIGEST_LEN);
        self.whole.update(&digest);
        if !is_digest(&self.entry.finish(), &digest) {
            return Err(self.damaged());
        }
        self.state = State::Between;
        Ok(Some(BackupPart::End))
    }

    fn read_end(
        &mut self,
        name_len: usize,
        entry_count: u64,
    ) -> Result<Option<BackupPart>, BackupError> {
        if self.buffer.len() < ENTRY_HEADER_LEN + DIGEST_LEN {
            return Ok(None);
        }
        let header = self.take(ENTRY_HEADER_LEN);
        self.whole.update(&header);
        let digest = self.take(DIGEST_LEN);
        let is_right = is_digest(&self.whole.finish(), &digest);
        if !is_right || name_len != 0 || entry_count != self.entry_count {
            return Err(self.damaged());
        }
        self.state = State::Finished;
        Ok(Some(BackupPart::Finished { entry_count }))
    }
}

fn is_digest(digest: &BlobDigest, bytes: &[u8]) -> bool {
    digest.as_bytes().as_slice() == bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backup() -> Vec<u8> {
        let mut encoder = BackupEncoder::new();
        let mut bytes = encoder.header().to_vec();
        for (kind, name, content) in [
            (BackupKind::File, "control.db", &b"rows"[..]),
            (BackupKind::Blob, "abcd", b""),
            (BackupKind::Blob, "ef", b"some bytes"),
            (BackupKind::Lost, "01", b""),
        ] {
            bytes.extend(encoder.begin(kind, name, content.len() as u64));
            encoder.data(content);
            bytes.extend(content);
            bytes.extend(encoder.end());
        }
        bytes.extend(encoder.finish());
        bytes
    }

    /// Names and contents, or why not.
    fn read(bytes: &[u8], piece: usize) -> Result<Vec<(String, Vec<u8>)>, BackupError> {
        let mut decoder = BackupDecoder::new();
        let mut entries = Vec::new();
        for piece in bytes.chunks(piece) {
            decoder.push(piece);
            while let Some(part) = decoder.next_part()? {
                match part {
                    BackupPart::Begin { name, .. } => entries.push((name, Vec::new())),
                    BackupPart::Data(bytes) => entries.last_mut().unwrap().1.extend(bytes),
                    BackupPart::End => {}
                    BackupPart::Finished { entry_count } => {
                        assert_eq!(entry_count, entries.len() as u64);
                    }
                }
            }
        }
        decoder.finish()?;
        Ok(entries)
    }

    #[test]
    fn what_is_written_is_read_in_pieces_of_any_size() {
        let bytes = backup();
        let want = [
            ("control.db", "rows"),
            ("abcd", ""),
            ("ef", "some bytes"),
            ("01", ""),
        ];
        let want = want.map(|(name, content)| (name.to_owned(), content.as_bytes().to_vec()));
        for piece in 1..=bytes.len() {
            assert_eq!(read(&bytes, piece).unwrap(), want);
        }
    }

    #[test]
    fn every_cut_is_torn_and_says_where() {
        let bytes = backup();
        for cut in 0..bytes.len() {
            match read(&bytes[..cut], 7) {
                Err(BackupError::Torn { at, .. }) => assert_eq!(at, cut as u64),
                other => panic!("cut to {cut}: {other:?}"),
            }
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = backup();
        for at in 0..bytes.len() {
            for bit in [1, 0x80] {
                let mut flipped = bytes.clone();
                flipped[at] ^= bit;
                // The reserved bytes of the header are under the last digest only.
                assert!(read(&flipped, 64).is_err(), "bit {bit} of byte {at}");
            }
        }
        let mut longer = bytes;
        longer.push(0);
        assert!(matches!(read(&longer, 9), Err(BackupError::Damaged { .. })));
    }

    #[test]
    fn other_files_and_other_versions_are_refused() {
        assert_eq!(read(b"PK\x03\x04 a zip file", 5), Err(BackupError::Foreign));
        assert_eq!(read(b"x", 5), Err(BackupError::Foreign));
        let mut newer = backup();
        newer[8] = 9;
        assert_eq!(read(&newer, 5), Err(BackupError::Newer { found: 9 }));
    }
}
