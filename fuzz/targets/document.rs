//! The bytes of a deployment document, manifest and all.
#![no_main]

use holm_fuzz::ask;
use holm_site::{Site, codec};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (format, payload) = input;
    let bytes = [b"HOLMDOC\0", &[format, 0][..], payload].concat();
    let Ok(document) = codec::decode_document(&bytes) else {
        return;
    };
    let again = codec::decode_document(&codec::encode_document(&document));
    assert!(
        again.as_ref() == Ok(&document),
        "what is written is what is read"
    );
    let paths: Vec<String> = document
        .manifest
        .entries()
        .iter()
        .map(|entry| entry.path.to_owned())
        .collect();
    let site = Site::new(document);
    for path in &paths {
        assert!(
            site.find(path)
                .is_some_and(|asset| site.asset(asset).path == path),
            "{path:?} is found"
        );
    }
    ask(&site, "/a/b");
});
