//! The store on a local disk after a crash: at every point either the whole blob or none of it.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use holm_storage::{BlobStore, LocalBlobStore};
use holm_types::BlobDigest;

use crate::support::{blob, check_all, copy_folder, cut, files_below, flip, run, store_all};

fn blobs() -> Vec<(BlobDigest, Bytes)> {
    vec![
        blob(1, 10),
        blob(2, 5000),
        blob(3, 70_000),
        blob(4, 0),
        blob(5, 100_000),
    ]
}

fn digests() -> Vec<BlobDigest> {
    blobs().iter().map(|(digest, _)| *digest).collect()
}

/// Opens, checks that what is there is right, stores the rest, and checks that all of it survives.
fn check_recovery(folder: &Path, missing_count: usize) {
    let store = LocalBlobStore::open(folder).unwrap();
    let missing = store.missing(&digests());
    assert_eq!(missing.len(), missing_count);
    let there: Vec<_> = blobs()
        .into_iter()
        .filter(|(digest, _)| !missing.contains(digest))
        .collect();
    run(check_all(&store, &there));
    assert!(files_below(&folder.join("temporary")).is_empty());
    let receipt = run(store_all(&store, &blobs()));
    assert_eq!(receipt.stored_count, missing_count as u64);
    drop(store);
    let store = LocalBlobStore::open(folder).unwrap();
    run(check_all(&store, &blobs()));
    assert!(store.verify().unwrap().damaged.is_empty());
}

#[test]
fn dropped_uploads_leave_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalBlobStore::open(folder.path()).unwrap();
    let before = files_below(folder.path());
    run(async {
        let mut upload = store.upload();
        for (digest, bytes) in blobs() {
            upload.put(digest, bytes).await.unwrap();
        }
        let (digest, bytes) = blob(9, 3_000_000);
        upload.begin(digest, 3_000_000).await.unwrap();
        upload.append(bytes.slice(..2_000_000)).await.unwrap();
        upload.settle().await.unwrap();
        assert!(files_below(&folder.path().join("temporary")).len() >= 3);
    });
    assert_eq!(files_below(folder.path()), before);
}

#[test]
fn killed_while_blobs_arrive() {
    let folder = tempfile::tempdir().unwrap();
    let crashed = tempfile::tempdir().unwrap();
    let store = LocalBlobStore::open(folder.path()).unwrap();
    run(async {
        let mut upload = store.upload();
        for (digest, bytes) in blobs() {
            upload.put(digest, bytes).await.unwrap();
        }
        upload.settle().await.unwrap();
        copy_folder(folder.path(), crashed.path());
    });
    assert!(!files_below(&crashed.path().join("temporary")).is_empty());
    check_recovery(crashed.path(), 5);
}

/// Every file that an upload names, and how many blobs it has.
fn named_files(folder: &Path) -> Vec<(PathBuf, usize)> {
    let packs = files_below(&folder.join("packs"))
        .into_iter()
        .map(|path| (path, 3));
    let large = files_below(&folder.join("large"))
        .into_iter()
        .map(|path| (path, 1));
    packs.chain(large).collect()
}

#[test]
fn killed_between_any_two_renames() {
    let folder = tempfile::tempdir().unwrap();
    run(store_all(
        &LocalBlobStore::open(folder.path()).unwrap(),
        &blobs(),
    ));
    let names = named_files(folder.path());
    assert_eq!(names.len(), 3);
    for renamed in 0..=names.len() {
        let crashed = tempfile::tempdir().unwrap();
        copy_folder(folder.path(), crashed.path());
        let mut missing = 0;
        for (position, (path, blob_count)) in names.iter().enumerate().skip(renamed) {
            let path = crashed
                .path()
                .join(path.strip_prefix(folder.path()).unwrap());
            fs::create_dir_all(crashed.path().join("temporary")).unwrap();
            fs::rename(
                path,
                crashed.path().join("temporary").join(position.to_string()),
            )
            .unwrap();
            missing += blob_count;
        }
        check_recovery(crashed.path(), missing);
    }
}

#[test]
fn named_files_that_are_torn_are_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    run(store_all(
        &LocalBlobStore::open(folder.path()).unwrap(),
        &blobs(),
    ));
    for (path, blob_count) in named_files(folder.path()) {
        let len = fs::metadata(&path).unwrap().len();
        // Nothing, half a header, within the bytes, the index, the footer, all but the last byte.
        for kept in [
            0,
            7,
            16,
            len / 2,
            len - 184,
            len - 100,
            len - 64,
            len - 20,
            len - 1,
        ] {
            let crashed = tempfile::tempdir().unwrap();
            copy_folder(folder.path(), crashed.path());
            cut(
                &crashed
                    .path()
                    .join(path.strip_prefix(folder.path()).unwrap()),
                kept,
            );
            LocalBlobStore::open_read_only(crashed.path()).unwrap();
            assert!(
                !crashed.path().join("damaged").exists(),
                "reading only changes nothing"
            );
            check_recovery(crashed.path(), blob_count);
            assert_eq!(files_below(&crashed.path().join("damaged")).len(), 1);
        }
    }
}

#[test]
fn a_pack_with_a_damaged_index_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    run(store_all(
        &LocalBlobStore::open(folder.path()).unwrap(),
        &blobs(),
    ));
    let (pack, _) = named_files(folder.path()).remove(0);
    let len = usize::try_from(fs::metadata(&pack).unwrap().len()).unwrap();
    for at in [len - 1, len - 40, len - 60, len - 64, len - 70, len - 184] {
        let crashed = tempfile::tempdir().unwrap();
        copy_folder(folder.path(), crashed.path());
        flip(
            &crashed
                .path()
                .join(pack.strip_prefix(folder.path()).unwrap()),
            at,
        );
        check_recovery(crashed.path(), 3);
    }
}

#[test]
fn strangers_in_the_folder_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    run(store_all(
        &LocalBlobStore::open(folder.path()).unwrap(),
        &blobs(),
    ));
    for name in [
        "notes.txt",
        "packs/notes.txt",
        "large/notes.txt",
        "large/ab/notes.txt",
    ] {
        fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
        fs::write(folder.path().join(name), "mine").unwrap();
    }
    check_recovery(folder.path(), 0);
    assert!(folder.path().join("large/ab/notes.txt").exists());
}
