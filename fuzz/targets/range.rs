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

/// Parts of one field at most, as the edge asks for.
const COUNT_MAX: usize = 16;

fuzz_target!(|input: (u64, &[u8])| {
    let (size_bytes, value) = input;
    let mut parts = match ByteRange::parse(value, size_bytes, COUNT_MAX) {
        ByteRange::Part(part) => vec![part],
        ByteRange::Parts(parts) => {
            assert!(
                (2..=COUNT_MAX).contains(&parts.len()),
                "{parts:?} are several"
            );
            parts
        }
        ByteRange::Whole | ByteRange::Unsatisfiable => return,
    };
    for part in &parts {
        assert!(
            part.start < part.end && part.end <= size_bytes,
            "{part:?} of {size_bytes}"
        );
    }
    parts.sort_by_key(|part| part.start);
    let lie_apart = parts.is_sorted_by(|one, next| one.end < next.start);
    assert!(lie_apart, "{parts:?} multiply no byte");
});
