//! Reading a streamed manifest: lines, what they say, and what is wrong with them.

#[cfg(test)]
mod properties;

use std::collections::{HashMap, HashSet};

use bytes::{Bytes, BytesMut};
use holm_api::{DeploymentCreate, DeploymentFile, DeploymentSource, ProblemField};
use holm_site::FileEntry;
use holm_types::{BlobDigest, ErrorCode, SitePath};

use crate::error::ApiError;
use crate::limits::ControlLimits;

/// Findings that one answer lists; reading stops there.
const FINDINGS_MAX: usize = 20;

const MESSAGE_LENGTH_MAX: usize = 1000;
const NAME_LENGTH_MAX: usize = 255;

/// Characters of a path in a message.
const PATH_SHOWN_MAX: usize = 120;

/// What a client announces.
#[derive(Debug)]
pub(super) struct Announcement {
    pub(super) head: DeploymentCreate,
    pub(super) files: Vec<FileEntry>,
}

/// Cuts a stream into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    buffer: BytesMut,
    /// Bytes at the start of the buffer that are known to have no end of line.
    searched: usize,
}

impl Lines {
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    pub(super) fn next_line(&mut self) -> Option<Bytes> {
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(at) = unsearched.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.buffer.len();
            return None;
        };
        let line = self.buffer.split_to(self.searched + at + 1).freeze();
        self.searched = 0;
        Some(line.slice(..line.len() - 1))
    }

    pub(super) fn rest(&self) -> &[u8] {
        &self.buffer
    }

    pub(super) fn into_rest(self) -> Bytes {
        self.buffer.freeze()
    }
}

/// Reads the lines of a manifest: findings are collected, so that one answer names them all.
pub(super) struct ManifestReader<'l> {
    limits: &'l ControlLimits,
    line_number: u64,
    head: Option<DeploymentCreate>,
    files: Vec<FileEntry>,
    /// The line of each file.
    file_lines: Vec<u64>,
    sizes: HashMap<BlobDigest, u64>,
    findings: Vec<ProblemField>,
}

impl<'l> ManifestReader<'l> {
    pub(super) fn new(limits: &'l ControlLimits) -> Self {
        Self {
            limits,
            line_number: 0,
            head: None,
            files: Vec::new(),
            file_lines: Vec::new(),
            sizes: HashMap::new(),
            findings: Vec::new(),
        }
    }

    pub(super) fn take(&mut self, line: &[u8]) -> Result<(), ApiError> {
        self.line_number += 1;
        if line.len() > self.limits.manifest_line_bytes_max {
            return Err(self.long_line(line.len()));
        }
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        if self.head.is_none() {
            return self.take_head(line);
        }
        self.take_file(line)?;
        if self.findings.len() >= FINDINGS_MAX {
            return Err(self.refusal());
        }
        Ok(())
    }

    fn take_head(&mut self, line: &[u8]) -> Result<(), ApiError> {
        let head: DeploymentCreate = match serde_json::from_slice(line) {
            Ok(head) => head,
            Err(error) => {
                self.find(json_detail(&error));
                return Err(self.refusal());
            }
        };
        let files_max = self.limits.files_max;
        if head.file_count > files_max {
            return Err(too_many_files(files_max, head.file_count));
        }
        self.check_source(&head);
        // The count is a claim; the vector grows by itself beyond this.
        self.files
            .reserve(usize::try_from(head.file_count).unwrap_or(0));
        self.head = Some(head);
        Ok(())
    }

    fn check_source(&mut self, head: &DeploymentCreate) {
        for (name, detail) in source_findings(&head.source) {
            self.find(format!("`source.{name}` {detail}"));
        }
    }

    fn take_file(&mut self, line: &[u8]) -> Result<(), ApiError> {
        let file: DeploymentFile = match serde_json::from_slice(line) {
            Ok(file) => file,
            Err(error) => {
                self.find(json_detail(&error));
                return Ok(());
            }
        };
        if self.files.len() as u64 >= self.limits.files_max {
            return Err(too_many_files(
                self.limits.files_max,
                self.files.len() as u64 + 1,
            ));
        }
        let size_max = self.limits.file_bytes_max;
        if file.size_bytes > size_max {
            return Err(ApiError::new(
                ErrorCode::DeploymentFileTooLarge,
                format!("{} has more than {size_max} bytes", shown(&file.path)),
            )
            .with_field(
                format!("line:{}", self.line_number),
                "The file is too large",
            )
            .with_limit(size_max, file.size_bytes, "control.file_bytes_max"));
        }
        if let Some(detail) = path_finding(&file.path, self.limits.path_bytes_max) {
            self.find(format!("`path` {}: {detail}", shown(&file.path)));
        }
        let size_before = self.sizes.insert(file.digest, file.size_bytes);
        if size_before.is_some_and(|size| size != file.size_bytes) {
            self.find("`size_bytes` differs from an earlier line with the same digest".to_owned());
        }
        self.file_lines.push(self.line_number);
        self.files.push(FileEntry {
            path: file.path,
            digest: file.digest,
            size_bytes: file.size_bytes,
        });
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Announcement, ApiError> {
        let Some(head) = self.head.take() else {
            self.line_number = 1;
            self.find("The first line, which says what the deployment is, is missing".to_owned());
            return Err(self.refusal());
        };
        if head.file_count != self.files.len() as u64 {
            let (announced, found) = (head.file_count, self.files.len());
            self.find(format!(
                "`file_count` is {announced}, but {found} files follow"
            ));
        }
        self.find_repeated_paths();
        if !self.findings.is_empty() {
            return Err(self.refusal());
        }
        Ok(Announcement {
            head,
            files: self.files,
        })
    }

    fn find_repeated_paths(&mut self) {
        let mut seen = HashSet::with_capacity(self.files.len());
        let lines = self.files.iter().zip(&self.file_lines);
        let repeated: Vec<ProblemField> = lines
            .filter(|(file, _)| !seen.insert(file.path.as_str()))
            .take(FINDINGS_MAX)
            .map(|(file, line)| ProblemField {
                pointer: format!("line:{line}"),
                detail: format!("`path` {} is announced twice", shown(&file.path)),
            })
            .collect();
        self.findings.extend(repeated);
    }

    fn find(&mut self, detail: String) {
        self.findings.push(ProblemField {
            pointer: format!("line:{}", self.line_number),
            detail,
        });
    }

    /// For a line of which at least this much has arrived.
    pub(super) fn long_line(&mut self, observed: usize) -> ApiError {
        let bytes_max = self.limits.manifest_line_bytes_max;
        self.find(format!("The line has more than {bytes_max} bytes"));
        self.refusal().with_limit(
            bytes_max as u64,
            observed as u64,
            "control.manifest_line_bytes_max",
        )
    }

    fn refusal(&mut self) -> ApiError {
        ApiError::new(ErrorCode::DeploymentManifest, "The manifest cannot be used")
            .with_fields(std::mem::take(&mut self.findings))
    }
}

pub(super) fn too_many_files(limit: u64, observed: u64) -> ApiError {
    ApiError::new(
        ErrorCode::DeploymentTooManyFiles,
        format!("A deployment may have {limit} files, this one has {observed}"),
    )
    .with_limit(limit, observed, "control.files_max")
}

/// What is wrong with the texts of a source: the field, and what continues its name.
pub(super) fn source_findings(source: &DeploymentSource) -> Vec<(&'static str, String)> {
    let mut findings = Vec::new();
    for (name, text, length_max) in [
        ("branch", &source.branch, NAME_LENGTH_MAX),
        ("commit", &source.commit, NAME_LENGTH_MAX),
        ("message", &source.message, MESSAGE_LENGTH_MAX),
    ] {
        let Some(text) = text else { continue };
        if text.is_empty() || text.chars().count() > length_max {
            findings.push((name, format!("has 1 to {length_max} characters")));
        }
        // They are shown in terminals, where a control character is a command.
        if let Some(found) = text.chars().find(|c| c.is_control()) {
            let shown = found.escape_default();
            findings.push((
                name,
                format!("has the control character `{shown}`; it is one line of text"),
            ));
        }
    }
    findings
}

/// What is wrong with a line of JSON, in words that name the place within it.
fn json_detail(error: &serde_json::Error) -> String {
    if error.is_data() {
        error.to_string()
    } else {
        format!("Not JSON at column {}", error.column())
    }
}

/// What is wrong with a path. `None` for a good one: absolute, not encoded, no empty, `.` or `..`
/// segment, no backslash or control character.
pub(super) fn path_finding(path: &str, bytes_max: usize) -> Option<String> {
    if path.len() > bytes_max {
        let length = path.len();
        return Some(format!(
            "it has {length} bytes, {bytes_max} are allowed (the setting is `control.path_bytes_max`)"
        ));
    }
    if path.ends_with('/') || path.contains("//") {
        return Some("it has an empty segment".to_owned());
    }
    if let Some(escape) = percent_escape(path) {
        return Some(format!(
            "its name contains `{escape}`, which no URL can reach; rename the file"
        ));
    }
    // A file's name may hold a percent sign; everything else is what a request path may be.
    let parsed = if path.contains('%') {
        SitePath::parse(&path.replace('%', "%25")).map(drop)
    } else {
        SitePath::parse(path).map(drop)
    };
    parsed.err().map(|error| error.to_string())
}

/// The first `%` with two hexadecimal digits after it: a URL for this name would be encoded twice.
fn percent_escape(path: &str) -> Option<&str> {
    path.match_indices('%')
        .filter_map(|(at, _)| path.get(at..at + 3))
        .find(|escape| escape.bytes().skip(1).all(|byte| byte.is_ascii_hexdigit()))
}

/// A path in a message: in one line, quoted, its middle left out when it is long.
pub(super) fn shown(path: &str) -> String {
    let escape = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    let count = path.chars().count();
    if count <= PATH_SHOWN_MAX {
        return format!("`{}`", path.chars().map(escape).collect::<String>());
    }
    let half = PATH_SHOWN_MAX / 2;
    let start: String = path.chars().take(half).map(escape).collect();
    let end: String = path.chars().skip(count - half).map(escape).collect();
    format!("`{start}...{end}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str, limits: &ControlLimits) -> Result<Announcement, ApiError> {
        let mut reader = ManifestReader::new(limits);
        for line in text.lines() {
            reader.take(line.as_bytes())?;
        }
        reader.finish()
    }

    fn file(path: &str, size_bytes: u64) -> String {
        let digest = BlobDigest::of(path.as_bytes());
        format!(r#"{{"path":"{path}","digest":"{digest}","size_bytes":{size_bytes}}}"#)
    }

    const HEAD: &str = r#"{"environment":"production","file_count":1}"#;

    #[test]
    fn a_good_manifest_is_read() {
        let text = format!("{HEAD}\n{}\n\n", file("/a b/100%.html", 3));
        let announcement = read_text(&text, &ControlLimits::default()).unwrap();
        assert_eq!(announcement.files.len(), 1);
        assert_eq!(announcement.files[0].path, "/a b/100%.html");
    }

    #[test]
    fn findings_name_their_lines() {
        let check = |text: &str, want: &[&str]| {
            let error = read_text(text, &ControlLimits::default()).unwrap_err();
            assert_eq!(error.code, ErrorCode::DeploymentManifest, "{text}");
            let got: Vec<&str> = error
                .details
                .fields
                .iter()
                .map(|field| field.pointer.as_str())
                .collect();
            assert_eq!(got, want, "{text}");
        };
        check("", &["line:1"]);
        check("nonsense", &["line:1"]);
        check(r#"{"environment":"staging","file_count":0}"#, &["line:1"]);
        check(&format!("{HEAD}\n{{}}\n{}", file("/b", 1)), &["line:2"]);
        check(&format!("{HEAD}\n{}", file("b", 1)), &["line:2"]);
        check(&format!("{HEAD}\n{}", file("/../b", 1)), &["line:2"]);
        check(&format!("{HEAD}\n{}", file("/a//b", 1)), &["line:2"]);
        check(HEAD, &["line:1"]);
        let twice = format!("{HEAD}\n{}\n{}", file("/b", 1), file("/b", 2));
        // Another size for the same bytes, one file too many, and the path again.
        check(&twice, &["line:3", "line:3", "line:3"]);
        let early = format!("{HEAD}\n{0}\n{0}\n{1}", file("/b", 1), file("/c", 1));
        check(&early, &["line:4", "line:3"]);
    }

    /// The details of what is wrong with one file of this path, given as JSON.
    fn path_details(path_json: &str) -> Vec<String> {
        let line = file(path_json, 1);
        let error = read_text(&format!("{HEAD}\n{line}"), &ControlLimits::default());
        let fields = error.unwrap_err().details.fields;
        fields.into_iter().map(|field| field.detail).collect()
    }

    #[test]
    fn findings_name_the_file_and_what_is_wrong_with_it() {
        assert_eq!(
            path_details("/docs/50%25 off.html"),
            [
                "`path` `/docs/50%25 off.html`: its name contains `%25`, which no URL can reach; \
              rename the file"
            ]
        );
        assert_eq!(
            path_details("/a\\u001b[31m"),
            ["`path` `/a\\u{1b}[31m`: the path has a backslash or a control character"]
        );
        assert_eq!(
            path_details("/a//b"),
            ["`path` `/a//b`: it has an empty segment"]
        );
        let long = path_details(&format!("/start{}end", "/x".repeat(1000)));
        assert!(long[0].starts_with("`path` `/start/x/x"), "{long:?}");
        assert!(
            long[0].ends_with("bytes, 1024 are allowed (the setting is `control.path_bytes_max`)"),
            "{long:?}"
        );
        assert!(long[0].len() < 250, "{long:?}");
    }

    #[test]
    fn the_source_is_lines_of_text() {
        let details = |source: &str| {
            let head = HEAD.replace('1', "0");
            let head = head.replace('{', &format!(r#"{{"source":{source},"#));
            match read_text(&head, &ControlLimits::default()) {
                Ok(_) => Vec::new(),
                Err(error) => error.details.fields,
            }
        };
        let fine = details(r#"{"branch":"feature/ü","message":"fix: \"x\""}"#);
        assert!(fine.is_empty(), "{fine:?}");
        for name in ["branch", "commit", "message"] {
            for (escape, shown) in [
                ("\\u001b", "\\u{1b}"),
                ("\\n", "\\n"),
                ("\\u0000", "\\u{0}"),
                ("\\u009b", "\\u{9b}"),
            ] {
                let fields = details(&format!(r#"{{"{name}":"a{escape}b"}}"#));
                assert_eq!(fields.len(), 1, "{fields:?}");
                assert_eq!(fields[0].pointer, "line:1");
                assert_eq!(
                    fields[0].detail,
                    format!(
                        "`source.{name}` has the control character `{shown}`; it is one line of text"
                    )
                );
            }
        }
    }

    #[test]
    fn limits_say_what_was_seen() {
        let limits = ControlLimits {
            files_max: 2,
            file_bytes_max: 10,
            ..ControlLimits::default()
        };
        let many = read_text(r#"{"environment":"preview","file_count":3}"#, &limits).unwrap_err();
        assert_eq!(many.code, ErrorCode::DeploymentTooManyFiles);
        let reached = many.details.reached.unwrap();
        assert_eq!((reached.limit, reached.observed), (2, 3));
        let large = read_text(&format!("{HEAD}\n{}", file("/a", 11)), &limits).unwrap_err();
        assert_eq!(large.code, ErrorCode::DeploymentFileTooLarge);
        let liar = format!(
            "{HEAD}\n{}\n{}\n{}",
            file("/a", 1),
            file("/b", 1),
            file("/c", 1)
        );
        let error = read_text(&liar, &limits).unwrap_err();
        assert_eq!(error.code, ErrorCode::DeploymentTooManyFiles);
    }

    #[test]
    fn lines_survive_any_cut() {
        let text = b"one\n\nthree";
        for cut in 1..text.len() {
            let mut lines = Lines::default();
            let mut got = Vec::new();
            for piece in text.chunks(cut) {
                lines.push(piece);
                while let Some(line) = lines.next_line() {
                    got.push(line);
                }
            }
            got.push(lines.into_rest());
            assert_eq!(got, [&b"one"[..], b"", b"three"], "{cut}");
        }
    }
}
