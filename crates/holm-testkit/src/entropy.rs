//! Randomness that a test can repeat.

use std::sync::Mutex;

use holm_types::Entropy;

/// The same seed gives the same bytes, call after call. Never for secrets outside tests.
#[derive(Debug)]
pub struct SeededEntropy {
    state: Mutex<u64>,
}

impl SeededEntropy {
    /// A source with this seed.
    pub const fn new(seed: u64) -> Self {
        Self {
            state: Mutex::new(seed),
        }
    }
}

/// The step of splitmix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        // A panic elsewhere leaves a number behind, which is as good as any.
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        for piece in buffer.chunks_mut(8) {
            let bytes = next(&mut state).to_le_bytes();
            piece.copy_from_slice(&bytes[..piece.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_seeds_differ() {
        let draw = |source: &SeededEntropy| {
            let mut bytes = [0_u8; 19];
            source.fill(&mut bytes);
            bytes
        };
        let (one, again, other) = (
            SeededEntropy::new(1),
            SeededEntropy::new(1),
            SeededEntropy::new(2),
        );
        let first = draw(&one);
        assert_eq!(first, draw(&again));
        assert_ne!(first, draw(&other));
        assert_ne!(first, draw(&one), "the next call gives other bytes");
    }
}
