//! Archives as programs write them.

use holm_testkit::{ZipEntry, zip, zip64_end};

use crate::{read, rules};

#[test]
fn stored_deflated_streamed_files_and_folders_are_read() {
    let long = "abc ".repeat(50_000);
    let bytes = zip(&[
        ZipEntry::folder("docs/"),
        ZipEntry::deflated("index.html", long.as_bytes()),
        ZipEntry::stored("docs/ü.txt", b"text"),
        ZipEntry::deflated("docs/streamed", b"streamed").streamed(),
        ZipEntry::stored("empty", b""),
        ZipEntry::deflated("no-mode", b"made on Windows").with_mode(0),
    ]);
    let files = read(&bytes, &rules()).unwrap();
    let found: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
        .collect();
    assert_eq!(
        found,
        [
            ("index.html", long.as_bytes()),
            ("docs/ü.txt", b"text"),
            ("docs/streamed", b"streamed"),
            ("empty", b""),
            ("no-mode", b"made on Windows"),
        ]
    );
}

#[test]
fn an_archive_without_entries_is_empty() {
    assert_eq!(read(&zip(&[]), &rules()).unwrap(), []);
}

#[test]
fn the_directory_may_be_in_another_order_than_the_files() {
    let (one, two) = (ZipEntry::stored("a", b"1"), ZipEntry::stored("b", b"2"));
    let length = u32::try_from(zip(std::slice::from_ref(&one)).len() - 22 - 46 - 1).unwrap();
    let swapped = |mut entry: ZipEntry, offset| {
        entry.offset = Some(offset);
        entry
    };
    // The bytes are written as `b`, `a`; the directory says so.
    let bytes = zip(&[swapped(two, 0), swapped(one, length)]);
    assert_eq!(read(&bytes, &rules()).unwrap().len(), 2);
}

#[test]
fn a_wide_end_record_is_read_and_must_agree() {
    let entry = ZipEntry::stored("a", b"1");
    let narrow = zip(&[entry]);
    let body = &narrow[..narrow.len() - 22];
    let directory_bytes = 46 + 1;
    let offset = (body.len() - directory_bytes) as u64;
    let at = body.len() as u64;
    let wide = |count, end64| {
        let end = zip64_end(count, directory_bytes as u64, offset, end64);
        [body, &end].concat()
    };
    assert_eq!(read(&wide(1, at), &rules()).unwrap().len(), 1);
    assert!(read(&wide(2, at), &rules()).is_err());
    assert!(read(&wide(1, at + 1), &rules()).is_err());
}

#[test]
fn a_comment_at_the_end_is_skipped() {
    let mut bytes = zip(&[ZipEntry::stored("a", b"1")]);
    let at = bytes.len() - 2;
    bytes[at..].copy_from_slice(&5_u16.to_le_bytes());
    bytes.extend(b"hello");
    assert_eq!(read(&bytes, &rules()).unwrap().len(), 1);
    bytes.push(b'!');
    assert!(read(&bytes, &rules()).is_err(), "bytes behind the end");
}
