//! The store elsewhere: in memory always, and in a real S3 server, which `cargo xtask check s3` starts.

use std::sync::atomic::{AtomicUsize, Ordering};

use holm_storage::{
    BlobError, BlobStore as _, RemoteBlobStore, RemoteSettings, S3Credentials, S3Settings,
    StorageLimits,
};

use crate::blob_contract::check_contract;
use crate::collect_contract::{check_collecting, collect};
use crate::support::{blob, check_all, files_below, run, store_all};

fn how(folder: &std::path::Path, prefix: &str) -> RemoteSettings {
    RemoteSettings {
        prefix: prefix.to_owned(),
        owner: "this server".to_owned(),
        cache_folder: folder.join(prefix),
        limits: StorageLimits::default(),
    }
}

fn in_memory(how: RemoteSettings) -> RemoteBlobStore {
    run(RemoteBlobStore::open_in_memory(how)).unwrap()
}

#[test]
fn keeps_the_contract_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let next = AtomicUsize::new(0);
    let fresh = || {
        let number = next.fetch_add(1, Ordering::Relaxed);
        in_memory(how(folder.path(), &number.to_string()))
    };
    check_contract(fresh);
}

#[test]
fn gives_back_space_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let next = AtomicUsize::new(0);
    check_collecting_in(folder.path(), &next);
}

fn check_collecting_in(folder: &std::path::Path, next: &AtomicUsize) {
    // The contract makes its stores within a runtime.
    check_collecting(|| {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let how = how(folder, &number.to_string());
        std::thread::scope(|scope| scope.spawn(|| in_memory(how)).join().unwrap())
    });
}

/// The S3 server that `cargo xtask check s3` has started.
#[expect(
    clippy::disallowed_methods,
    reason = "whoever starts the S3 server says where it is"
)]
fn s3() -> S3Settings {
    let endpoint = std::env::var("HOLM_TEST_S3_ENDPOINT").expect("the address of an S3 server");
    S3Settings {
        bucket: "holm-test".to_owned(),
        region: "us-east-1".to_owned(),
        endpoint: Some(endpoint),
        credentials: S3Credentials {
            access_key_id: "test".to_owned(),
            secret_access_key: "test".to_owned(),
            session_token: None,
        },
    }
}

fn in_s3(settings: &S3Settings, how: RemoteSettings) -> RemoteBlobStore {
    let opening = || run(RemoteBlobStore::open_s3(settings, how)).unwrap();
    std::thread::scope(|scope| scope.spawn(opening).join().unwrap())
}

/// A prefix that no other test and no earlier run has used.
fn prefix(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

#[test]
#[ignore = "needs an S3 server: cargo xtask check s3"]
fn s3_keeps_the_contract() {
    let settings = s3();
    let folder = tempfile::tempdir().unwrap();
    let next = AtomicUsize::new(0);
    check_contract(|| {
        let number = next.fetch_add(1, Ordering::Relaxed);
        in_s3(
            &settings,
            how(folder.path(), &prefix(&format!("contract{number}"))),
        )
    });
}

#[test]
#[ignore = "needs an S3 server: cargo xtask check s3"]
fn s3_gives_back_space() {
    let settings = s3();
    let folder = tempfile::tempdir().unwrap();
    let next = AtomicUsize::new(0);
    check_collecting(|| {
        let number = next.fetch_add(1, Ordering::Relaxed);
        in_s3(
            &settings,
            how(folder.path(), &prefix(&format!("collect{number}"))),
        )
    });
}

#[test]
#[ignore = "needs an S3 server: cargo xtask check s3"]
fn s3_has_everything_after_a_restart_and_one_owner() {
    let settings = s3();
    let folder = tempfile::tempdir().unwrap();
    let how = how(folder.path(), &prefix("restart"));
    let blobs = [
        blob(1, 10),
        blob(2, 5000),
        blob(3, 70_000),
        blob(4, 0),
        blob(5, 9_000_000),
    ];
    let store = in_s3(&settings, how.clone());
    run(store_all(&store, &blobs));
    run(check_all(&store, &blobs));
    drop(store);
    let store = in_s3(&settings, how.clone());
    run(check_all(&store, &blobs));
    assert_eq!(run(store_all(&store, &blobs)).known_count, 5);
    run(collect(&store, &blobs[3..]));
    drop(store);
    let store = in_s3(&settings, how.clone());
    assert_eq!(store.totals().0, 2);
    run(check_all(&store, &blobs[3..]));

    let other = RemoteSettings {
        owner: "another server".to_owned(),
        ..how
    };
    let error = run(RemoteBlobStore::open_s3(&settings, other)).unwrap_err();
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert!(why.contains("another server writes there"), "{why}");
}

#[test]
fn an_s3_server_that_is_not_there_is_an_error_without_the_secret() {
    let settings = S3Settings {
        bucket: "holm-test".to_owned(),
        region: "us-east-1".to_owned(),
        // Nobody listens on the discard port of loopback.
        endpoint: Some("http://127.0.0.1:9".to_owned()),
        credentials: S3Credentials {
            access_key_id: "test".to_owned(),
            secret_access_key: "hush-hush".to_owned(),
            session_token: None,
        },
    };
    let folder = tempfile::tempdir().unwrap();
    let error = run(RemoteBlobStore::open_s3(&settings, how(folder.path(), "x"))).unwrap_err();
    assert!(matches!(error, BlobError::Io { .. }));
    assert!(!format!("{error:?}").contains("hush"), "{error:?}");
}

#[test]
fn the_cache_is_used_and_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let store = in_memory(how(folder.path(), "cache"));
    let blobs = [blob(1, 1000), blob(2, 3_000_000)];
    run(store_all(&store, &blobs));
    run(check_all(&store, &blobs));
    let cached = files_below(&folder.path().join("cache"));
    assert_eq!(cached.len(), 4, "one whole and three segments");
    for file in &cached {
        let mut bytes = std::fs::read(file).unwrap();
        bytes[500] ^= 1;
        std::fs::write(file, bytes).unwrap();
    }
    run(check_all(&store, &blobs));
    for file in &cached {
        std::fs::remove_file(file).unwrap();
    }
    run(check_all(&store, &blobs));
    assert!(store.missing(&[blobs[0].0, blobs[1].0]).is_empty());
}

#[test]
fn a_full_cache_is_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let mut how = how(folder.path(), "small");
    how.limits.remote_cache_bytes_max = 1_200_000;
    let store = in_memory(how);
    let blobs = [blob(1, 1000), blob(2, 3_000_000), blob(3, 2_000_000)];
    run(store_all(&store, &blobs));
    for _ in 0..2 {
        run(check_all(&store, &blobs));
        let cached = files_below(&folder.path().join("small"));
        let total: u64 = cached
            .iter()
            .map(|file| file.metadata().unwrap().len())
            .sum();
        assert!(total <= 1_200_000, "{total}");
    }
    // The folder is lost altogether.
    std::fs::remove_dir_all(folder.path().join("small")).unwrap();
    run(check_all(&store, &blobs));
}
