//! The way of access records from many threads to the disk.
#![allow(clippy::unwrap_used, reason = "a test says so by panicking")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use holm_telemetry::{
    AccessRecord, CacheStatus, Protocol, RecordLimits, RecordLog, RecordSink, SendOutcome, ServedBy,
};
use holm_types::{RequestId, Timestamp};

fn record(number: u64) -> AccessRecord {
    AccessRecord {
        at: Timestamp::from_unix_ms(1_700_000_000_000 + i64::try_from(number).unwrap()),
        request_id: RequestId::from_u64(number),
        duration_us: 1,
        peer: [127, 0, 0, 1].into(),
        protocol: Some(Protocol::Http11),
        is_secure: false,
        host: "a.localhost".into(),
        project_id: None,
        deployment_id: None,
        method: "GET".into(),
        target: "/index.html".into(),
        status: 200,
        sent_bytes: 1024,
        served_by: ServedBy::Asset,
        cache: CacheStatus::Hit,
        fault: None,
        reason: None,
        outcome: SendOutcome::Sent,
        user_agent: None,
        referer: None,
    }
}

/// The request ids on disk, sorted; every line must be JSON.
fn ids_on_disk(folder: &Path) -> Vec<u64> {
    let mut ids = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        for line in fs::read_to_string(entry.unwrap().path()).unwrap().lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            ids.push(value["request_id"].as_str().unwrap().parse().unwrap());
        }
    }
    ids.sort_unstable();
    ids
}

#[test]
fn every_record_of_many_threads_is_on_disk_after_close() {
    let folder = tempfile::tempdir().unwrap();
    let limits = RecordLimits {
        segment_bytes_max: 300_000,
        flush_interval: Duration::from_millis(1),
        ..RecordLimits::default()
    };
    let (sink, log) = RecordLog::open(folder.path().join("records"), limits).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let sink = sink.clone();
            scope.spawn(move || {
                (0..5000).for_each(|number| sink.emit(&record(thread * 5000 + number)));
            });
        }
    });
    log.close();
    assert_eq!(sink.dropped_count(), 0);
    assert_eq!(
        ids_on_disk(&folder.path().join("records")),
        (0..20_000).collect::<Vec<_>>()
    );
    let segments = fs::read_dir(folder.path().join("records")).unwrap().count();
    assert!(segments > 1, "{segments} segments");
    sink.emit(&record(1));
    assert_eq!(sink.dropped_count(), 1, "a closed log drops and counts");
}

#[test]
fn a_large_batch_is_spread_over_segments() {
    let folder = tempfile::tempdir().unwrap();
    let limits = RecordLimits {
        pending_max: 20_000,
        segment_bytes_max: 600_000,
        total_bytes_max: 2_000_000,
        flush_interval: Duration::from_hours(1),
    };
    let (sink, log) = RecordLog::open(folder.path().to_owned(), limits).unwrap();
    (0..20_000).for_each(|number| sink.emit(&record(number)));
    log.close();
    let sizes: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .collect();
    assert!(sizes.iter().all(|size| *size <= 600_000), "{sizes:?}");
    let total: u64 = sizes.iter().sum();
    assert!((1_400_000..=2_000_000).contains(&total), "{total}");
    let ids = ids_on_disk(folder.path());
    let first = *ids.first().unwrap();
    assert!(first > 0, "the oldest are gone");
    assert_eq!(
        ids,
        (first..20_000).collect::<Vec<_>>(),
        "the newest are all there"
    );
}

#[test]
fn beyond_the_maximum_new_records_are_dropped_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let limits = RecordLimits {
        pending_max: 10,
        flush_interval: Duration::from_hours(1),
        ..RecordLimits::default()
    };
    let (sink, log) = RecordLog::open(folder.path().to_owned(), limits).unwrap();
    (0..25).for_each(|number| sink.emit(&record(number)));
    assert_eq!(sink.dropped_count(), 15);
    log.close();
    assert_eq!(ids_on_disk(folder.path()), (0..10).collect::<Vec<_>>());
}

#[test]
fn a_folder_that_vanishes_loses_records_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records");
    let limits = RecordLimits {
        flush_interval: Duration::from_hours(1),
        ..RecordLimits::default()
    };
    let (sink, log) = RecordLog::open(records.clone(), limits).unwrap();
    fs::remove_dir(&records).unwrap();
    (0..5).for_each(|number| sink.emit(&record(number)));
    log.close();
    assert_eq!(sink.dropped_count(), 5);
}

#[test]
fn a_test_takes_records_back() {
    let sink = RecordSink::in_memory();
    sink.emit(&record(7));
    let taken = sink.take();
    assert_eq!(
        taken
            .iter()
            .map(|record| record.request_id.as_u64())
            .collect::<Vec<_>>(),
        [7]
    );
    assert!(sink.take().is_empty());
}
