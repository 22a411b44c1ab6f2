//! The headers before the entries' bytes: they must repeat what the central directory says, and with
//! the bytes they must fill the archive up to the directory without gap and without overlap.

use std::io::{Read, Seek, SeekFrom};

use crate::directory::{ENCRYPTED, HAS_DESCRIPTOR, PATCHED, Record, UTF8};
use crate::error::{ArchiveError, Refusal};
use crate::field::{Fields, IN_ZIP64, Sizes};

const SIGNATURE: u32 = 0x0403_4b50;
const HEADER_BYTES: usize = 30;
const DESCRIPTOR_SIGNATURE: u32 = 0x0807_4b50;

/// The longest data descriptor: signature, CRC, two sizes of 8 bytes.
const DESCRIPTOR_BYTES_MAX: usize = 24;

/// Checks the header of one entry and returns where its packed bytes begin. `end` is where the next
/// entry or the directory begins.
pub(crate) fn check<R: Read + Seek>(
    reader: &mut R,
    record: &Record,
    end: u64,
) -> Result<u64, ArchiveError> {
    let refuse = |refusal: Refusal| refusal.of(&record.raw_name);
    let overlap = || refuse(Refusal::Damaged("it overlaps what follows it"));
    let start = record.sizes.offset;
    let room = end.checked_sub(start).ok_or_else(overlap)?;
    if room < HEADER_BYTES as u64 {
        return Err(overlap());
    }
    let mut header = [0; HEADER_BYTES];
    reader.seek(SeekFrom::Start(start))?;
    reader.read_exact(&mut header)?;
    let header = Header::read(&header)
        .ok_or_else(|| refuse(Refusal::Damaged("its header is not where it is said to be")))?;
    let data = start + HEADER_BYTES as u64 + header.variable_bytes();
    let data_end = data.checked_add(record.sizes.packed);
    let gap = data_end.and_then(|data_end| end.checked_sub(data_end));
    let gap = gap.ok_or_else(overlap)?;
    let mut name = vec![0; usize::from(header.name_bytes)];
    let mut extra = vec![0; usize::from(header.extra_bytes)];
    reader.read_exact(&mut name)?;
    reader.read_exact(&mut extra)?;
    header.compare(record, &name, &extra).map_err(refuse)?;
    if record.flags & HAS_DESCRIPTOR == 0 {
        return if gap == 0 {
            Ok(data)
        } else {
            Err(refuse(Refusal::Damaged("bytes of no entry follow it")))
        };
    }
    check_descriptor(reader, record, end - gap, gap)?;
    Ok(data)
}

/// The fixed part of a local header (APPNOTE 4.3.7).
struct Header {
    flags: u16,
    method: u16,
    crc: u32,
    packed: u32,
    inflated: u32,
    name_bytes: u16,
    extra_bytes: u16,
}

impl Header {
    fn read(header: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(header);
        (fields.u32()? == SIGNATURE).then_some(())?;
        fields.u16()?;
        let (flags, method) = (fields.u16()?, fields.u16()?);
        fields.u32()?;
        Some(Self {
            flags,
            method,
            crc: fields.u32()?,
            packed: fields.u32()?,
            inflated: fields.u32()?,
            name_bytes: fields.u16()?,
            extra_bytes: fields.u16()?,
        })
    }

    fn variable_bytes(&self) -> u64 {
        u64::from(self.name_bytes) + u64::from(self.extra_bytes)
    }

    /// Whether this header repeats the directory's record. Where a data descriptor follows, CRC and
    /// sizes may be left to it.
    fn compare(&self, record: &Record, name: &[u8], extra: &[u8]) -> Result<(), Refusal> {
        const COMPARED: u16 = ENCRYPTED | HAS_DESCRIPTOR | PATCHED | UTF8;
        if name != record.raw_name {
            return Err(Refusal::HeadersDiffer("the name"));
        }
        if self.flags & COMPARED != record.flags & COMPARED {
            return Err(Refusal::HeadersDiffer("the flags"));
        }
        if self.method != record.method {
            return Err(Refusal::HeadersDiffer("the method"));
        }
        let is_later = record.flags & HAS_DESCRIPTOR != 0;
        let narrow = [self.crc, self.packed, self.inflated];
        // A descriptor follows: 0, or with ZIP64 "see the block", whose numbers are 0 as well.
        if is_later && narrow.iter().all(|number| matches!(*number, 0 | IN_ZIP64)) {
            return Ok(());
        }
        let sizes = Sizes::read(self.inflated, self.packed, 0, extra)
            .ok_or(Refusal::Damaged("its extra field cannot be read"))?;
        if self.crc != record.crc {
            return Err(Refusal::HeadersDiffer("the checksum"));
        }
        if (sizes.inflated, sizes.packed) != (record.sizes.inflated, record.sizes.packed) {
            return Err(Refusal::HeadersDiffer("the size"));
        }
        Ok(())
    }
}

/// The data descriptor (APPNOTE 4.3.9): with or without a signature, with sizes of 4 or of 8 bytes.
fn check_descriptor<R: Read + Seek>(
    reader: &mut R,
    record: &Record,
    at: u64,
    length: u64,
) -> Result<(), ArchiveError> {
    let refuse = |refusal: Refusal| refusal.of(&record.raw_name);
    let mut bytes = [0; DESCRIPTOR_BYTES_MAX];
    let bytes = usize::try_from(length)
        .ok()
        .filter(|length| matches!(length, 12 | 16 | 20 | 24))
        .and_then(|length| bytes.get_mut(..length))
        .ok_or_else(|| refuse(Refusal::Damaged("bytes of no entry follow it")))?;
    reader.seek(SeekFrom::Start(at))?;
    reader.read_exact(bytes)?;
    let found = read_descriptor(bytes);
    let wanted = (record.crc, record.sizes.packed, record.sizes.inflated);
    if found == Some(wanted) {
        Ok(())
    } else {
        Err(refuse(Refusal::HeadersDiffer("the size or the checksum")))
    }
}

fn read_descriptor(bytes: &[u8]) -> Option<(u32, u64, u64)> {
    let mut fields = Fields::new(bytes);
    if matches!(bytes.len(), 16 | 24) {
        (fields.u32()? == DESCRIPTOR_SIGNATURE).then_some(())?;
    }
    let crc = fields.u32()?;
    if bytes.len() < 20 {
        Some((crc, u64::from(fields.u32()?), u64::from(fields.u32()?)))
    } else {
        Some((crc, fields.u64()?, fields.u64()?))
    }
}
