//! What is published is what the database says: as changes, whole, and folded.

use super::*;

#[test]
fn a_burst_of_changes_is_published_by_one_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let core = core(folder.path());
    let runtime = runtime();
    runtime.block_on(async {
        let mut last = 0;
        for _ in 0..50 {
            last = core
                .db
                .write::<_, ApiError>(|change| Ok(change.hosts_changed()?))
                .await
                .unwrap();
        }
        // Whoever comes first publishes for all.
        core.publisher.reach(1).await.unwrap();
        let published = core.snapshots.newest().unwrap();
        assert_eq!(published.version, last);
        assert_eq!(core.publisher.run_once().await.unwrap(), Report::default());
    });
}

#[test]
fn changes_come_to_the_same_as_everything() {
    let folder = tempfile::tempdir().unwrap();
    let core = core(folder.path());
    let runtime = runtime();
    let publish = || runtime.block_on(core.publisher.run_once()).unwrap();
    core.publisher.publish_at_start().unwrap();
    for (step, (project, number)) in (1..).zip([(1, 1), (2, 2), (1, 3), (3, 4)]) {
        deploy(&core, project, number);
        publish();
        assert_eq!(published(&core).1, step, "one change each");
    }
    // Two at once, and a project that is gone with its row before anybody publishes.
    let gone = ProjectId::from_bytes([2; 16]);
    core.db
        .write_blocking::<_, ApiError>(move |change| {
            change.delete_project(gone, NOW)?;
            change.project_hosts_changed(gone)?;
            while change.sweep_project(gone, 100)? > 0 {}
            Ok(())
        })
        .unwrap();
    deploy(&core, 3, 5);
    publish();
    let (changed, count) = published(&core);
    assert_eq!(count, 5, "one change for both");
    let hosts = changed.hosts.iter().map(|entry| entry.host.as_str());
    assert_eq!(hosts.filter(|host| host.starts_with("site-2")).count(), 0);
    assert_eq!(
        changed.hosts.len(),
        2 + 4,
        "two projects with two deployments"
    );
    // At a start nothing is to be done, and all at once gives the same.
    assert_eq!(
        core.publisher.publish_at_start().unwrap(),
        Report::default()
    );
    core.db
        .write_blocking::<_, ApiError>(|change| Ok(change.hosts_changed()?))
        .unwrap();
    publish();
    let (whole, count) = published(&core);
    assert_eq!((count, whole.hosts), (0, changed.hosts));
}

#[test]
fn many_changes_are_folded_behind() {
    let folder = tempfile::tempdir().unwrap();
    let core = core(folder.path());
    let runtime = runtime();
    core.publisher.publish_at_start().unwrap();
    deploy(&core, 1, 1);
    for _ in 0..300 {
        let id = ProjectId::from_bytes([1; 16]);
        let change = core
            .db
            .write_blocking::<_, ApiError>(move |change| Ok(change.project_hosts_changed(id)?));
        runtime
            .block_on(core.publisher.reach(change.unwrap()))
            .unwrap();
    }
    let (before, count) = published(&core);
    assert!(
        count >= 300,
        "whoever waits for a version does not wait for folding"
    );
    runtime.block_on(core.publisher.run_once()).unwrap();
    assert_eq!(published(&core), (before, 0));
    // Since the whole one of the start; the rows are gone with the folding.
    let left = core
        .db
        .read_blocking::<_, DbError>(|view| view.host_changes(1, 10));
    assert_eq!(left.unwrap(), HostChanges::Of(Vec::new()));
}

/// Something in the way of the whole snapshot of this version: nobody can remove it as a file.
fn bar_whole(folder: &std::path::Path, version: u64) -> std::path::PathBuf {
    let in_the_way = folder.join(format!("snapshots/snapshot-{version:020}.tmp"));
    std::fs::create_dir(&in_the_way).unwrap();
    in_the_way
}

/// Folds at once.
fn impatient() -> ControlLimits {
    ControlLimits {
        snapshot_changes_time_max: Duration::ZERO,
        collect_settle_time: Duration::ZERO,
        ..ControlLimits::default()
    }
}

#[test]
fn changes_do_not_lie_for_long() {
    let folder = tempfile::tempdir().unwrap();
    let core = core_with(folder.path(), impatient());
    core.publisher.publish_at_start().unwrap();
    deploy(&core, 1, 1);
    runtime().block_on(core.publisher.run_once()).unwrap();
    let (snapshot, count) = published(&core);
    assert_eq!((snapshot.hosts.len(), count), (2, 0));
}

#[test]
fn a_start_and_a_stop_leave_one_whole_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let core = core(folder.path());
    core.publisher.publish_at_start().unwrap();
    for (number, end) in [(1, "start"), (2, "stop")] {
        deploy(&core, 1, number);
        runtime().block_on(core.publisher.run_once()).unwrap();
        let (before, count) = published(&core);
        assert_eq!(count, 1, "{end}");
        match end {
            "start" => drop(core.publisher.publish_at_start().unwrap()),
            _ => core.publisher.fold_at_stop(),
        }
        assert_eq!(published(&core), (before, 0), "{end}");
    }
}

#[test]
fn folding_that_fails_stops_neither_publishing_nor_collecting() {
    let folder = tempfile::tempdir().unwrap();
    let core = core_with(folder.path(), impatient());
    let (_sender, stop) = watch::channel(false);
    core.publisher.publish_at_start().unwrap();
    runtime().block_on(async {
        let kept = collecting::stored_document(&core, "kept").await;
        collecting::stored_document(&core, "nobody's").await;
        deploy_document(&core, 1, 1, kept);
        let version = core.db.read_blocking(|view| view.snapshot_version());
        let version = version.unwrap();
        let in_the_way = bar_whole(folder.path(), version);
        assert_eq!(core.publisher.run_once().await.unwrap().changed_count, 1);
        assert_eq!(published(&core).1, 1, "it could not be folded");
        // The start goes on with what is there as well.
        core.publisher.publish_at_start().unwrap();
        core.snapshots.acknowledge(version);
        let done = BlobCollector::new(&core).collect(&stop).await.unwrap();
        assert_eq!(done.dead_count, 2, "a file and a document");
        assert!(in_the_way.exists());
    });
}

#[test]
fn a_change_that_cannot_be_read_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let core = core_with(folder.path(), impatient());
    core.publisher.publish_at_start().unwrap();
    deploy(&core, 1, 1);
    let since = core.snapshots.newest_version().unwrap();
    let damaged = holm_storage::PublishedChange {
        since,
        version: since + 1,
        bytes: "no change".into(),
    };
    assert!(core.snapshots.publish_change(damaged).unwrap());
    runtime().block_on(core.publisher.run_once()).unwrap();
    let (snapshot, count) = published(&core);
    assert_eq!((snapshot.hosts.len(), count), (2, 0));
}

#[test]
fn a_deployment_that_is_published_is_live_though_nothing_can_be_tidied_up() {
    let folder = tempfile::tempdir().unwrap();
    let core = core(folder.path());
    core.publisher.publish_at_start().unwrap();
    deploy(&core, 1, 1);
    let wanted = core
        .db
        .write_blocking::<_, ApiError>(|change| Ok(change.hosts_changed()?))
        .unwrap();
    // From now on nothing can be written down.
    core.db.close();
    runtime().block_on(core.publisher.reach(wanted)).unwrap();
    assert_eq!(published(&core).0.hosts.len(), 2);
    runtime().block_on(core.publisher.run_once()).unwrap();
}
