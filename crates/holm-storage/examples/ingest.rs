//! How long one upload of a site takes until it is durable.
//!
//! `cargo run --release -p holm-storage --example ingest -- [FOLDER] [FILES] [TOTAL_MB] [LARGE] [SYNC_EACH]`: makes
//! `FILES` blobs of `TOTAL_MB` in sum, `LARGE` of them of 100 KB, stores them in `FOLDER` in one upload, then
//! asks for them, uploads them again and reads them all. `SYNC_EACH` is `StorageLimits::sync_each_max`.
//! Defaults: a new folder below the system's
//! temporary one, 10,000 files, 97 MB, 200 large.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measuring program: reads the clock and prints"
)]

use std::path::PathBuf;
use std::time::Instant;

use bytes::Bytes;
use holm_storage::{BlobError, BlobStore, LocalBlobStore, StorageLimits};
use holm_types::BlobDigest;

const LARGE_BYTES: usize = 100_000;

struct Plan {
    folder: PathBuf,
    files: usize,
    total_bytes: usize,
    large: usize,
    limits: StorageLimits,
}

fn plan() -> Plan {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments
        .next()
        .map_or_else(|| std::env::temp_dir().join("holm-ingest"), PathBuf::from);
    let mut number = |default| {
        arguments
            .next()
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let (files, total_bytes, large) = (number(10_000), number(97) * 1_000_000, number(200));
    let default = StorageLimits::default();
    let limits = StorageLimits {
        sync_each_max: number(default.sync_each_max),
        ..default
    };
    Plan {
        folder,
        files,
        total_bytes,
        large,
        limits,
    }
}

/// Blobs that differ and do not compress.
fn blobs(plan: &Plan) -> Vec<(BlobDigest, Bytes)> {
    let small_count = (plan.files - plan.large).max(1);
    let small_bytes = plan.total_bytes.saturating_sub(plan.large * LARGE_BYTES) / small_count;
    let blob = |number: usize| {
        let size = if number < plan.large {
            LARGE_BYTES
        } else {
            small_bytes
        };
        let mut seed = BlobDigest::of(&number.to_le_bytes());
        let mut bytes = Vec::with_capacity(size + 32);
        while bytes.len() < size {
            bytes.extend_from_slice(seed.as_bytes());
            seed = BlobDigest::of(seed.as_bytes());
        }
        bytes.truncate(size);
        (BlobDigest::of(&bytes), Bytes::from(bytes))
    };
    (0..plan.files).map(blob).collect()
}

async fn measure(plan: &Plan, blobs: Vec<(BlobDigest, Bytes)>) -> Result<(), BlobError> {
    let store = LocalBlobStore::open_with(&plan.folder, plan.limits)?;
    let digests: Vec<_> = blobs.iter().map(|(digest, _)| *digest).collect();
    for round in ["first", "again"] {
        let start = Instant::now();
        let missing = store.missing(&digests).len();
        let asked = start.elapsed();
        let start = Instant::now();
        let mut upload = store.upload();
        for (digest, bytes) in &blobs {
            upload.put(*digest, bytes.clone()).await?;
        }
        let put = start.elapsed();
        let receipt = upload.finish().await?;
        let total = start.elapsed();
        println!(
            "{round}: {missing} missing asked in {asked:?}; put {put:?}, durable {total:?}; {receipt:?}"
        );
    }
    let start = Instant::now();
    for digest in &digests {
        store.read_verified(*digest).await?;
    }
    println!(
        "read and checked, one after the other: {:?}",
        start.elapsed()
    );
    drop(store);
    let start = Instant::now();
    let store = LocalBlobStore::open_with(&plan.folder, plan.limits)?;
    println!("opened in {:?}: {:?}", start.elapsed(), store.totals());
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let plan = plan();
    let blobs = blobs(&plan);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()?;
    runtime.block_on(measure(&plan, blobs))?;
    Ok(())
}
