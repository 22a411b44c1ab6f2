//! Corpus files that no test reads: a case that is never run shows nothing.

use super::{TrackedFile, has_extension};

/// Corpus files with an extension that no source of their crate mentions, and empty ones.
pub(super) fn findings(files: &[TrackedFile]) -> Vec<String> {
    files
        .iter()
        .filter(|file| !has_extension(&file.path, "md") && !file.is_rust())
        .filter(|file| file.path.contains("/corpus/"))
        .filter_map(|file| complaint(file, crate_folder(&file.path), files))
        .collect()
}

/// `crates/NAME` of a path below it.
fn crate_folder(path: &str) -> &str {
    let end = path
        .match_indices('/')
        .nth(1)
        .map_or(path.len(), |(end, _)| end);
    path.get(..end).unwrap_or(path)
}

fn complaint(file: &TrackedFile, crate_folder: &str, files: &[TrackedFile]) -> Option<String> {
    if file.text().trim().is_empty() {
        return Some(format!(
            "{}: is empty or not text; a case has an input and an outcome",
            file.path
        ));
    }
    let (_, extension) = file.path.rsplit_once('.')?;
    let quoted = format!("\"{extension}\"");
    let dotted = format!(".{extension}\"");
    let is_read = files
        .iter()
        .filter(|source| source.is_rust() && source.path.starts_with(&format!("{crate_folder}/")))
        .any(|source| source.text().contains(&quoted) || source.text().contains(&dotted));
    (!is_read).then(|| {
        format!(
            "{}: no source of {crate_folder} reads `.{extension}` files",
            file.path
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::file;

    #[test]
    fn dead_and_empty_cases_are_named() {
        let files = [
            file(
                "crates/x/src/tests.rs",
                "//! Reads the corpus.\nconst E: &str = \"case\";\n",
            ),
            file("crates/x/corpus/read.case", "in\n----\nout\n"),
            file("crates/x/corpus/dead.txt", "in\n"),
            file("crates/x/corpus/empty.case", "\n"),
        ];
        let said = findings(&files);
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said.iter().any(|line| line.contains("dead.txt")));
        assert!(said.iter().any(|line| line.contains("empty.case")));
    }
}
