//! `seed DATA PROJECTS DEPLOYMENTS DEEP`: fills a data folder for `cargo xtask bench scale`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use holm_control::seed::{SeedError, SeedPlan, seed};
use holm_types::{Clock, Entropy, Timestamp};

/// 2026-01-01. A millisecond a look, so that ids are in order.
#[derive(Debug)]
struct CountingClock(AtomicI64);

impl Clock for CountingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// Splitmix64, so that every run makes the same.
#[derive(Debug)]
struct Seeded(AtomicU64);

impl Entropy for Seeded {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let step = 0x9E37_79B9_7F4A_7C15;
            let mut mixed = self.0.fetch_add(step, Ordering::Relaxed).wrapping_add(step);
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            mixed ^= mixed >> 31;
            chunk.copy_from_slice(&mixed.to_le_bytes()[..chunk.len()]);
        }
    }
}

fn main() -> Result<(), SeedError> {
    let mut words = std::env::args().skip(1);
    let data = PathBuf::from(words.next().ok_or("which data folder?")?);
    let mut number = || -> Result<u64, SeedError> {
        let word = words.next().ok_or("seed DATA PROJECTS DEPLOYMENTS DEEP")?;
        Ok(word.parse()?)
    };
    let plan = SeedPlan {
        projects: number()?,
        deployments: number()?,
        deep_deployments: number()?,
    };
    if plan.projects < 2 || plan.deployments < plan.deep_deployments {
        return Err("at least 2 projects, and not more deployments in one than in all".into());
    }
    let clock = Arc::new(CountingClock(AtomicI64::new(1_767_225_600_000)));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(seed(
        &data,
        plan,
        clock,
        Arc::new(Seeded(AtomicU64::new(97))),
    ))
}
