//! The bytes of an edge snapshot behind their checksum.
#![no_main]

use holm_site::codec;
use holm_types::BlobDigest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    let checksum = BlobDigest::of(payload);
    let bytes = [b"HOLMSNAP", &[1, 0][..], checksum.as_bytes(), payload].concat();
    let Ok(snapshot) = codec::decode_snapshot(&bytes) else {
        return;
    };
    let again = codec::decode_snapshot(&codec::encode_snapshot(&snapshot));
    assert!(again == Ok(snapshot), "what is written is what is read");
});
