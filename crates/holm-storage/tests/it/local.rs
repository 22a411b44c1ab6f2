//! The store on a local disk, in good days: the contract, restarts, limits, access.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use holm_storage::{BlobError, BlobStore, LocalBlobStore, StorageLimits};

use crate::blob_contract::check_contract;
use crate::support::{blob, check_all, files_below, run, store_all};

#[test]
fn keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0);
    check_contract(|| {
        number.set(number.get() + 1);
        LocalBlobStore::open(&folder.path().join(number.get().to_string())).unwrap()
    });
}

#[test]
fn keeps_the_contract_with_tiny_limits() {
    let folder = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0);
    let limits = StorageLimits {
        pack_bytes_max: 100_000,
        pack_entries_max: 3,
        open_handles_max: 1,
        sync_each_max: 1,
        sync_threads_max: 1,
        ..StorageLimits::default()
    };
    check_contract(|| {
        number.set(number.get() + 1);
        LocalBlobStore::open_with(&folder.path().join(number.get().to_string()), limits).unwrap()
    });
}

#[test]
fn everything_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let blobs: Vec<_> = (0..50)
        .map(|seed| blob(seed, 3000 * usize::try_from(seed).unwrap()))
        .collect();
    let totals = {
        let store = LocalBlobStore::open(folder.path()).unwrap();
        run(store_all(&store, &blobs[..30]));
        run(store_all(&store, &blobs[20..]));
        store.totals()
    };
    let store = LocalBlobStore::open(folder.path()).unwrap();
    assert_eq!(store.totals(), totals);
    assert_eq!(totals.0, 50);
    run(check_all(&store, &blobs));
    let report = store.verify().unwrap();
    assert_eq!((report.blob_count, report.blob_bytes), totals);
    assert_eq!((report.damaged.len(), report.leftover_count), (0, 0));
}

#[test]
fn every_restart_begins_packs_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let blobs: Vec<_> = (0..4).map(|seed| blob(seed, 1000)).collect();
    for (count, one) in (1..).zip(&blobs) {
        let store = LocalBlobStore::open(folder.path()).unwrap();
        run(store_all(&store, std::slice::from_ref(one)));
        assert_eq!(store.totals().0, count);
        assert_eq!(
            files_below(&folder.path().join("packs")).len() as u64,
            count
        );
    }
    let store = LocalBlobStore::open(folder.path()).unwrap();
    run(check_all(&store, &blobs));
}

#[test]
fn a_pack_never_takes_the_name_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalBlobStore::open(folder.path()).unwrap();
    let blobs = [blob(1, 1000), blob(2, 1000)];
    std::fs::write(folder.path().join("packs/00000000.pack"), "of someone else").unwrap();
    let mut upload = store.upload();
    run(async {
        upload.put(blobs[0].0, blobs[0].1.clone()).await.unwrap();
        let error = upload.finish().await.unwrap_err();
        assert!(
            matches!(error, BlobError::Io { doing: "name", .. }),
            "{error}"
        );
        store_all(&store, &blobs).await;
        check_all(&store, &blobs).await;
    });
    let text = std::fs::read_to_string(folder.path().join("packs/00000000.pack")).unwrap();
    assert_eq!(text, "of someone else");
}

#[test]
fn small_blobs_of_one_upload_share_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalBlobStore::open(folder.path()).unwrap();
    let blobs: Vec<_> = (0..500).map(|seed| blob(seed, 1000)).collect();
    run(store_all(&store, &blobs));
    assert_eq!(files_below(&folder.path().join("packs")).len(), 1);
    run(store_all(&store, &blobs));
    assert_eq!(
        files_below(&folder.path().join("packs")).len(),
        1,
        "nothing new, no new file"
    );
    assert!(files_below(&folder.path().join("large")).is_empty());
}

#[test]
fn a_pack_that_is_full_is_followed_by_another() {
    let folder = tempfile::tempdir().unwrap();
    let limits = StorageLimits {
        pack_bytes_max: 10_000,
        ..StorageLimits::default()
    };
    let store = LocalBlobStore::open_with(folder.path(), limits).unwrap();
    let blobs: Vec<_> = (0..10).map(|seed| blob(seed, 4000)).collect();
    run(store_all(&store, &blobs));
    assert_eq!(files_below(&folder.path().join("packs")).len(), 5);
    run(check_all(&store, &blobs));
}

#[test]
fn one_process_writes_and_others_may_read() {
    let folder = tempfile::tempdir().unwrap();
    let absent = LocalBlobStore::open_read_only(&folder.path().join("absent")).unwrap();
    assert_eq!(absent.totals(), (0, 0));
    assert!(!folder.path().join("absent").exists());

    let writer = LocalBlobStore::open(folder.path()).unwrap();
    let blobs = [blob(1, 100), blob(2, 100_000)];
    run(store_all(&writer, &blobs));
    let mut upload = writer.upload();
    run(async {
        upload
            .put(blob(3, 100_000).0, blob(3, 100_000).1)
            .await
            .unwrap();
        upload.settle().await.unwrap();
    });

    let limits = StorageLimits {
        lock_wait_max: Duration::ZERO,
        ..StorageLimits::default()
    };
    let refused = LocalBlobStore::open_with(folder.path(), limits).unwrap_err();
    assert!(
        matches!(refused, BlobError::Io { doing: "lock", .. }),
        "{refused}"
    );

    let reader = LocalBlobStore::open_read_only(folder.path()).unwrap();
    run(check_all(&reader, &blobs));
    assert_eq!(
        reader.verify().unwrap().leftover_count,
        1,
        "the file of the upload under way"
    );
    let mut refused = reader.upload();
    let error = run(async {
        refused.put(blob(4, 10).0, blob(4, 10).1).await.unwrap();
        refused.finish().await.unwrap_err()
    });
    assert!(
        matches!(
            error,
            BlobError::Io {
                doing: "write to",
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(run(upload.finish()).unwrap().stored_count, 1);
}

#[test]
fn works_without_a_runtime() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalBlobStore::open(folder.path()).unwrap();
    let (digest, bytes) = blob(1, 100_000);
    let mut ctx = Context::from_waker(Waker::noop());
    let mut upload = store.upload();
    assert!(matches!(
        upload.put(digest, bytes.clone()).as_mut().poll(&mut ctx),
        Poll::Ready(Ok(()))
    ));
    assert!(matches!(
        upload.finish().as_mut().poll(&mut ctx),
        Poll::Ready(Ok(_))
    ));
    assert_eq!(store.read_verified_sync(digest).unwrap(), bytes);
    assert_eq!(store.read_sync(digest, 5..10).unwrap(), bytes.slice(5..10));
}

#[test]
fn a_call_that_was_dropped_half_way_ends_the_upload() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalBlobStore::open(folder.path()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (digest, bytes) = blob(1, 2_000_000);
    runtime.block_on(async {
        // The pool's one thread is busy, so the call cannot be done when it is dropped.
        let busy = tokio::task::spawn_blocking(move || held.recv());
        let mut upload = store.upload();
        {
            let mut put = pin!(upload.put(digest, bytes));
            let mut ctx = Context::from_waker(Waker::noop());
            assert!(put.as_mut().poll(&mut ctx).is_pending());
        }
        release.send(()).unwrap();
        busy.await.unwrap().unwrap();
        let error = upload.finish().await.unwrap_err();
        assert!(matches!(error, BlobError::Io { .. }), "{error}");
    });
    drop(runtime);
    assert_eq!(store.totals(), (0, 0));
    assert!(files_below(&folder.path().join("temporary")).is_empty());
}

#[test]
fn a_store_that_was_released_reads_on_and_lets_another_write() {
    let folder = tempfile::tempdir().unwrap();
    let (early, late) = ([blob(1, 100), blob(2, 100_000)], [blob(3, 100)]);
    run(async {
        let store = LocalBlobStore::open(folder.path()).unwrap();
        store_all(&store, &early).await;
        let mut under_way = store.upload();
        store.release().unwrap();
        let next = LocalBlobStore::open(folder.path()).unwrap();
        store_all(&next, &late).await;
        under_way.put(late[0].0, late[0].1.clone()).await.ok();
        assert!(under_way.finish().await.is_err());
        check_all(&store, &early).await;
        check_all(&next, &early).await;
        check_all(&next, &late).await;
    });
}
