//! S-08: what would fill memory or disk is refused before it does.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};

use holm_archive::{Archive, ArchiveError, ArchiveRules, Refusal};
use holm_testkit::{ZipEntry, zip, zip64_end};

use crate::{read, rules};

fn refusal(outcome: Result<impl std::fmt::Debug, ArchiveError>) -> Refusal {
    match outcome {
        Err(ArchiveError::Refused { refusal, .. }) => refusal,
        other => panic!("{other:?}"),
    }
}

/// A file with nothing on disk but its end, which claims this many entries of 47 bytes each.
fn sparse(entry_count: u64) -> File {
    let mut file = tempfile::tempfile().unwrap();
    let directory_bytes = entry_count * 47;
    let at = entry_count * 32 + directory_bytes;
    file.set_len(at).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    let end = zip64_end(entry_count, directory_bytes, entry_count * 32, at);
    file.write_all(&end).unwrap();
    file
}

#[test]
fn five_million_entries_are_refused_unread() {
    let refused = refusal(Archive::open(sparse(5_000_000), &rules()));
    let (limit, observed) = (1000, 5_000_000);
    assert_eq!(refused, Refusal::Entries { limit, observed });
    let generous = ArchiveRules {
        entries_max: u64::MAX,
        ..rules()
    };
    // Whoever allows as many is still kept from holding their directory.
    let refused = refusal(Archive::open(sparse(5_000_000), &generous));
    assert!(
        matches!(
            refused,
            Refusal::Directory {
                observed: 235_000_000,
                ..
            }
        ),
        "{refused:?}"
    );
}

#[test]
fn more_entries_than_the_end_says_are_not_read() {
    let entries: Vec<ZipEntry> = (0..50)
        .map(|n| ZipEntry::stored(&format!("{n}"), b""))
        .collect();
    let mut bytes = zip(&entries);
    let end = bytes.len() - 22;
    bytes[end + 8..end + 12].copy_from_slice(&[1, 0, 1, 0]);
    let refused = refusal(read(&bytes, &rules()));
    assert!(matches!(refused, Refusal::Damaged(_)), "{refused:?}");
}

#[test]
fn a_file_of_zeros_is_refused_by_its_size_and_an_archive_of_them_by_its_growth() {
    let mut huge = ZipEntry::deflated("zeros", b"0");
    huge.inflated_bytes = u32::MAX - 1;
    huge.local_inflated_bytes = u32::MAX - 1;
    let roomy = ArchiveRules {
        total_bytes_max: u64::MAX,
        ..rules()
    };
    let refused = refusal(read(&zip(&[huge.clone()]), &roomy));
    assert!(matches!(refused, Refusal::FileBytes { .. }), "{refused:?}");

    let zeros = ZipEntry::deflated("0", &vec![0; 2 * 1024 * 1024]);
    assert!(matches!(
        refusal(read(&zip(std::slice::from_ref(&zeros)), &rules())),
        Refusal::Ratio { .. }
    ));
    let many: Vec<ZipEntry> = (0..100)
        .map(|n| ZipEntry {
            name: n.to_string().into_bytes(),
            local_name: n.to_string().into_bytes(),
            ..zeros.clone()
        })
        .collect();
    assert!(matches!(
        refusal(read(&zip(&many), &rules())),
        Refusal::TotalBytes { .. }
    ));
}

#[test]
fn a_bomb_that_lies_about_its_size_stops_where_it_said() {
    let mut bomb = ZipEntry::deflated("bomb", &vec![0; 20 * 1024 * 1024]);
    bomb.inflated_bytes = 1000;
    bomb.local_inflated_bytes = 1000;
    let bytes = zip(&[bomb]);
    let mut archive = Archive::open(std::io::Cursor::new(&bytes[..]), &rules()).unwrap();
    let mut contents = archive.contents(0).unwrap().unwrap();
    let mut buffer = [0; 1000];
    assert_eq!(contents.read(&mut buffer).unwrap(), 1000);
    assert!(matches!(
        refusal(contents.read(&mut buffer)),
        Refusal::Damaged(_)
    ));
}
