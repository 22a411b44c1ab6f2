//! Little-endian numbers and extra fields out of records that have been read.

/// Takes numbers from the front of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn new(record: &'a [u8]) -> Self {
        Self(record)
    }

    /// The next bytes. `None` when there are not as many.
    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        let (taken, rest) = self.0.split_first_chunk::<2>()?;
        self.0 = rest;
        Some(u16::from_le_bytes(*taken))
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        let (taken, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*taken))
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        let (taken, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*taken))
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

/// The blocks of an extra field (APPNOTE 4.5): kind and content. `None` in the last place when the
/// field's bytes do not divide into blocks. Up to three zero bytes at the end are padding of aligners.
pub(crate) fn extra_blocks(extra: &[u8]) -> impl Iterator<Item = Option<(u16, &[u8])>> {
    let mut fields = Fields::new(extra);
    let mut has_ended = false;
    std::iter::from_fn(move || {
        if has_ended || fields.is_empty() {
            return None;
        }
        if fields.0.len() < 4 && fields.0.iter().all(|byte| *byte == 0) {
            return None;
        }
        let block = (|| {
            let kind = fields.u16()?;
            let size = usize::from(fields.u16()?);
            Some((kind, fields.bytes(size)?))
        })();
        has_ended = block.is_none();
        Some(block)
    })
}

/// What stands for "see the ZIP64 block" in a field of 4 bytes.
pub(crate) const IN_ZIP64: u32 = u32::MAX;

/// The kind of the ZIP64 block.
const ZIP64: u16 = 0x0001;

/// Sizes and place of an entry, from fields of 4 bytes and the ZIP64 block that may stand in for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) inflated: u64,
    pub(crate) packed: u64,
    /// Of the local header. 0 in a local header itself.
    pub(crate) offset: u64,
}

impl Sizes {
    /// `None` when a number is missing, or the extra field is damaged.
    pub(crate) fn read(inflated: u32, packed: u32, offset: u32, extra: &[u8]) -> Option<Self> {
        let mut wide = None;
        for block in extra_blocks(extra) {
            let (kind, content) = block?;
            if kind == ZIP64 && wide.replace(Fields::new(content)).is_some() {
                return None;
            }
        }
        let mut wide = wide.unwrap_or(Fields::new(&[]));
        let mut widen = |narrow: u32| {
            if narrow == IN_ZIP64 {
                wide.u64()
            } else {
                Some(u64::from(narrow))
            }
        };
        Some(Self {
            inflated: widen(inflated)?,
            packed: widen(packed)?,
            offset: widen(offset)?,
        })
    }
}
