//! Archives from outside: good ones as programs write them, and every kind of bad one (S-06, S-08).

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod bombs;
mod good;
mod hostile;

use std::io::Cursor;

use holm_archive::{Archive, ArchiveError, ArchiveRules};

fn rules() -> ArchiveRules {
    ArchiveRules {
        entries_max: 1000,
        directory_bytes_max: 1024 * 1024,
        name_bytes_max: 1024,
        depth_max: 64,
        file_bytes_max: 25 * 1024 * 1024,
        total_bytes_max: 100 * 1024 * 1024,
        ratio_max: 200,
        ratio_free_bytes: 1024 * 1024,
    }
}

/// Reads an archive to its last byte.
fn read(bytes: &[u8], rules: &ArchiveRules) -> Result<Vec<(String, Vec<u8>)>, ArchiveError> {
    let mut archive = Archive::open(Cursor::new(bytes), rules)?;
    let mut files = Vec::new();
    for index in 0..archive.entries().len() {
        let path = archive.entries()[index].path().to_owned();
        let mut contents = archive.contents(index).unwrap()?;
        let (mut bytes, mut buffer) = (Vec::new(), [0; 1000]);
        loop {
            let count = contents.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            bytes.extend_from_slice(&buffer[..count]);
        }
        files.push((path, bytes));
    }
    Ok(files)
}
