//! Markdown: one title a file, and it comes first.

use super::{TrackedFile, has_extension};

/// What is wrong with the documents.
pub(super) fn findings(files: &[TrackedFile]) -> Vec<String> {
    files
        .iter()
        .filter(|file| has_extension(&file.path, "md") && !file.path.starts_with("fixtures/"))
        .filter_map(|file| {
            let count = title_count(file.text());
            (count != 1).then(|| {
                format!(
                    "{}: has {count} `# Title` lines; a document has one",
                    file.path
                )
            })
        })
        .collect()
}

fn title_count(text: &str) -> usize {
    let mut in_code = false;
    let mut count = 0;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code && line.starts_with("# ") {
            count += 1;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::title_count;

    #[test]
    fn counts_titles_outside_code() {
        assert_eq!(title_count("# A\n\n## B\n```sh\n# not a title\n```\n"), 1);
        assert_eq!(title_count("text\n"), 0);
        assert_eq!(title_count("# A\n# B\n"), 2);
    }
}
