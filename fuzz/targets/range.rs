//! The `Range` field.
#![no_main]

// The file alone, because its room brings the whole HTTP stack along.
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a target asks for less than the room"
)]
#[path = "../../crates/holm-edge/src/asset/byte_range.rs"]
mod byte_range;

use byte_range::ByteRange;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, &[u8])| {
    let (size_bytes, value) = input;
    if let ByteRange::Part(part) = ByteRange::parse(value, size_bytes) {
        assert!(
            part.start < part.end && part.end <= size_bytes,
            "{part:?} of {size_bytes}"
        );
    }
});
