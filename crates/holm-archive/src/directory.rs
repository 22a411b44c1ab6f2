//! The central directory: what the archive says about each of its entries.

use crate::error::{ArchiveError, Refusal};
use crate::field::{Fields, Sizes, extra_blocks};
use crate::name::Name;
use crate::rules::ArchiveRules;

const SIGNATURE: u32 = 0x0201_4b50;

/// General purpose flags (APPNOTE 4.4.4).
pub(crate) const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
pub(crate) const HAS_DESCRIPTOR: u16 = 1 << 3;
pub(crate) const PATCHED: u16 = 1 << 5;
pub(crate) const UTF8: u16 = 1 << 11;

/// Extra fields that matter here: a second name, and a PKWARE Unix block, which may hold a link's target.
const UNICODE_PATH: u16 = 0x7075;
const PKWARE_UNIX: u16 = 0x000d;
const PKWARE_UNIX_BYTES: usize = 12;

/// How an entry's bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Stored,
    Deflated,
}

impl Packing {
    pub(crate) fn of(method: u16) -> Result<Self, Refusal> {
        match method {
            0 => Ok(Self::Stored),
            8 => Ok(Self::Deflated),
            other => Err(Refusal::Method(other)),
        }
    }
}

/// One record of the directory, checked by itself.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) raw_name: Vec<u8>,
    pub(crate) name: Name,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) packing: Packing,
    pub(crate) crc: u32,
    pub(crate) sizes: Sizes,
}

/// Reads as many records as the end record said; they must fill the directory exactly.
pub(crate) fn read(
    directory: &[u8],
    entry_count: u64,
    rules: &ArchiveRules,
) -> Result<Vec<Record>, ArchiveError> {
    let mut fields = Fields::new(directory);
    let mut records = Vec::new();
    for _ in 0..entry_count {
        let cut = Refusal::Damaged("the central directory ends early");
        let raw = RawRecord::take(&mut fields).ok_or_else(|| cut.whole())?;
        let checked = raw.check(rules);
        records.push(checked.map_err(|refusal| refusal.of(raw.name))?);
    }
    if !fields.is_empty() {
        return Err(
            Refusal::Damaged("the central directory has more entries than it says").whole(),
        );
    }
    Ok(records)
}

/// One record as it stands there.
struct RawRecord<'a> {
    flags: u16,
    method: u16,
    crc: u32,
    packed: u32,
    inflated: u32,
    disk: u16,
    attributes: u32,
    offset: u32,
    name: &'a [u8],
    extra: &'a [u8],
}

impl<'a> RawRecord<'a> {
    /// `None` when the bytes do not suffice, or are no record.
    fn take(fields: &mut Fields<'a>) -> Option<Self> {
        (fields.u32()? == SIGNATURE).then_some(())?;
        // Made by, needed version.
        fields.u32()?;
        let (flags, method) = (fields.u16()?, fields.u16()?);
        // Date and time.
        fields.u32()?;
        let (crc, packed, inflated) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let name_bytes = usize::from(fields.u16()?);
        let extra_bytes = usize::from(fields.u16()?);
        let comment_bytes = usize::from(fields.u16()?);
        let disk = fields.u16()?;
        // Internal attributes.
        fields.u16()?;
        let (attributes, offset) = (fields.u32()?, fields.u32()?);
        let (name, extra) = (fields.bytes(name_bytes)?, fields.bytes(extra_bytes)?);
        fields.bytes(comment_bytes)?;
        Some(Self {
            flags,
            method,
            crc,
            packed,
            inflated,
            disk,
            attributes,
            offset,
            name,
            extra,
        })
    }

    fn check(&self, rules: &ArchiveRules) -> Result<Record, Refusal> {
        let name = Name::read(self.name, rules)?;
        if self.disk != 0 {
            return Err(Refusal::Split);
        }
        if self.flags & ENCRYPTED != 0 {
            return Err(Refusal::Encrypted);
        }
        if self.flags & PATCHED != 0 {
            return Err(Refusal::Damaged("it is a patch of another file"));
        }
        let packing = Packing::of(self.method)?;
        self.check_kind(name.is_folder)?;
        self.check_extra()?;
        let sizes = Sizes::read(self.inflated, self.packed, self.offset, self.extra)
            .ok_or(Refusal::Damaged("its extra field cannot be read"))?;
        check_sizes(&name, packing, &sizes)?;
        Ok(Record {
            raw_name: self.name.to_vec(),
            name,
            flags: self.flags,
            method: self.method,
            packing,
            crc: self.crc,
            sizes,
        })
    }

    /// The upper half of the external attributes is a Unix mode, or zero where the archive was made on
    /// another system. It is looked at whatever system the archive names: a mode that says "link" would
    /// be obeyed by some programs all the same.
    fn check_kind(&self, is_folder: bool) -> Result<(), Refusal> {
        let kind = self.attributes >> 16 & 0o170_000;
        match kind {
            0 => Ok(()),
            0o100_000 if !is_folder => Ok(()),
            0o040_000 if is_folder => Ok(()),
            0o100_000 | 0o040_000 => Err(Refusal::FileAndFolder),
            0o120_000 => Err(Refusal::Link),
            _ => Err(Refusal::Device),
        }
    }

    fn check_extra(&self) -> Result<(), Refusal> {
        for block in extra_blocks(self.extra) {
            let (kind, content) =
                block.ok_or(Refusal::Damaged("its extra field cannot be read"))?;
            match kind {
                // One byte of version, four of the CRC of the plain name, then the name.
                UNICODE_PATH if content.get(5..) != Some(self.name) => {
                    return Err(Refusal::NameTwice);
                }
                PKWARE_UNIX if content.len() > PKWARE_UNIX_BYTES => return Err(Refusal::Link),
                _ => {}
            }
        }
        Ok(())
    }
}

fn check_sizes(name: &Name, packing: Packing, sizes: &Sizes) -> Result<(), Refusal> {
    if name.is_folder && sizes.inflated != 0 {
        return Err(Refusal::FileAndFolder);
    }
    if packing == Packing::Stored && sizes.inflated != sizes.packed {
        return Err(Refusal::Damaged("it is stored, and its two sizes differ"));
    }
    Ok(())
}
