//! What holds of a manifest whatever a stranger sends: it is refused with findings that are few and name a
//! line, or every file of it is as promised.

use std::collections::HashSet;

use proptest::prelude::*;

use super::{Announcement, FINDINGS_MAX, Lines, ManifestReader};
use crate::error::ApiError;
use crate::limits::ControlLimits;

/// Small, so that inputs reach every bound.
fn limits() -> ControlLimits {
    ControlLimits {
        files_max: 4,
        file_bytes_max: 1000,
        manifest_line_bytes_max: 400,
        path_bytes_max: 40,
        ..ControlLimits::default()
    }
}

/// Reads as the operation does, the stream cut where `cuts` says.
fn read(bytes: &[u8], cuts: usize, limits: &ControlLimits) -> Result<Announcement, ApiError> {
    let mut reader = ManifestReader::new(limits);
    let mut lines = Lines::default();
    for piece in bytes.chunks(cuts.max(1)) {
        lines.push(piece);
        while let Some(line) = lines.next_line() {
            reader.take(&line)?;
        }
    }
    reader.take(&lines.into_rest())?;
    reader.finish()
}

fn check(bytes: &[u8], cuts: usize) -> Result<(), TestCaseError> {
    let limits = limits();
    let outcome = read(bytes, cuts, &limits);
    // Where the stream is cut, says nothing.
    let whole = read(bytes, bytes.len(), &limits);
    prop_assert_eq!(outcome.is_ok(), whole.is_ok());
    match outcome {
        Ok(announcement) => {
            let files = &announcement.files;
            prop_assert_eq!(announcement.head.file_count, files.len() as u64);
            prop_assert!(files.len() as u64 <= limits.files_max);
            let paths: HashSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
            prop_assert_eq!(paths.len(), files.len());
            for file in files {
                prop_assert!(file.size_bytes <= limits.file_bytes_max);
                prop_assert!(file.path.len() <= limits.path_bytes_max);
                let has_plain_characters =
                    !file.path.contains(|c: char| c.is_control() || c == '\\');
                prop_assert!(has_plain_characters, "{:?}", file.path);
                let mut segments = file.path.strip_prefix('/').unwrap_or("").split('/');
                let goes_down = segments.all(|segment| !matches!(segment, "" | "." | ".."));
                prop_assert!(goes_down, "{:?}", file.path);
            }
        }
        Err(error) => {
            prop_assert!(
                (400..500).contains(&error.code.status()),
                "{:?}",
                error.code
            );
            let fields = &error.details.fields;
            prop_assert!(fields.len() <= FINDINGS_MAX + 1);
            let name_lines = fields
                .iter()
                .all(|field| field.pointer.starts_with("line:"));
            prop_assert!(name_lines, "{:?}", fields);
        }
    }
    Ok(())
}

/// Pieces of which manifests are made, good and bad.
fn piece() -> impl Strategy<Value = String> {
    let digest = "ab".repeat(32);
    let paths = prop_oneof![
        Just("/a.html".to_owned()),
        Just("/b/c.js".to_owned()),
        Just("/../x".to_owned()),
        Just("/a//b".to_owned()),
        Just("/%2e".to_owned()),
        Just("/a\\u0000".to_owned()),
        Just("a".repeat(50)),
        "/[a-z.%/\\\\]{0,12}",
        "/\\PC{0,6}".prop_map(|text| text.replace(['"', '\\'], "_")),
    ];
    let sizes = prop_oneof![
        Just("1".to_owned()),
        Just("1001".to_owned()),
        "-?[0-9]{1,21}"
    ];
    let file = (paths, sizes).prop_map(move |(path, size)| {
        format!(r#"{{"path":"{path}","digest":"{digest}","size_bytes":{size}}}"#)
    });
    let head = (0..6_u64, "[a-z]{0,12}").prop_map(|(count, environment)| {
        let environment = if environment.len() > 3 {
            "preview".to_owned()
        } else {
            environment
        };
        format!(r#"{{"environment":"{environment}","file_count":{count}}}"#)
    });
    prop_oneof![
        8 => file,
        3 => head,
        1 => Just(r#"{"environment":"production","file_count":1}"#.to_owned()),
        1 => Just(String::new()),
        1 => Just("[".repeat(300)),
        1 => Just("x".repeat(401)),
        1 => r#"[\[\]{}:,"a0e.+\-]{0,30}"#,
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        cuts in 1..50_usize,
    ) {
        check(&bytes, cuts)?;
    }

    #[test]
    fn any_lines_are_read_or_refused(
        count in 0..5_u64,
        pieces in prop::collection::vec(piece(), 0..8),
        end in prop_oneof![Just("\n"), Just("\r\n"), Just("\n\n")],
        cuts in 1..200_usize,
    ) {
        let head = format!(r#"{{"environment":"production","file_count":{count}}}"#);
        let lines: Vec<String> = std::iter::once(head).chain(pieces).collect();
        check(lines.join(end).as_bytes(), cuts)?;
    }

    #[test]
    fn a_good_manifest_with_one_byte_changed_is_read_or_refused(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cuts in 1..200_usize,
    ) {
        let digest = "ab".repeat(32);
        let file = format!(r#"{{"path":"/a.html","digest":"{digest}","size_bytes":1}}"#);
        let text = format!("{{\"environment\":\"production\",\"file_count\":1}}\n{file}\n");
        let limits = limits();
        prop_assert!(read(text.as_bytes(), cuts, &limits).is_ok());
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        check(&bytes, cuts)?;
    }
}
