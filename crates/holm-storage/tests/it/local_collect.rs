//! Giving back space on a local disk: crashes, restarts, readers, and errors of the disk.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use holm_storage::{BlobStore, Collection, LocalBlobStore, StorageLimits};
use holm_types::BlobDigest;

use crate::collect_contract::{check_collecting, collect};
use crate::support::{blob, check_all, copy_folder, files_below, flip, run, store_all};

#[test]
fn keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let next = AtomicUsize::new(0);
    check_collecting(|| {
        let number = next.fetch_add(1, Ordering::Relaxed);
        LocalBlobStore::open(&folder.path().join(number.to_string())).unwrap()
    });
}

fn blobs() -> Vec<(BlobDigest, Bytes)> {
    (0..30)
        .map(|seed| blob(seed, if seed % 10 == 0 { 70_000 } else { 900 }))
        .collect()
}

/// After a crash the wanted blobs are there and right, and collecting again ends where it should.
fn check_recovery(crashed: &Path, wanted: &[(BlobDigest, Bytes)]) {
    let store = LocalBlobStore::open(crashed).unwrap();
    run(check_all(&store, wanted));
    assert!(store.verify().unwrap().damaged.is_empty());
    run(collect(&store, wanted));
    run(check_all(&store, wanted));
    assert_eq!(store.totals().0, wanted.len() as u64);
    let usage = run(store.collector().unwrap().usage()).unwrap();
    assert!(usage.pack_dead_bytes * 2 <= usage.pack_bytes, "{usage:?}");
    drop(store);
    let store = LocalBlobStore::open(crashed).unwrap();
    run(check_all(&store, wanted));
}

#[test]
fn killed_between_any_two_steps() {
    let folder = tempfile::tempdir().unwrap();
    let limits = StorageLimits {
        collect_step_max: 4,
        compact_step_bytes_max: 1800,
        ..StorageLimits::default()
    };
    let store = LocalBlobStore::open_with(folder.path(), limits).unwrap();
    let blobs = blobs();
    run(store_all(&store, &blobs));
    let wanted = &blobs[20..];
    let check = || {
        let crashed = tempfile::tempdir().unwrap();
        copy_folder(folder.path(), crashed.path());
        check_recovery(crashed.path(), wanted);
    };
    let collection = Collection::begin(store.collector().unwrap()).unwrap();
    let digests: Vec<_> = wanted.iter().map(|(digest, _)| *digest).collect();
    collection.keep(&digests);
    let mut steps = 0;
    while !run(collection.sweep()).unwrap().is_done {
        check();
        steps += 1;
    }
    while !run(collection.compact()).unwrap().is_done {
        check();
        steps += 1;
    }
    assert!(steps > 8, "{steps}");
    check();
}

/// Compacting syncs the copy, names it, points there, unlinks the old pack. Killed before the unlinking
/// both packs are there; before the naming the copy is a temporary file.
#[test]
fn killed_within_compacting() {
    let folder = tempfile::tempdir().unwrap();
    let before = tempfile::tempdir().unwrap();
    let store = LocalBlobStore::open(folder.path()).unwrap();
    let blobs = blobs();
    run(store_all(&store, &blobs));
    let wanted = &blobs[21..];
    copy_folder(folder.path(), before.path());
    run(collect(&store, wanted));
    let copy = files_below(&folder.path().join("packs")).remove(0);
    let name = copy.file_name().unwrap();

    let unnamed = tempfile::tempdir().unwrap();
    copy_folder(before.path(), unnamed.path());
    fs::create_dir_all(unnamed.path().join("temporary")).unwrap();
    fs::copy(&copy, unnamed.path().join("temporary/0")).unwrap();
    check_recovery(unnamed.path(), wanted);

    let both = tempfile::tempdir().unwrap();
    copy_folder(before.path(), both.path());
    fs::copy(&copy, both.path().join("packs").join(name)).unwrap();
    check_recovery(both.path(), wanted);
}

#[test]
fn a_reader_of_a_pack_that_is_written_anew_reads_on() {
    let folder = tempfile::tempdir().unwrap();
    let limits = StorageLimits {
        open_handles_max: 1,
        ..StorageLimits::default()
    };
    let store = LocalBlobStore::open_with(folder.path(), limits).unwrap();
    let blobs = blobs();
    let wanted = blobs[25..].to_vec();
    run(async {
        store_all(&store, &blobs).await;
        let reader = store.clone();
        let read = wanted.clone();
        let readers = tokio::spawn(async move {
            for _ in 0..200 {
                check_all(&reader, &read).await;
            }
        });
        while !readers.is_finished() {
            collect(&store, &wanted).await;
            // Sparse again.
            store_all(&store, &blobs[1..9]).await;
        }
        readers.await.unwrap();
    });
}

#[test]
fn a_damaged_blob_is_neither_copied_nor_removed() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalBlobStore::open(folder.path()).unwrap();
    let blobs: Vec<_> = (0..20).map(|seed| blob(seed, 1000)).collect();
    run(store_all(&store, &blobs));
    let pack = files_below(&folder.path().join("packs")).remove(0);
    flip(&pack, 16 + 2 * 1000 + 3);
    run(collect(&store, &blobs[..4]));
    assert!(
        pack.exists(),
        "it has the only copy of what is left of blob 2"
    );
    assert_eq!(store.missing(&[blobs[2].0]), [blobs[2].0]);
    run(check_all(&store, &blobs[..2]));
    run(store_all(&store, &blobs[2..3]));
    run(collect(&store, &blobs[..4]));
    assert!(!pack.exists(), "healed");
    run(check_all(&store, &blobs[..4]));
}

#[test]
fn a_disk_that_refuses_ends_the_step_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalBlobStore::open(folder.path()).unwrap();
    let blobs: Vec<_> = (0..20).map(|seed| blob(seed, 1000)).collect();
    run(store_all(&store, &blobs));
    fs::remove_dir(folder.path().join("temporary")).unwrap();
    let collection = Collection::begin(store.collector().unwrap()).unwrap();
    collection.keep(&[blobs[0].0, blobs[1].0]);
    assert_eq!(run(collection.sweep()).unwrap().removed_count, 18);
    run(collection.compact()).unwrap_err();
    drop(collection);
    run(check_all(&store, &blobs[..2]));
    fs::create_dir(folder.path().join("temporary")).unwrap();
    assert_eq!(run(collect(&store, &blobs[..2])).moved_count, 2);
    run(check_all(&store, &blobs[..2]));
}

#[test]
fn too_many_to_remember_means_that_nothing_goes() {
    let folder = tempfile::tempdir().unwrap();
    let limits = StorageLimits {
        collect_marks_max: 3,
        ..StorageLimits::default()
    };
    let store = LocalBlobStore::open_with(folder.path(), limits).unwrap();
    let blobs = blobs();
    run(store_all(&store, &blobs));
    let collection = Collection::begin(store.collector().unwrap()).unwrap();
    assert!(
        !collection.keep(
            &blobs[..4]
                .iter()
                .map(|(digest, _)| *digest)
                .collect::<Vec<_>>()
        )
    );
    assert!(run(collection.sweep()).unwrap().is_done);
    run(check_all(&store, &blobs));
}

#[test]
fn nothing_is_collected_by_one_who_only_reads() {
    let folder = tempfile::tempdir().unwrap();
    drop(LocalBlobStore::open(folder.path()).unwrap());
    let store = LocalBlobStore::open_read_only(folder.path()).unwrap();
    assert!(Collection::begin(store.collector().unwrap()).is_none());
}
