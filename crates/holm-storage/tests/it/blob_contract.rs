//! What every blob store promises, as functions over the trait: each kind of store runs them all.

use bytes::Bytes;
use holm_storage::{BlobError, BlobStore, UploadReceipt};
use holm_types::BlobDigest;
use proptest::prelude::*;

use crate::support::{PACKED_MAX, blob, check_all, run, store_all};

/// Runs every promise against fresh stores.
pub(crate) fn check_contract<S: BlobStore + 'static>(fresh: impl Fn() -> S) {
    run(what_is_put_comes_back(&fresh()));
    run(unfinished_uploads_are_not_seen(&fresh()));
    run(ranges_are_checked(&fresh()));
    run(wrong_bytes_are_refused_and_the_rest_goes_on(&fresh()));
    run(an_unreported_mismatch_fails_the_upload(&fresh()));
    run(pieces_make_a_blob(&fresh()));
    run(pieces_are_checked(&fresh()));
    run(what_is_known_is_counted(&fresh()));
    run(uploads_side_by_side(&fresh()));
    any_sizes_around_the_border(&fresh);
}

/// Sizes at which something changes.
fn border_blobs() -> Vec<(BlobDigest, Bytes)> {
    let sizes = [
        0,
        1,
        PACKED_MAX - 1,
        PACKED_MAX,
        PACKED_MAX + 1,
        3 * 1024 * 1024,
    ];
    (1..)
        .zip(sizes)
        .map(|(seed, size)| blob(seed, size))
        .collect()
}

async fn what_is_put_comes_back(store: &dyn BlobStore) {
    let blobs = border_blobs();
    let digests: Vec<_> = blobs.iter().map(|(digest, _)| *digest).collect();
    assert_eq!(store.missing(&digests), digests);
    let receipt = store_all(store, &blobs).await;
    let stored_bytes = blobs.iter().map(|(_, bytes)| bytes.len() as u64).sum();
    assert_eq!(
        receipt,
        UploadReceipt {
            stored_count: 6,
            stored_bytes,
            known_count: 0
        }
    );
    check_all(store, &blobs).await;
    let (stranger, _) = blob(99, 10);
    let mut asked = digests.clone();
    asked.insert(2, stranger);
    assert_eq!(store.missing(&asked), [stranger]);
    assert_eq!(store.size_bytes(&stranger), None);
    let error = store.read_verified(stranger).await.unwrap_err();
    assert!(
        matches!(error, BlobError::NotFound { digest } if digest == stranger),
        "{error}"
    );
}

async fn unfinished_uploads_are_not_seen(store: &dyn BlobStore) {
    let blobs = border_blobs();
    let digests: Vec<_> = blobs.iter().map(|(digest, _)| *digest).collect();
    let mut upload = store.upload();
    for (digest, bytes) in &blobs {
        upload.put(*digest, bytes.clone()).await.unwrap();
    }
    upload.settle().await.unwrap();
    assert_eq!(store.missing(&digests), digests);
    drop(upload);
    assert_eq!(store.missing(&digests), digests);
}

async fn ranges_are_checked(store: &dyn BlobStore) {
    for (digest, bytes) in [blob(1, 1000), blob(2, 100_000)] {
        store_all(store, &[(digest, bytes.clone())]).await;
        let len = bytes.len();
        for range in [0..len, 0..0, len..len, 1..len - 1, 500..501] {
            let read = store
                .read(digest, range.start as u64..range.end as u64)
                .await
                .unwrap();
            assert_eq!(read, bytes.slice(range));
        }
        let len = len as u64;
        for range in [0..len + 1, len + 1..len + 1, u64::MAX - 1..u64::MAX] {
            let error = store.read(digest, range).await.unwrap_err();
            assert!(matches!(error, BlobError::Io { .. }), "{error}");
        }
    }
}

async fn wrong_bytes_are_refused_and_the_rest_goes_on(store: &dyn BlobStore) {
    let good = [blob(1, 100), blob(2, 100_000)];
    let announced = [blob(3, 100).0, blob(4, 100_000).0];
    let (_, wrong) = blob(5, 100_000);
    let mut upload = store.upload();
    upload.put(good[0].0, good[0].1.clone()).await.unwrap();
    for digest in announced {
        // Not enough for a batch, so nothing is known yet.
        upload.put(digest, wrong.slice(..100)).await.unwrap();
    }
    upload.put(good[1].0, good[1].1.clone()).await.unwrap();
    for digest in announced {
        let error = upload.settle().await.unwrap_err();
        let want = BlobDigest::of(&wrong[..100]);
        assert!(
            matches!(error, BlobError::Mismatch { expected, found } if expected == digest && found == want),
            "{error}"
        );
    }
    upload.settle().await.unwrap();
    assert_eq!(upload.finish().await.unwrap().stored_count, 2);
    check_all(store, &good).await;
    assert_eq!(store.missing(&announced), announced);
}

async fn an_unreported_mismatch_fails_the_upload(store: &dyn BlobStore) {
    let good = blob(1, 100);
    let mut upload = store.upload();
    upload.put(good.0, good.1.clone()).await.unwrap();
    upload.put(blob(2, 100).0, good.1.clone()).await.unwrap();
    let error = upload.finish().await.unwrap_err();
    assert!(matches!(error, BlobError::Mismatch { .. }), "{error}");
    assert_eq!(store.missing(&[good.0]), [good.0]);
}

async fn pieces_make_a_blob(store: &dyn BlobStore) {
    let blobs = border_blobs();
    for piece_size in [1000, 700_000] {
        let mut upload = store.upload();
        for (digest, bytes) in &blobs {
            upload.begin(*digest, bytes.len() as u64).await.unwrap();
            for start in (0..bytes.len()).step_by(piece_size) {
                let end = bytes.len().min(start + piece_size);
                upload.append(bytes.slice(start..end)).await.unwrap();
            }
            upload.end().await.unwrap();
        }
        let receipt = upload.finish().await.unwrap();
        assert_eq!(
            receipt.stored_count + receipt.known_count,
            blobs.len() as u64
        );
        check_all(store, &blobs).await;
    }
}

async fn pieces_are_checked(store: &dyn BlobStore) {
    let mut upload = store.upload();
    for size in [100, 100_000] {
        let (digest, bytes) = blob(1, size);
        let len = size as u64;
        upload.begin(digest, len).await.unwrap();
        upload.append(bytes.slice(1..)).await.unwrap();
        let error = upload.end().await.unwrap_err();
        assert!(
            matches!(error, BlobError::SizeMismatch { arrived_bytes, .. } if arrived_bytes == len - 1)
        );

        upload.begin(digest, len).await.unwrap();
        upload.append(bytes.clone()).await.unwrap();
        let error = upload
            .append(Bytes::from_static(b"more"))
            .await
            .unwrap_err();
        assert!(
            matches!(error, BlobError::SizeMismatch { announced_bytes, .. } if announced_bytes == len)
        );

        upload.begin(blob(2, size).0, len).await.unwrap();
        upload.append(bytes.clone()).await.unwrap();
        let ended = upload.end().await;
        let error = if ended.is_err() {
            ended
        } else {
            upload.settle().await
        }
        .unwrap_err();
        assert!(matches!(error, BlobError::Mismatch { found, .. } if found == digest));

        // Begun anew in the middle: the first half must not stay in it.
        upload.begin(digest, len).await.unwrap();
        upload.append(bytes.slice(..size / 2)).await.unwrap();
        upload.begin(digest, len).await.unwrap();
        upload.append(bytes).await.unwrap();
        upload.end().await.unwrap();
    }
    assert!(upload.end().await.is_err(), "nothing was begun");
    assert!(
        upload.append(Bytes::new()).await.is_err(),
        "nothing was begun"
    );
    assert_eq!(upload.finish().await.unwrap().stored_count, 2);
    check_all(store, &[blob(1, 100), blob(1, 100_000)]).await;
}

async fn what_is_known_is_counted(store: &dyn BlobStore) {
    let first = [blob(1, 100), blob(2, 100_000)];
    let both = [blob(3, 200), blob(4, 200_000)];
    store_all(store, &first).await;
    let twice: Vec<_> = first.iter().chain(&both).chain(&both).cloned().collect();
    let receipt = store_all(store, &twice).await;
    assert_eq!(
        receipt,
        UploadReceipt {
            stored_count: 2,
            stored_bytes: 200_200,
            known_count: 4
        }
    );
    let nothing = store.upload().finish().await.unwrap();
    assert_eq!(nothing, UploadReceipt::default());
}

async fn uploads_side_by_side(store: &dyn BlobStore) {
    let shared = [blob(1, 300), blob(2, 80_000)];
    let mut uploads = Vec::new();
    for own in 10..14 {
        let blobs = [
            shared[0].clone(),
            blob(own, 500),
            shared[1].clone(),
            blob(own, 90_000),
        ];
        let mut upload = store.upload();
        for (digest, bytes) in &blobs {
            upload.put(*digest, bytes.clone()).await.unwrap();
        }
        uploads.push((upload, blobs));
    }
    let mut stored_count = 0;
    let mut known_count = 0;
    let (uploads, blobs): (Vec<_>, Vec<_>) = uploads.into_iter().unzip();
    let finishing: Vec<_> = uploads
        .into_iter()
        .map(|upload| tokio::spawn(upload.finish()))
        .collect();
    for finished in finishing {
        let receipt = finished.await.unwrap().unwrap();
        stored_count += receipt.stored_count;
        known_count += receipt.known_count;
    }
    assert_eq!((stored_count, known_count), (10, 6));
    for blobs in &blobs {
        check_all(store, blobs).await;
    }
}

fn any_sizes_around_the_border<S: BlobStore>(fresh: &impl Fn() -> S) {
    let near = PACKED_MAX - 3..PACKED_MAX + 3;
    let size = prop_oneof![0..5_usize, near, 0..200_000_usize];
    let config = ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let sizes = prop::collection::vec((size, any::<bool>()), 0..40);
    proptest!(config, |(sizes in sizes, seed: u64, piece_size in 1..100_000_usize)| {
        let store = fresh();
        run(async {
            let mut upload = store.upload();
            let mut blobs = Vec::new();
            for (number, (size, in_pieces)) in (0..).zip(&sizes) {
                let (digest, bytes) = blob(seed ^ number, *size);
                if *in_pieces {
                    upload.begin(digest, bytes.len() as u64).await.unwrap();
                    for piece in bytes.chunks(piece_size) {
                        upload.append(Bytes::copy_from_slice(piece)).await.unwrap();
                    }
                    upload.end().await.unwrap();
                } else {
                    upload.put(digest, bytes.clone()).await.unwrap();
                }
                blobs.push((digest, bytes));
            }
            let receipt = upload.finish().await.unwrap();
            assert_eq!(receipt.stored_count + receipt.known_count, blobs.len() as u64);
            check_all(&store, &blobs).await;
        });
    });
}
