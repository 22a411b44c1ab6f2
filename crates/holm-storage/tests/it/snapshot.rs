//! The published snapshot: restarts, torn files, order, and waiting for the edge.

use std::fs;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use holm_storage::{PublishedChange, PublishedSnapshot, SnapshotLook, SnapshotStore};

use crate::support::{cut, files_below, flip, run};

fn snapshot(version: u64) -> PublishedSnapshot {
    PublishedSnapshot::whole(version, whole(version))
}

fn whole(version: u64) -> Bytes {
    format!("snapshot {version}").into_bytes().into()
}

fn publish(folder: &Path, versions: impl IntoIterator<Item = u64>) {
    let store = SnapshotStore::open(folder).unwrap();
    versions
        .into_iter()
        .for_each(|version| store.publish(version, whole(version)).unwrap());
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
    store.publish(5, whole(5)).unwrap();
    store.publish(4, whole(4)).unwrap();
    store.publish(5, "other".into()).unwrap();
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
    store.publish(1, whole(1)).unwrap();
    let subscriber = store.subscribe();
    fs::remove_dir_all(folder.path()).unwrap();
    assert!(store.publish(2, whole(2)).is_err());
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
        store.publish(3, whole(3)).unwrap();
        assert!(store.taken_up(3, Duration::from_secs(10)).await);
        serving.await.unwrap();
        assert!(
            store.taken_up(2, Duration::ZERO).await,
            "an older one was taken up with it"
        );
        assert!(!store.taken_up(4, Duration::from_millis(1)).await);
    });
}

fn change(since: u64, version: u64) -> PublishedChange {
    PublishedChange {
        since,
        version,
        bytes: format!("change {since} to {version}").into_bytes().into(),
    }
}

/// The versions of the changes that lie on the newest whole one.
fn changes(folder: &Path) -> Vec<u64> {
    let newest = SnapshotStore::open(folder).unwrap().newest().unwrap();
    let (_, changes) = newest.parts();
    for each in changes {
        assert_eq!(*each, change(each.since, each.version));
    }
    let versions: Vec<u64> = changes.iter().map(|change| change.version).collect();
    assert_eq!(newest.version, *versions.last().unwrap_or(&newest.version));
    versions
}

/// Version 1 whole, versions 2 to 5 as changes.
fn publish_changes(folder: &Path) -> SnapshotStore {
    let store = SnapshotStore::open(folder).unwrap();
    assert!(
        !store.publish_change(change(1, 2)).unwrap(),
        "nothing to apply it to"
    );
    store.publish(1, whole(1)).unwrap();
    for version in 2..=5 {
        assert!(store.publish_change(change(version - 1, version)).unwrap());
    }
    store
}

#[test]
fn changes_survive_a_restart_and_come_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = publish_changes(folder.path());
    assert_eq!(store.newest_version(), Some(5));
    assert!(
        store.publish_change(change(2, 4)).unwrap(),
        "an older one is ignored"
    );
    assert!(
        !store.publish_change(change(6, 7)).unwrap(),
        "one is missing between"
    );
    assert_eq!(changes(folder.path()), [2, 3, 4, 5]);
    assert!(
        store.publish_change(change(3, 6)).unwrap(),
        "it may overlap"
    );
    assert_eq!(changes(folder.path()), [2, 3, 4, 5, 6]);
    store.publish(9, whole(9)).unwrap();
    assert_eq!(changes(folder.path()), [] as [u64; 0]);
    assert_eq!(newest(folder.path()), Some(9));
}

#[test]
fn a_torn_change_is_dropped_with_all_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    for kept in [0, 31, 63, 64, 71, 64 + 8 + 12] {
        publish_changes(folder.path());
        let path = folder.path().join("change-00000000000000000003.bin");
        cut(&path, kept);
        assert_eq!(changes(folder.path()), [2], "cut to {kept}");
        // Another version 3: what lay behind the torn one must not come behind this.
        let store = SnapshotStore::open(folder.path()).unwrap();
        assert!(store.publish_change(change(2, 3)).unwrap());
        assert_eq!(changes(folder.path()), [2, 3], "cut to {kept}");
        fs::remove_dir_all(folder.path()).unwrap();
    }
    for at in 0..64 + 8 + 13 {
        publish_changes(folder.path());
        flip(&folder.path().join("change-00000000000000000005.bin"), at);
        assert_eq!(changes(folder.path()), [2, 3, 4], "byte {at}");
        fs::remove_dir_all(folder.path()).unwrap();
    }
}

#[test]
fn folding_keeps_what_came_meanwhile_and_a_way_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = publish_changes(folder.path());
    let subscriber = store.subscribe();
    let whole = whole(4);
    store.fold(9, whole.clone()).unwrap();
    assert_eq!(
        store.newest().unwrap().parts().1.len(),
        4,
        "no such version"
    );
    store.fold(4, whole.clone()).unwrap();
    assert!(!subscriber.has_changed().unwrap(), "it is no news");
    let now = store.newest().unwrap();
    assert_eq!((now.version, now.parts().0), (5, &whole));
    assert_eq!(changes(folder.path()), [5]);
    // The whole one is torn: the one before it leads there with its changes.
    cut(&folder.path().join("snapshot-00000000000000000004.bin"), 70);
    assert_eq!(changes(folder.path()), [2, 3, 4, 5]);
    let found = SnapshotStore::open(folder.path()).unwrap().newest();
    assert_eq!(*found.unwrap().parts().0, "snapshot 1");
}

#[test]
fn changes_do_not_pile_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = publish_changes(folder.path());
    let mut version = 5;
    while store.publish_change(change(version, version + 1)).unwrap() {
        version += 1;
        let newest = store.newest().unwrap();
        assert_eq!(newest.is_to_be_folded(), newest.parts().1.len() >= 256);
    }
    assert_eq!(version, 513, "512 changes behind version 1");
    store.fold(version, whole(version)).unwrap();
    assert!(store.publish_change(change(version, version + 1)).unwrap());
    store.fold(version + 1, whole(version)).unwrap();
    // Two whole ones, and no change older than the older of them.
    assert_eq!(files_below(folder.path()).len(), 3);
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

fn change_file(folder: &Path, version: u64) -> std::path::PathBuf {
    folder.join(format!("change-{version:020}.bin"))
}

#[test]
fn opening_removes_nothing_and_publishing_what_nothing_leads_to() {
    let folder = tempfile::tempdir().unwrap();
    publish_changes(folder.path());
    fs::remove_file(change_file(folder.path(), 3)).unwrap();
    let before = files_below(folder.path());
    let cut_off = [4, 5].map(|version| change_file(folder.path(), version));
    for _ in 0..2 {
        let store = SnapshotStore::open(folder.path()).unwrap();
        assert_eq!(store.newest_version(), Some(2));
        assert_eq!(files_below(folder.path()), before);
    }
    // The whole one could otherwise be followed by change 5.
    let store = SnapshotStore::open(folder.path()).unwrap();
    store.publish(4, whole(4)).unwrap();
    assert!(!cut_off.iter().any(|path| path.exists()));
    assert_eq!(newest(folder.path()), Some(4));
}

#[test]
fn what_cannot_be_removed_stops_publishing_and_not_the_start() {
    let folder = tempfile::tempdir().unwrap();
    publish_changes(folder.path());
    cut(&change_file(folder.path(), 3), 70);
    // A folder with something in it: nobody can remove it as a file.
    let in_the_way = change_file(folder.path(), 4);
    fs::remove_file(&in_the_way).unwrap();
    fs::create_dir(&in_the_way).unwrap();
    let store = SnapshotStore::open(folder.path()).unwrap();
    assert_eq!(store.newest_version(), Some(2));
    assert!(store.publish_change(change(2, 3)).is_err());
    assert!(store.publish(6, whole(6)).is_err());
    assert_eq!(store.newest_version(), Some(2));
    fs::remove_dir(&in_the_way).unwrap();
    assert!(store.publish_change(change(2, 3)).unwrap());
    assert_eq!(changes(folder.path()), [2, 3]);
}

#[test]
fn who_only_looks_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        SnapshotStore::look(folder.path()).unwrap(),
        SnapshotLook::default()
    );
    publish_changes(folder.path());
    let sound = SnapshotLook {
        version: Some(5),
        ..SnapshotLook::default()
    };
    assert_eq!(SnapshotStore::look(folder.path()).unwrap(), sound);
    let torn = change_file(folder.path(), 3);
    cut(&torn, 70);
    let before = files_below(folder.path());
    let broken = SnapshotLook {
        version: Some(2),
        torn: vec![torn.clone()],
        cut_off: [4, 5]
            .map(|version| change_file(folder.path(), version))
            .to_vec(),
        set_aside: Vec::new(),
    };
    assert_eq!(SnapshotStore::look(folder.path()).unwrap(), broken);
    assert_eq!(files_below(folder.path()), before);
    drop(SnapshotStore::open(folder.path()).unwrap());
    let opened = SnapshotLook {
        torn: Vec::new(),
        set_aside: vec![torn.with_extension("damaged")],
        ..broken
    };
    assert_eq!(SnapshotStore::look(folder.path()).unwrap(), opened);
    assert!(SnapshotStore::look(&folder.path().join("none")).is_err());
}

/// The number at this place of a file's header.
fn header_number(path: &Path, index: usize) -> u64 {
    let bytes = fs::read(path).unwrap();
    u64::from_le_bytes(bytes[index * 8..][..8].try_into().unwrap())
}

#[test]
fn a_program_without_changes_reads_no_whole_one_that_may_have_some() {
    let folder = tempfile::tempdir().unwrap();
    let store = publish_changes(folder.path());
    store.fold(3, whole(3)).unwrap();
    let wholes = [1, 3].map(|version| folder.path().join(format!("snapshot-{version:020}.bin")));
    for path in &wholes {
        // The format. Such a program reads 1 and refuses any other.
        assert_eq!(header_number(path, 1), 2, "{}", path.display());
    }
    // What such a program wrote is read, but a change behind it would be lost on it.
    fs::remove_dir_all(folder.path()).unwrap();
    publish(folder.path(), [7]);
    let file = folder.path().join(format!("snapshot-{:020}.bin", 7));
    write_as_format_one(&file);
    let store = SnapshotStore::open(folder.path()).unwrap();
    assert_eq!(store.newest(), Some(snapshot(7)));
    assert!(!store.publish_change(change(7, 8)).unwrap());
    store.publish(8, whole(8)).unwrap();
    assert!(store.publish_change(change(8, 9)).unwrap());
}

/// As the program before changes wrote it: the header's numbers, their checksum with the bytes, the bytes.
fn write_as_format_one(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes[8..16].copy_from_slice(&1_u64.to_le_bytes());
    let checked = [&bytes[..32], &bytes[64..]].concat();
    let checksum = holm_types::BlobDigest::of(&checked);
    bytes[32..64].copy_from_slice(checksum.as_bytes());
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_change_that_is_nearly_everything_is_published_whole() {
    let folder = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(folder.path()).unwrap();
    let sized = |version: u64, len: usize| PublishedChange {
        since: version - 1,
        version,
        bytes: vec![0; len].into(),
    };
    store.publish(1, vec![0; 200_000].into()).unwrap();
    assert!(!store.publish_change(sized(2, 100_001)).unwrap());
    assert!(store.publish_change(sized(2, 100_000)).unwrap());
    // Small ones are never large, however little they lie on.
    store.publish(10, whole(10)).unwrap();
    assert!(store.publish_change(sized(11, 64 * 1024)).unwrap());
    assert!(!store.publish_change(sized(12, 64 * 1024 + 1)).unwrap());
}

#[test]
fn changes_end_where_folding_does_not_keep_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(folder.path()).unwrap();
    store.publish(1, vec![0; 200_000].into()).unwrap();
    let sized = |version: u64| PublishedChange {
        since: version - 1,
        version,
        bytes: vec![0; 64 * 1024].into(),
    };
    // A quarter MiB is folded, twice that is the end.
    for version in 2..10 {
        assert!(store.publish_change(sized(version)).unwrap(), "{version}");
        let is_much = store.newest().unwrap().is_to_be_folded();
        assert_eq!(is_much, version > 5, "{version}");
    }
    assert!(!store.publish_change(sized(10)).unwrap());
    store.publish(10, vec![0; 200_000].into()).unwrap();
    assert!(store.publish_change(sized(11)).unwrap());
}
