//! S-06: what must be refused, with the entry named.

use holm_archive::{ArchiveError, Refusal};
use holm_testkit::{ZipEntry, hostile_zips, zip};

use crate::{read, rules};

#[test]
fn every_hostile_archive_is_refused_by_the_entrys_name() {
    for (what, name, bytes) in hostile_zips() {
        match read(&bytes, &rules()) {
            Err(ArchiveError::Refused { entry, refusal }) => {
                assert_eq!(entry.as_deref(), Some(name), "{what}: {refusal}");
            }
            other => panic!("{what} ({name}): {other:?}"),
        }
    }
}

#[test]
fn no_cut_and_no_flipped_byte_panics_or_is_read_wrongly() {
    let entries = [
        ZipEntry::deflated("index.html", b"<h1>hello hello hello</h1>"),
        ZipEntry::stored("b", b"text").streamed(),
    ];
    let bytes = zip(&entries);
    let good = read(&bytes, &rules()).unwrap();
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length], &rules()).is_err(), "cut to {length}");
    }
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            // Times, versions and comments say nothing about the files; everything else is noticed.
            if let Ok(files) = read(&flipped, &rules()) {
                assert_eq!(files, good, "byte {at}, bit {bit}");
            }
        }
    }
}

#[test]
fn what_hides_before_and_behind_is_refused() {
    let bytes = zip(&[ZipEntry::stored("a", b"1")]);
    let before = [&b"#!/bin/sh\n"[..], &bytes].concat();
    assert!(read(&before, &rules()).is_err());
    // Two archives in one file: which of them is meant?
    let twice = [&bytes[..], &bytes].concat();
    assert!(read(&twice, &rules()).is_err());
    // An end record within the comment of another.
    let mut nested = bytes.clone();
    let at = nested.len() - 2;
    nested[at..].copy_from_slice(&22_u16.to_le_bytes());
    nested.extend(holm_testkit::zip_end(0, 0, 0));
    match read(&nested, &rules()) {
        Err(ArchiveError::Refused {
            entry: None,
            refusal: Refusal::Damaged(_),
        }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn other_files_are_no_archives() {
    for bytes in [
        &b""[..],
        b"PK",
        b"<html>",
        b"\x1f\x8b\x08",
        &vec![0; 100_000],
    ] {
        match read(bytes, &rules()) {
            Err(ArchiveError::Refused {
                refusal: Refusal::NotZip,
                ..
            }) => {}
            other => panic!("{other:?}"),
        }
    }
}
