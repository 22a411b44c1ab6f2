//! What stands where: top-level entries, `clippy.toml` files, and words that belong to one machine only.

use std::collections::BTreeSet;

use super::TrackedFile;
use crate::architecture::Architecture;

/// What is in the wrong place.
pub(super) fn findings(files: &[TrackedFile], architecture: &Architecture) -> Vec<String> {
    let mut findings = Vec::new();
    top_level(files, architecture, &mut findings);
    own_clippy(files, architecture, &mut findings);
    machine_words(files, &mut findings);
    findings
}

fn top_level(files: &[TrackedFile], architecture: &Architecture, findings: &mut Vec<String>) {
    let entries: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| file.path.split('/').next())
        .collect();
    for entry in entries {
        if !architecture
            .top_level
            .entries
            .iter()
            .any(|allowed| allowed == entry)
        {
            findings.push(format!(
                "{entry}: is not among the top-level entries of architecture.toml"
            ));
        }
    }
}

fn own_clippy(files: &[TrackedFile], architecture: &Architecture, findings: &mut Vec<String>) {
    let found: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| file.path.strip_suffix("/clippy.toml"))
        .collect();
    for folder in found
        .iter()
        .filter(|folder| !architecture.own_clippy.contains_key(**folder))
    {
        findings.push(format!(
            "{folder}/clippy.toml: replaces the root's bans; list it with its reason under [own_clippy] in architecture.toml"
        ));
    }
    for folder in architecture
        .own_clippy
        .keys()
        .filter(|folder| !found.contains(folder.as_str()))
    {
        findings.push(format!(
            "architecture.toml: [own_clippy] lists {folder}, which has no clippy.toml"
        ));
    }
}

/// Paths of one machine and hosts of package registries, which mean nothing anywhere else.
/// Assembled here, so that this file does not contain them.
fn needles() -> Vec<String> {
    let folders = ["work", "home", "root"].map(|folder| format!("/{folder}/"));
    let hosts = [
        ["index.crates", "io"],
        ["static.crates", "io"],
        ["registry.npmjs", "org"],
        ["registry.yarnpkg", "com"],
        ["files.pythonhosted", "org"],
        ["pypi", "org"],
        ["deb.debian", "org"],
    ]
    .map(|parts| parts.join("."));
    folders.into_iter().chain(hosts).collect()
}

fn machine_words(files: &[TrackedFile], findings: &mut Vec<String>) {
    let needles = needles();
    for file in files {
        for (index, line) in file.text().lines().enumerate() {
            if let Some(needle) = needles.iter().find(|needle| line.contains(needle.as_str())) {
                findings.push(format!(
                    "{}:{}: names `{needle}`, which belongs to one machine",
                    file.path,
                    index + 1
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::file;

    #[test]
    fn each_rule_speaks() {
        let mut architecture = Architecture::default();
        architecture.top_level.entries = vec!["crates".to_owned()];
        architecture
            .own_clippy
            .insert("crates/gone".to_owned(), "why".to_owned());
        let files = [
            file("stray.txt", "x"),
            file("crates/x/clippy.toml", ""),
            file(
                "crates/x/a.rs",
                &format!("//! a\n// see {}\n", needles().join(" ")),
            ),
            file("crates/x/b.rs", "//! artwork/homework/ is fine\n"),
        ];
        let said = findings(&files, &architecture);
        for want in ["stray.txt", "crates/x/clippy.toml", "crates/gone", "a.rs:2"] {
            assert!(
                said.iter().any(|line| line.contains(want)),
                "{said:?} should name {want}"
            );
        }
        assert_eq!(said.len(), 4, "{said:?}");
    }
}
