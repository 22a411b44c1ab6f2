//! What every store promises while it gives back space: what somebody relies on stays, the rest goes.

use std::sync::Arc;

use bytes::Bytes;
use holm_storage::{BlobError, BlobStore, CollectStep, Collection};
use holm_types::BlobDigest;

use crate::support::{blob, check_all, run, store_all};

/// Runs every check, each on a fresh store.
pub(crate) fn check_collecting<S: BlobStore + 'static>(fresh: impl Fn() -> S) {
    run(async {
        only_what_is_kept_stays(&fresh()).await;
        what_somebody_was_told_stays(&fresh()).await;
        what_is_stored_meanwhile_stays(&fresh()).await;
        what_is_read_stays(&fresh()).await;
        sparse_packs_give_back_their_space(&fresh()).await;
        many_small_packs_become_one(&fresh()).await;
        deploys_beside_lose_nothing(Arc::new(fresh())).await;
    });
}

fn begin(store: &dyn BlobStore) -> Collection {
    Collection::begin(store.collector().unwrap()).unwrap()
}

/// Sweeps and compacts to the end.
pub(crate) async fn finish(collection: Collection) -> CollectStep {
    let mut all = CollectStep::default();
    while !all.is_done {
        all.add(&collection.sweep().await.unwrap());
    }
    all.is_done = false;
    for _ in 0..1000 {
        all.add(&collection.compact().await.unwrap());
        if all.is_done {
            return all;
        }
    }
    panic!("compacting does not end");
}

/// Keeps only these.
pub(crate) async fn collect(store: &dyn BlobStore, wanted: &[(BlobDigest, Bytes)]) -> CollectStep {
    let collection = begin(store);
    let digests: Vec<_> = wanted.iter().map(|(digest, _)| *digest).collect();
    assert!(collection.keep(&digests));
    finish(collection).await
}

fn sizes(seeds: std::ops::Range<u64>) -> Vec<(BlobDigest, Bytes)> {
    seeds
        .map(|seed| blob(seed, if seed % 5 == 0 { 100_000 } else { 2000 }))
        .collect()
}

async fn only_what_is_kept_stays(store: &dyn BlobStore) {
    let (wanted, unwanted) = (sizes(0..20), sizes(20..40));
    store_all(store, &wanted).await;
    store_all(store, &unwanted).await;
    let done = collect(store, &wanted).await;
    let unwanted_bytes: usize = unwanted.iter().map(|(_, bytes)| bytes.len()).sum();
    assert_eq!(
        (done.removed_count, done.removed_bytes),
        (20, unwanted_bytes as u64)
    );
    assert!(done.freed_bytes >= unwanted_bytes as u64, "{done:?}");
    check_all(store, &wanted).await;
    for (digest, _) in &unwanted {
        assert_eq!(store.missing(&[*digest]), [*digest]);
        let read = store.read(*digest, 0..1).await;
        assert!(matches!(read, Err(BlobError::NotFound { .. })), "{read:?}");
    }
    assert_eq!(collect(store, &wanted).await.removed_count, 0);
    assert_eq!(store_all(store, &unwanted).await.stored_count, 20);
    check_all(store, &unwanted).await;
}

async fn what_somebody_was_told_stays(store: &dyn BlobStore) {
    let blobs = sizes(0..12);
    store_all(store, &blobs).await;
    let collection = begin(store);
    assert!(Collection::begin(store.collector().unwrap()).is_none());
    assert!(store.missing(&[blobs[0].0, blobs[1].0]).is_empty());
    let mut upload = store.upload();
    upload.put(blobs[2].0, blobs[2].1.clone()).await.unwrap();
    let (digest, bytes) = &blobs[5];
    upload.begin(*digest, bytes.len() as u64).await.unwrap();
    upload.append(bytes.clone()).await.unwrap();
    upload.end().await.unwrap();
    assert_eq!(finish(collection).await.removed_count, 8);
    assert_eq!(upload.finish().await.unwrap().known_count, 2);
    for kept in [0, 1, 2, 5] {
        check_all(store, &blobs[kept..=kept]).await;
    }
}

async fn what_is_stored_meanwhile_stays(store: &dyn BlobStore) {
    let blobs = sizes(0..12);
    let collection = begin(store);
    store_all(store, &blobs).await;
    assert_eq!(finish(collection).await.removed_count, 0);
    check_all(store, &blobs).await;
}

async fn what_is_read_stays(store: &dyn BlobStore) {
    let blobs = sizes(0..6);
    store_all(store, &blobs).await;
    let pin = store.pin(&blobs[0].0).unwrap();
    let second = store.pin(&blobs[0].0).unwrap();
    assert_eq!(collect(store, &[]).await.removed_count, 5);
    check_all(store, &blobs[..1]).await;
    drop(pin);
    assert_eq!(collect(store, &[]).await.removed_count, 0);
    drop(second);
    assert_eq!(collect(store, &[]).await.removed_count, 1);
    assert!(matches!(
        store.pin(&blobs[0].0),
        Err(BlobError::NotFound { .. })
    ));
}

async fn sparse_packs_give_back_their_space(store: &dyn BlobStore) {
    let blobs: Vec<_> = (0..100).map(|seed| blob(seed, 1000)).collect();
    store_all(store, &blobs).await;
    let usage = async || store.collector().unwrap().usage().await.unwrap();
    let before = usage().await;
    assert_eq!(
        (before.pack_count, before.blob_count, before.blob_bytes),
        (1, 100, 100_000)
    );
    let most = collect(store, &blobs[..80]).await;
    assert_eq!(most.freed_bytes, 0, "not sparse yet: {most:?}");
    assert!(usage().await.pack_dead_bytes > 20_000);
    let few = collect(store, &blobs[70..80]).await;
    assert_eq!(few.moved_count, 10);
    let after = usage().await;
    assert_eq!((after.pack_count, after.blob_count), (1, 10));
    assert!(after.pack_bytes < 12_000, "{after:?}");
    check_all(store, &blobs[70..80]).await;
}

async fn many_small_packs_become_one(store: &dyn BlobStore) {
    let blobs: Vec<_> = (0..70).map(|seed| blob(seed, 500)).collect();
    for one in blobs.chunks(1) {
        store_all(store, one).await;
    }
    assert_eq!(collect(store, &blobs).await.moved_count, 70);
    let usage = store.collector().unwrap().usage().await.unwrap();
    assert_eq!(usage.pack_count, 1);
    check_all(store, &blobs).await;
    assert_eq!(
        collect(store, &blobs).await,
        CollectStep {
            is_done: true,
            ..CollectStep::default()
        }
    );
}

/// What deployers want: how often each blob, written down before the store is asked.
type Wanted = std::sync::Mutex<std::collections::HashMap<BlobDigest, u32>>;

/// Four deployers and one collector for a while: whoever wrote down what it wants and then asked what is
/// missing finds all of it.
async fn deploys_beside_lose_nothing<S: BlobStore + 'static>(store: Arc<S>) {
    let wanted = Arc::new(Wanted::default());
    let deployers: Vec<_> = (0..4)
        .map(|number| {
            tokio::spawn(deploy_often(
                Arc::clone(&store),
                Arc::clone(&wanted),
                number,
            ))
        })
        .collect();
    let mut removed_count = 0;
    while deployers.iter().any(|deployer| !deployer.is_finished()) {
        let collection = begin(&*store);
        let now: Vec<_> = wanted.lock().unwrap().keys().copied().collect();
        collection.keep(&now);
        removed_count += finish(collection).await.removed_count;
    }
    for deployer in deployers {
        deployer.await.unwrap();
    }
    assert!(
        removed_count > 0,
        "nothing was collected beside the deploys"
    );
}

async fn deploy_often<S: BlobStore>(store: Arc<S>, wanted: Arc<Wanted>, number: u64) {
    for round in 0..25 {
        let seed = |position: u64| (number * 3 + round * 7 + position * 5) % 30;
        let blobs: Vec<_> = (0..6_u64)
            .map(|position| blob(seed(position), if position == 0 { 70_000 } else { 300 }))
            .collect();
        let digests: Vec<_> = blobs.iter().map(|(digest, _)| *digest).collect();
        for digest in &digests {
            *wanted.lock().unwrap().entry(*digest).or_default() += 1;
        }
        let missing = store.missing(&digests);
        tokio::task::yield_now().await;
        let sent: Vec<_> = blobs
            .iter()
            .filter(|(digest, _)| missing.contains(digest))
            .cloned()
            .collect();
        store_all(&*store, &sent).await;
        assert!(store.missing(&digests).is_empty());
        check_all(&*store, &blobs).await;
        let mut wanted = wanted.lock().unwrap();
        for digest in &digests {
            let count = wanted.get_mut(digest).unwrap();
            *count -= 1;
            if *count == 0 {
                wanted.remove(digest);
            }
        }
    }
}
