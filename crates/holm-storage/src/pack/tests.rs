//! A pack is read whole or not at all, wherever it was cut or changed.

use std::path::Path;

use super::*;

fn write_pack(path: &Path, blobs: &[&[u8]]) -> Vec<PackEntry> {
    let mut pack = PackWriter::begin(File::create_new(path).unwrap()).unwrap();
    for blob in blobs {
        pack.append(BlobDigest::of(blob), blob).unwrap();
    }
    pack.end().unwrap().1
}

fn read(path: &Path) -> Result<Vec<PackEntry>, PackFault> {
    read_index(&File::open(path).unwrap())
}

#[test]
fn an_index_round_trips() {
    let folder = tempfile::tempdir().unwrap();
    for (name, blobs) in [
        ("none", &[][..]),
        ("some", &[&b"one"[..], b"", b"three"][..]),
    ] {
        let path = folder.path().join(name);
        let written = write_pack(&path, blobs);
        assert_eq!(read(&path).unwrap(), written);
        assert_eq!(
            written
                .iter()
                .map(|entry| entry.size_bytes as usize)
                .collect::<Vec<_>>(),
            blobs.iter().map(|blob| blob.len()).collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_pack_cut_anywhere_is_torn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pack");
    write_pack(&path, &[b"one", b"two", b"three"]);
    let whole = std::fs::read(&path).unwrap();
    for len in 0..whole.len() {
        std::fs::write(&path, &whole[..len]).unwrap();
        assert!(
            matches!(read(&path), Err(PackFault::Torn(_))),
            "cut to {len} bytes"
        );
    }
}

#[test]
fn a_changed_byte_of_index_or_footer_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pack");
    write_pack(&path, &[b"one", b"two"]);
    let whole = std::fs::read(&path).unwrap();
    let index_at = HEADER_LEN as usize + 6;
    // The 8 bytes before the last magic are kept for later and mean nothing.
    let unused = whole.len() - 16..whole.len() - 8;
    for at in (index_at..whole.len()).filter(|at| !unused.contains(at)) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        std::fs::write(&path, &changed).unwrap();
        assert!(
            matches!(read(&path), Err(PackFault::Torn(_))),
            "byte {at} changed"
        );
    }
}

#[test]
fn a_whole_pack_of_a_later_program_is_not_called_torn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pack");
    write_pack(&path, &[b"one"]);
    let mut bytes = std::fs::read(&path).unwrap();
    let footer_at = bytes.len() - FOOTER_LEN;
    let index_at = HEADER_LEN as usize + 3;
    bytes[footer_at + 12..footer_at + 16].copy_from_slice(&2_u32.to_le_bytes());
    let checksum = BlobDigest::of(&bytes[index_at..footer_at + 16]);
    bytes[footer_at + 16..footer_at + 48].copy_from_slice(checksum.as_bytes());
    std::fs::write(&path, &bytes).unwrap();
    assert!(matches!(read(&path), Err(PackFault::Newer(2))));
}

#[test]
fn a_valid_index_that_points_outside_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pack");
    for (offset, size_bytes) in [(0, 3), (HEADER_LEN, 4), (u32::MAX, u32::MAX)] {
        let entry = PackEntry {
            digest: BlobDigest::of(b"one"),
            offset,
            size_bytes,
        };
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend_from_slice(b"one");
        bytes.extend_from_slice(&encode_index(&[entry], 19));
        std::fs::write(&path, &bytes).unwrap();
        assert!(
            matches!(read(&path), Err(PackFault::Torn(_))),
            "{offset} {size_bytes}"
        );
    }
}
