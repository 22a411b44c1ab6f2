//! The published snapshot: restarts, torn files, order, and waiting for the edge.

use std::fs;
use std::path::Path;
use std::time::Duration;

use holm_storage::{PublishedSnapshot, SnapshotStore};

use crate::support::{cut, files_below, flip, run};

fn snapshot(version: u64) -> PublishedSnapshot {
    PublishedSnapshot {
        version,
        bytes: format!("snapshot {version}").into_bytes().into(),
    }
}

fn publish(folder: &Path, versions: impl IntoIterator<Item = u64>) {
    let store = SnapshotStore::open(folder).unwrap();
    versions
        .into_iter()
        .for_each(|version| store.publish(snapshot(version)).unwrap());
}

fn newest(folder: &Path) -> Option<u64> {
    let newest = SnapshotStore::open(folder).unwrap().newest();
    newest.map(|newest| {
        assert_eq!(newest, snapshot(newest.version));
        newest.version
    })
}

#[test]
fn the_newest_survives_a_restart_and_two_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(newest(folder.path()), None);
    publish(folder.path(), 1..=12);
    assert_eq!(files_below(folder.path()).len(), 2);
    assert_eq!(newest(folder.path()), Some(12));
    publish(folder.path(), [13]);
    assert_eq!(newest(folder.path()), Some(13));
}

#[test]
fn versions_only_grow() {
    let folder = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(folder.path()).unwrap();
    store.publish(snapshot(5)).unwrap();
    store.publish(snapshot(4)).unwrap();
    store
        .publish(PublishedSnapshot {
            version: 5,
            bytes: "other".into(),
        })
        .unwrap();
    assert_eq!(store.newest(), Some(snapshot(5)));
    assert_eq!(newest(folder.path()), Some(5));
}

#[test]
fn a_torn_newest_falls_back_to_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let len = 64 + 10;
    for kept in [0, 8, 31, 40, 63, 64, len - 1] {
        publish(folder.path(), [8, 9, 10]);
        let path = files_below(folder.path())
            .into_iter()
            .rfind(|path| path.extension().unwrap() == "bin");
        cut(&path.unwrap(), kept);
        assert_eq!(newest(folder.path()), Some(9), "cut to {kept}");
        publish(folder.path(), [10, 11]);
        assert_eq!(
            newest(folder.path()),
            Some(11),
            "the number may be used again"
        );
        fs::remove_dir_all(folder.path()).unwrap();
    }
}

#[test]
fn any_changed_byte_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    for at in 0..64 + 10 {
        publish(folder.path(), [8, 9]);
        flip(&files_below(folder.path())[1], at);
        assert_eq!(newest(folder.path()), Some(8), "byte {at}");
        fs::remove_dir_all(folder.path()).unwrap();
    }
}

#[test]
fn killed_before_the_rename() {
    let folder = tempfile::tempdir().unwrap();
    publish(folder.path(), [1, 2]);
    let path = files_below(folder.path()).remove(1);
    fs::rename(&path, path.with_extension("tmp")).unwrap();
    assert_eq!(newest(folder.path()), Some(1));
    publish(folder.path(), [2]);
    assert_eq!(newest(folder.path()), Some(2));
}

#[test]
fn a_disk_that_refuses_leaves_the_newest_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(folder.path()).unwrap();
    store.publish(snapshot(1)).unwrap();
    let subscriber = store.subscribe();
    fs::remove_dir_all(folder.path()).unwrap();
    assert!(store.publish(snapshot(2)).is_err());
    assert_eq!(store.newest(), Some(snapshot(1)));
    assert!(!subscriber.has_changed().unwrap());
}

#[test]
fn edges_are_told_and_say_when_they_serve_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(folder.path()).unwrap();
    run(async {
        let mut subscriber = store.subscribe();
        let edge = store.clone();
        let serving = tokio::spawn(async move {
            let newest = subscriber
                .wait_for(Option::is_some)
                .await
                .unwrap()
                .clone()
                .unwrap();
            edge.acknowledge(newest.version);
            edge.acknowledge(newest.version - 1);
        });
        assert!(!store.taken_up(3, Duration::from_millis(1)).await);
        store.publish(snapshot(3)).unwrap();
        assert!(store.taken_up(3, Duration::from_secs(10)).await);
        serving.await.unwrap();
        assert!(
            store.taken_up(2, Duration::ZERO).await,
            "an older one was taken up with it"
        );
        assert!(!store.taken_up(4, Duration::from_millis(1)).await);
    });
}

#[test]
fn a_snapshot_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    // What a crash left behind, as another program may have made it.
    let left = folder.path().join("snapshot-00000000000000000007.tmp");
    fs::write(&left, "torn").unwrap();
    fs::set_permissions(&left, fs::Permissions::from_mode(0o644)).unwrap();
    publish(folder.path(), [7]);
    let file = folder.path().join("snapshot-00000000000000000007.bin");
    let mode = fs::metadata(file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
