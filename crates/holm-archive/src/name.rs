//! Names of entries: only what is a path below the deployment's root, read by everybody alike.

use crate::error::Refusal;
use crate::rules::ArchiveRules;

/// A good name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// Relative, `/` between segments, none at the end.
    pub(crate) path: String,
    /// Whether the name is a folder's: it ends with a slash.
    pub(crate) is_folder: bool,
}

impl Name {
    /// Checks the bytes of a name. That they are UTF-8 is taken from the bytes, not from the flag for
    /// it: widespread programs write UTF-8 without saying so.
    pub(crate) fn read(raw: &[u8], rules: &ArchiveRules) -> Result<Self, Refusal> {
        if raw.len() > rules.name_bytes_max {
            return Err(Refusal::NameLong(rules.name_bytes_max));
        }
        let text = std::str::from_utf8(raw).map_err(|_| Refusal::NameNotUtf8)?;
        if text.is_empty() {
            return Err(Refusal::NameEmpty);
        }
        if text.chars().any(char::is_control) {
            return Err(Refusal::NameControl);
        }
        if text.contains('\\') {
            return Err(Refusal::NameBackslash);
        }
        if text.starts_with('/') || has_drive(text) {
            return Err(Refusal::NameAbsolute);
        }
        let (path, is_folder) = match text.strip_suffix('/') {
            Some(path) => (path, true),
            None => (text, false),
        };
        let is_step = |part: &str| matches!(part, "" | "." | "..");
        if path.split('/').any(is_step) {
            return Err(Refusal::NameStep);
        }
        if path.split('/').count() > rules.depth_max {
            return Err(Refusal::NameDeep(rules.depth_max));
        }
        Ok(Self {
            path: path.to_owned(),
            is_folder,
        })
    }
}

/// `C:` and its like, at the start.
fn has_drive(text: &str) -> bool {
    matches!(text.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

/// The name as file systems see it that do not tell cases apart.
pub(crate) fn folded(path: &str) -> String {
    path.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> ArchiveRules {
        ArchiveRules {
            entries_max: 10,
            directory_bytes_max: 1000,
            name_bytes_max: 30,
            depth_max: 3,
            file_bytes_max: 10,
            total_bytes_max: 10,
            ratio_max: 10,
            ratio_free_bytes: 10,
        }
    }

    #[test]
    fn good_names_are_paths() {
        for (raw, path, is_folder) in [
            ("index.html", "index.html", false),
            ("a/b c/ü.txt", "a/b c/ü.txt", false),
            ("a/b/", "a/b", true),
            ("a..b/...", "a..b/...", false),
            ("ab:c", "ab:c", false),
        ] {
            let name = Name::read(raw.as_bytes(), &rules()).unwrap();
            assert_eq!((name.path.as_str(), name.is_folder), (path, is_folder));
        }
    }

    #[test]
    fn bad_names_are_refused_with_the_rule() {
        let check = |raw: &[u8], want: Refusal| {
            assert_eq!(Name::read(raw, &rules()), Err(want), "{raw:?}");
        };
        for step in [
            "../x",
            "a/../../x",
            "a/..",
            "./x",
            "a//b",
            "a/./b",
            "x//",
            "..",
        ] {
            check(step.as_bytes(), Refusal::NameStep);
        }
        for absolute in ["/etc/passwd", "//host/share", "C:/x", "c:x", "/"] {
            check(absolute.as_bytes(), Refusal::NameAbsolute);
        }
        for backslash in [r"..\x", r"a\b", r"C:\x", r"\\host\share"] {
            check(backslash.as_bytes(), Refusal::NameBackslash);
        }
        for control in ["a\0.html", "a\nb", "a\u{7f}", "\u{85}"] {
            check(control.as_bytes(), Refusal::NameControl);
        }
        check(b"", Refusal::NameEmpty);
        check(b"a\xff", Refusal::NameNotUtf8);
        check(&[b'a'; 31], Refusal::NameLong(30));
        check(b"a/b/c/d", Refusal::NameDeep(3));
    }
}
