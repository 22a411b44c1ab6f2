//! The bytes of an edge snapshot behind their checksum.
#![no_main]

use holm_site::codec;
use holm_types::BlobDigest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (format, payload) = input;
    let checksum = BlobDigest::of(payload);
    let bytes = [b"HOLMSNAP", &[format, 0][..], checksum.as_bytes(), payload].concat();
    let Ok(snapshot) = codec::decode_snapshot(&bytes) else {
        return;
    };
    let again = codec::decode_snapshot(&codec::encode_snapshot(&snapshot));
    assert!(again == Ok(snapshot), "what is written is what is read");
});
