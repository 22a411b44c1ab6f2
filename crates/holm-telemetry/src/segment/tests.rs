//! Rotation, the total, and what a failed append leaves.

use super::*;

fn limits(segment_bytes_max: u64, total_bytes_max: u64) -> RecordLimits {
    RecordLimits {
        segment_bytes_max,
        total_bytes_max,
        ..RecordLimits::default()
    }
}

/// Name and content of every file, in the order of their names.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn begins_anew_at_the_size_and_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let open = || SegmentFolder::open(folder.path().to_owned(), &limits(10, 100)).unwrap();
    let mut segments = open();
    for (ms, lines) in [(1, "aaaa\n"), (2, "bbbb\n"), (3, "cccc\n")] {
        segments
            .append(Timestamp::from_unix_ms(ms), lines.as_bytes())
            .unwrap();
    }
    segments.close();
    let mut segments = open();
    segments.append(Timestamp::from_unix_ms(4), b"d\n").unwrap();
    let want = [
        ("access-1-1.ndjson", "aaaa\nbbbb\n"),
        ("access-3-2.ndjson", "cccc\n"),
        ("access-4-3.ndjson", "d\n"),
    ];
    assert_eq!(
        files(folder.path()),
        want.map(|(name, text)| (name.to_owned(), text.to_owned()))
    );
}

#[test]
fn deletes_the_oldest_and_leaves_strangers_alone() {
    // Segments of one line, and of two: the one that is being written counts too.
    let cases = [
        (5, 12, ["access-8-8.ndjson", "access-9-9.ndjson"]),
        (10, 17, ["access-7-4.ndjson", "access-9-5.ndjson"]),
    ];
    for (segment_bytes_max, total_bytes_max, kept) in cases {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("notes.txt"), "mine").unwrap();
        let limits = limits(segment_bytes_max, total_bytes_max);
        let mut segments = SegmentFolder::open(folder.path().to_owned(), &limits).unwrap();
        for ms in 1..=9 {
            segments
                .append(Timestamp::from_unix_ms(ms), b"1234\n")
                .unwrap();
            let total: usize = files(folder.path())
                .iter()
                .map(|(_, text)| text.len())
                .sum();
            let max = usize::try_from(total_bytes_max).unwrap();
            assert!(total - "mine".len() <= max, "{total}");
        }
        let mut names: Vec<_> = files(folder.path())
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names.pop().as_deref(), Some("notes.txt"));
        assert_eq!(names, kept);
    }
}

#[test]
fn a_disk_that_refuses_leaves_whole_lines_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let mut segments = SegmentFolder::open(folder.path().to_owned(), &limits(100, 1000)).unwrap();
    segments
        .append(Timestamp::from_unix_ms(1), b"one\n")
        .unwrap();
    // A file opened for reading refuses writes, as a full disk does.
    let path = folder.path().join("access-1-1.ndjson");
    let (file, _) = segments.current.as_mut().unwrap();
    let writable = std::mem::replace(file, File::open(&path).unwrap());
    assert!(
        segments
            .append(Timestamp::from_unix_ms(2), b"lost\n")
            .is_err()
    );
    drop(writable);
    segments
        .append(Timestamp::from_unix_ms(3), b"three\n")
        .unwrap();
    let text: String = files(folder.path())
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    assert_eq!(text, "one\nthree\n");
}

#[test]
fn names_of_segments() {
    let check = |name: &str, want| assert_eq!(sequence_of(Path::new(name)), want, "{name}");
    check("access-1700000000000-12.ndjson", Some(12));
    check("access--5-1.ndjson", Some(1));
    check("access-x-1.ndjson", None);
    check("access-1-1.ndjson.gz", None);
    check("other.ndjson", None);
}

#[test]
fn two_servers_that_write_for_a_moment_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let open = || SegmentFolder::open(folder.path().to_owned(), &limits(10, 100)).unwrap();
    let (mut old, mut new) = (open(), open());
    // The same number in the same millisecond, and again in another.
    for (ms, text) in [(1, "1\n"), (1, "2\n"), (5, "33333333\n")] {
        old.append(Timestamp::from_unix_ms(ms), text.as_bytes())
            .unwrap();
        new.append(Timestamp::from_unix_ms(ms), text.to_uppercase().as_bytes())
            .unwrap();
    }
    let written: usize = files(folder.path())
        .iter()
        .map(|(_, text)| text.len())
        .sum();
    assert_eq!(written, 2 * (2 + 2 + 9));
    assert_eq!(files(folder.path()).len(), 4);
    let taken_stock = open();
    assert_eq!(taken_stock.finished.len(), 4);
}
