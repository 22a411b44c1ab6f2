//! One record of the variant index: 168 bytes, all little-endian.
//!
//! `source 32 | br digest 32, size 8 | gzip digest 32, size 8 | zstd digest 32, size 8 | which forms there
//! are 8 | checksum 8`.
//! The checksum is the first 8 bytes of the BLAKE3 hash of the rest: it finds torn writes, not forgers.

use bytes::Buf;
use holm_types::BlobDigest;

use super::{Variant, Variants};

/// Begins the file; the last 8 bytes are the format's version.
pub(super) const HEADER: [u8; 16] = *b"HOLMVARI\x02\0\0\0\0\0\0\0";
pub(super) const RECORD_LEN: usize = 168;
const CHECKED_LEN: usize = RECORD_LEN - 8;

const HAS_BR: u64 = 1;
const HAS_GZIP: u64 = 2;
const HAS_ZSTD: u64 = 4;
/// Nothing smaller will be tried.
const IS_BEST: u64 = 8;
/// What earlier records say about the source does not hold any more.
const IS_FORGOTTEN: u64 = 16;

pub(super) fn encode(source: BlobDigest, variants: Variants) -> [u8; RECORD_LEN] {
    encode_with(source, variants, 0)
}

/// A record that takes back those before it.
pub(super) fn encode_forgotten(source: BlobDigest) -> [u8; RECORD_LEN] {
    encode_with(source, Variants::default(), IS_FORGOTTEN)
}

fn encode_with(source: BlobDigest, variants: Variants, flags: u64) -> [u8; RECORD_LEN] {
    let mut bytes = Vec::with_capacity(RECORD_LEN);
    bytes.extend_from_slice(source.as_bytes());
    let mut forms = flags;
    for (variant, flag) in [
        (variants.br, HAS_BR),
        (variants.gzip, HAS_GZIP),
        (variants.zstd, HAS_ZSTD),
    ] {
        forms |= variant.map_or(0, |_| flag);
        bytes.extend_from_slice(&variant.map_or([0; 32], |variant| *variant.digest.as_bytes()));
        bytes.extend_from_slice(
            &variant
                .map_or(0, |variant| variant.size_bytes)
                .to_le_bytes(),
        );
    }
    forms |= if variants.is_best { IS_BEST } else { 0 };
    bytes.extend_from_slice(&forms.to_le_bytes());
    bytes.extend_from_slice(&checksum(&bytes).to_le_bytes());
    let mut record = [0; RECORD_LEN];
    record.copy_from_slice(&bytes);
    record
}

/// What a record says about its source; `None` inside when it takes back what was said before. `None`
/// outside when the record is not whole.
pub(super) fn decode(record: &[u8]) -> Option<(BlobDigest, Option<Variants>)> {
    let (mut rest, mut end) = record.split_at_checked(CHECKED_LEN)?;
    if end.try_get_u64_le().ok()? != checksum(rest) {
        return None;
    }
    let source = digest(&mut rest)?;
    let br = variant(&mut rest)?;
    let gzip = variant(&mut rest)?;
    let zstd = variant(&mut rest)?;
    let forms = rest.try_get_u64_le().ok()?;
    let kept = |variant, flag| (forms & flag != 0).then_some(variant);
    let variants = Variants {
        br: kept(br, HAS_BR),
        zstd: kept(zstd, HAS_ZSTD),
        gzip: kept(gzip, HAS_GZIP),
        is_best: forms & IS_BEST != 0,
    };
    Some((source, (forms & IS_FORGOTTEN == 0).then_some(variants)))
}

fn digest(bytes: &mut &[u8]) -> Option<BlobDigest> {
    let mut digest = [0; 32];
    bytes.try_copy_to_slice(&mut digest).ok()?;
    Some(BlobDigest::from_bytes(digest))
}

fn variant(bytes: &mut &[u8]) -> Option<Variant> {
    let digest = digest(bytes)?;
    let size_bytes = bytes.try_get_u64_le().ok()?;
    Some(Variant { digest, size_bytes })
}

fn checksum(bytes: &[u8]) -> u64 {
    let hash = BlobDigest::of(bytes);
    hash.as_bytes().as_slice().get_u64_le()
}
