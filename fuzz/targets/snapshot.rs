//! The bytes of an edge snapshot, and of a change of one, behind their checksum.
#![no_main]

use holm_site::codec;
use holm_types::BlobDigest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (format, is_change, payload) = input;
    let checksum = BlobDigest::of(payload);
    let magic = if is_change { b"HOLMCHNG" } else { b"HOLMSNAP" };
    let bytes = [magic, &[format, 0][..], checksum.as_bytes(), payload].concat();
    if is_change {
        read_change(&bytes);
    } else {
        read_snapshot(&bytes);
    }
});

fn read_snapshot(bytes: &[u8]) {
    if let Ok(snapshot) = codec::decode_snapshot(bytes) {
        let again = codec::decode_snapshot(&codec::encode_snapshot(&snapshot));
        assert!(again == Ok(snapshot), "what is written is what is read");
    }
}

fn read_change(bytes: &[u8]) {
    if let Ok(change) = codec::decode_change(bytes) {
        let again = codec::decode_change(&codec::encode_change(&change));
        assert!(
            again.as_ref() == Ok(&change),
            "what is written is what is read"
        );
        let mut snapshot = change.snapshot.clone();
        snapshot.apply(vec![change.clone(), change.clone()]);
        assert!(
            snapshot.version == change.snapshot.version,
            "it makes its version"
        );
    }
}
