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

/// Folders of one machine, which mean nothing anywhere else.
/// Assembled here, so that this file does not contain them.
fn machine_folders() -> [String; 3] {
    ["work", "home", "root"].map(|folder| format!("/{folder}/"))
}

/// Fingerprints of the hosts of package registries: the checker can know a name without saying it.
/// A new one is the number that [`fingerprint`] makes of it.
const REGISTRY_HOSTS: &[u64] = &[
    0x1F62_1CAB_7C0F_866E,
    0x4622_376F_A414_0CB3,
    0x4A12_C294_D30D_3947,
    0xA233_CD01_DE1D_DA83,
    0xAC2C_9AB2_5E21_3F6F,
    0xC550_F37D_20F6_CA83,
    0xDE35_E608_C3C2_CA95,
];

/// Labels that the name of such a host has.
const HOST_LABELS: std::ops::RangeInclusive<usize> = 2..=3;

/// FNV-1a, 64 bits, of a host name in lower case.
fn fingerprint(host: &str) -> u64 {
    host.bytes()
        .map(|byte| u64::from(byte.to_ascii_lowercase()))
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
            (hash ^ byte).wrapping_mul(0x0100_0000_01B3)
        })
}

/// The first host of the list that stands in a line, alone or as a part of a longer name.
fn listed_host<'l>(line: &'l str, listed: &[u64]) -> Option<&'l str> {
    let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    line.split(|c| !is_of_a_name(c))
        .filter(|name| name.contains('.'))
        .flat_map(parts_of_name)
        .find(|part| listed.contains(&fingerprint(part)))
}

/// Every run of neighbouring labels of a host's length.
fn parts_of_name(name: &str) -> Vec<&str> {
    let mut edges: Vec<usize> = name.match_indices('.').map(|(dot, _)| dot).collect();
    edges.push(name.len());
    let starts: Vec<usize> = std::iter::once(0)
        .chain(edges.iter().map(|edge| edge + 1))
        .collect();
    let mut parts = Vec::new();
    for (first, start) in starts.iter().enumerate() {
        for count in HOST_LABELS {
            let end = edges.get(first + count - 1);
            parts.extend(end.and_then(|end| name.get(*start..*end)));
        }
    }
    parts
}

fn machine_words(files: &[TrackedFile], findings: &mut Vec<String>) {
    let folders = machine_folders();
    for file in files {
        for (index, line) in file.text().lines().enumerate() {
            let folder = folders.iter().find(|folder| line.contains(*folder));
            let word = folder.map(String::as_str);
            if let Some(word) = word.or_else(|| listed_host(line, REGISTRY_HOSTS)) {
                findings.push(format!(
                    "{}:{}: names `{word}`, which belongs to one machine",
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
                &format!("//! a\n// see {}\n", machine_folders().join(" ")),
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

    #[test]
    fn each_folder_is_seen_by_itself() {
        for folder in machine_folders() {
            let files = [file("a.md", &format!("see {folder}x\n"))];
            let mut said = Vec::new();
            machine_words(&files, &mut said);
            assert_eq!(said.len(), 1, "{folder}");
        }
    }

    #[test]
    fn a_listed_host_is_seen_wherever_it_stands() {
        let listed = [
            fingerprint("mirror.example.test"),
            fingerprint("short.test"),
        ];
        for line in [
            "mirror.example.test",
            "\"resolved\": \"https://mirror.example.test/x/-/x.tgz\"",
            "https://Mirror.Example.TEST:443/simple",
            "a.mirror.example.test.b",
            "see short.test.",
            "user@short.test",
        ] {
            assert!(listed_host(line, &listed).is_some(), "{line}");
        }
        for line in [
            "mirror.example",
            "mirrorexample.test",
            "short-test",
            "a.b.c",
            "",
        ] {
            assert_eq!(listed_host(line, &listed), None, "{line}");
        }
    }

    #[test]
    fn fingerprints_are_fnv_and_distinct() {
        // The published test vectors of FNV-1a for the empty text and `foobar`.
        assert_eq!(fingerprint(""), 0xCBF2_9CE4_8422_2325);
        assert_eq!(fingerprint("foobar"), 0x8594_4171_F739_67E8);
        let distinct: BTreeSet<_> = REGISTRY_HOSTS.iter().collect();
        assert_eq!(distinct.len(), 7);
    }
}
