//! The store on a local disk when bytes have changed under it: noticed, said, and healed by the next
//! upload that has the blob.

use std::fs;
use std::path::Path;

use holm_storage::{BlobError, BlobStore, LocalBlobStore};

use crate::support::{blob, check_all, cut, files_below, flip, run, store_all};

/// Damages the one file below `part` that holds a blob of this size.
fn check_damage(part: &str, size: usize, damage: impl Fn(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalBlobStore::open(folder.path()).unwrap();
    let (digest, bytes) = blob(1, size);
    run(store_all(&store, &[(digest, bytes.clone())]));
    damage(&files_below(&folder.path().join(part)).remove(0));

    assert!(store.missing(&[digest]).is_empty(), "nobody has looked yet");
    let range = run(store.read(digest, 0..bytes.len() as u64));
    assert!(matches!(range, Err(BlobError::Damaged { .. })), "{range:?}");
    let error = run(store.read_verified(digest)).unwrap_err();
    assert!(
        matches!(error, BlobError::Damaged { digest: found } if found == digest),
        "{error}"
    );
    let error = run(store.read(digest, 0..1)).unwrap_err();
    assert!(
        matches!(error, BlobError::Damaged { .. }),
        "known to be damaged: {error}"
    );
    assert_eq!(store.verify().unwrap().damaged, [digest]);
    assert_eq!(
        store.missing(&[digest]),
        [digest],
        "so that it is sent again"
    );

    let healed = [(digest, bytes)];
    assert_eq!(run(store_all(&store, &healed)).stored_count, 1);
    run(check_all(&store, &healed));
    assert_eq!(store.totals(), (1, size as u64));
    drop(store);
    let store = LocalBlobStore::open(folder.path()).unwrap();
    run(check_all(&store, &healed));
    assert!(store.verify().unwrap().damaged.is_empty());
}

#[test]
fn a_flipped_bit_in_a_pack() {
    check_damage("packs", 1000, |file| flip(file, 500));
}

#[test]
fn a_flipped_bit_in_a_large_blob() {
    check_damage("large", 100_000, |file| flip(file, 99_999));
}

#[test]
fn a_large_blob_cut_while_the_store_is_open() {
    check_damage("large", 100_000, |file| cut(file, 50_000));
}

#[test]
fn a_large_blob_removed_while_the_store_is_open() {
    check_damage("large", 100_000, |file| fs::remove_file(file).unwrap());
}

#[test]
fn a_pack_removed_while_the_store_is_open() {
    check_damage("packs", 1000, |file| fs::remove_file(file).unwrap());
}

#[test]
fn a_flipped_bit_in_the_sums_of_a_large_blob() {
    check_damage("large", 100_000, |file| flip(file, 100_009));
}

#[test]
fn a_part_beside_the_damage_is_still_right() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalBlobStore::open(folder.path()).unwrap();
    let (digest, bytes) = blob(1, 200_000);
    run(store_all(&store, &[(digest, bytes.clone())]));
    flip(
        &files_below(&folder.path().join("large")).remove(0),
        150_000,
    );
    let part = run(store.read(digest, 1000..120_000)).unwrap();
    assert_eq!(part, bytes.slice(1000..120_000));
    let error = run(store.read(digest, 150_500..150_501)).unwrap_err();
    assert!(matches!(error, BlobError::Damaged { .. }), "{error}");
    assert!(
        matches!(store.pin(&digest), Err(BlobError::Damaged { .. })),
        "said before the next one begins to read"
    );
}

#[test]
fn verify_names_exactly_what_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalBlobStore::open(folder.path()).unwrap();
    let blobs: Vec<_> = (0..20).map(|seed| blob(seed, 1000)).collect();
    run(store_all(&store, &blobs));
    let pack = files_below(&folder.path().join("packs")).remove(0);
    flip(&pack, 16 + 7 * 1000 + 3);
    flip(&pack, 16 + 12 * 1000);
    let report = store.verify().unwrap();
    assert_eq!(report.damaged, [blobs[7].0, blobs[12].0]);
    assert_eq!((report.blob_count, report.blob_bytes), (20, 20_000));
}

#[test]
fn a_disk_that_refuses_fails_the_upload_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalBlobStore::open(folder.path()).unwrap();
    let blobs = [blob(1, 1000), blob(2, 100_000)];
    // Without its folder no temporary file can be made.
    fs::remove_dir(folder.path().join("temporary")).unwrap();
    run(async {
        let mut upload = store.upload();
        for (digest, bytes) in &blobs {
            upload.put(*digest, bytes.clone()).await.unwrap();
        }
        assert!(matches!(upload.settle().await, Err(BlobError::Io { .. })));
        fs::create_dir(folder.path().join("temporary")).unwrap();
        assert!(
            matches!(upload.finish().await, Err(BlobError::Io { .. })),
            "half of it is lost"
        );
    });
    assert_eq!(store.totals(), (0, 0));
    run(store_all(&store, &blobs));
    run(check_all(&store, &blobs));
}
