//! An uploaded ZIP file: its directory, its headers, and what comes out of it.
#![no_main]

use std::io::Cursor;

use holm_archive::{Archive, ArchiveError, ArchiveRules};
use libfuzzer_sys::fuzz_target;

/// Small, so that inputs reach every bound.
const RULES: ArchiveRules = ArchiveRules {
    entries_max: 8,
    directory_bytes_max: 2048,
    name_bytes_max: 64,
    depth_max: 4,
    file_bytes_max: 4096,
    total_bytes_max: 8192,
    ratio_max: 100,
    ratio_free_bytes: 1024,
};

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut archive) = Archive::open(Cursor::new(bytes), &RULES) else {
        return;
    };
    let files: Vec<(String, u64)> = archive
        .entries()
        .iter()
        .map(|entry| (entry.path().to_owned(), entry.size_bytes()))
        .collect();
    let total: u64 = files.iter().map(|(_, size)| size).sum();
    assert!(files.len() as u64 <= RULES.entries_max, "{files:?}");
    assert!(total <= RULES.total_bytes_max, "{files:?}");
    for (index, (path, size_bytes)) in files.iter().enumerate() {
        check_path(path);
        if let Ok(read) = read_all(&mut archive, index) {
            assert!(
                read == *size_bytes,
                "{path:?} has {read} bytes, not {size_bytes}"
            );
        }
    }
});

fn check_path(path: &str) {
    let names = path.trim_start_matches('/').split('/');
    let goes_down = names.clone().all(|name| !matches!(name, "" | "." | ".."));
    assert!(goes_down, "{path:?} goes down only");
    let is_plain = !path.chars().any(|c| c.is_control() || c == '\\');
    assert!(is_plain, "{path:?} is plain");
}

/// Every byte of a file, in small pieces.
fn read_all(archive: &mut Archive<Cursor<&[u8]>>, index: usize) -> Result<u64, ArchiveError> {
    let Some(contents) = archive.contents(index) else {
        return Ok(0);
    };
    let mut contents = contents?;
    let mut piece = [0; 100];
    let mut total = 0;
    loop {
        match contents.read(&mut piece)? {
            0 => return Ok(total),
            count => total += count as u64,
        }
        assert!(
            total <= RULES.file_bytes_max,
            "no more comes out than was said"
        );
    }
}
