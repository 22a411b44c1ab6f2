//! Rust sources: a header each, and nothing left lying about.

use super::TrackedFile;

/// What is wrong with the sources.
pub(super) fn findings(files: &[TrackedFile]) -> Vec<String> {
    // Assembled, so that this file does not contain what it looks for.
    let reminder = ["FIX", "ME"].concat();
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        if !has_header(file.text()) {
            findings.push(format!(
                "{}: begin with a `//!` line that says what the file owns",
                file.path
            ));
        }
        for (index, _) in file
            .text()
            .lines()
            .enumerate()
            .filter(|(_, line)| line.contains(&reminder))
        {
            findings.push(format!(
                "{}:{}: `{reminder}` does not land; mend it, or write `TODO(name): …` with an issue",
                file.path,
                index + 1
            ));
        }
    }
    findings
}

/// The first line is a module comment that says something; a fuzz target or script may have attributes before it.
fn has_header(text: &str) -> bool {
    text.lines()
        .find(|line| !line.starts_with("#!["))
        .and_then(|line| line.strip_prefix("//!"))
        .is_some_and(|words| !words.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::file;

    #[test]
    fn wants_a_header_and_no_reminders() {
        let reminder = format!("//! Fine.\n// {}{}: later\n", "FIX", "ME");
        let files = [
            file("good.rs", "//! What it owns.\nfn a() {}\n"),
            file("bare.rs", "fn a() {}\n"),
            file("empty-header.rs", "//!\nfn a() {}\n"),
            file("left.rs", &reminder),
            file("notes.txt", "no header wanted"),
        ];
        let said = findings(&files);
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(
            said.iter().any(|line| line.starts_with("left.rs:2")),
            "{said:?}"
        );
    }
}
