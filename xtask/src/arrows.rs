//! `cargo xtask arrows`: the rooms use each other only as `architecture.toml` says.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use crate::architecture::Architecture;
use crate::finding::report;
use crate::workspace::Workspace;

/// Compares `architecture.toml` with what cargo resolves.
pub(crate) fn run(root: &Path) -> Result<()> {
    let architecture = Architecture::load(root)?;
    let workspace = Workspace::load(root)?;
    let count: usize = workspace.members.values().map(|m| m.arrows.len()).sum();
    let subject = format!("{count} arrows between {} crates", workspace.members.len());
    report("arrows", &subject, &findings(&architecture, &workspace))
}

/// Everything in which the two differ, as sentences.
fn findings(architecture: &Architecture, workspace: &Workspace) -> Vec<String> {
    let listed: BTreeMap<&str, &[String]> = architecture
        .rooms
        .iter()
        .chain(&architecture.sheds)
        .map(|(name, uses)| (name.as_str(), uses.as_slice()))
        .collect();
    let mut findings = Vec::new();
    unlisted_arrows(&listed, workspace, &mut findings);
    unused_arrows(&listed, workspace, &mut findings);
    broken_fences(architecture, workspace, &mut findings);
    findings
}

fn unlisted_arrows(
    listed: &BTreeMap<&str, &[String]>,
    workspace: &Workspace,
    findings: &mut Vec<String>,
) {
    for (name, member) in &workspace.members {
        let Some(allowed) = listed.get(name.as_str()) else {
            findings.push(format!(
                "architecture.toml does not list the crate `{name}`; list it under [rooms] or [sheds]"
            ));
            continue;
        };
        for used in member.arrows.iter().filter(|used| !allowed.contains(used)) {
            findings.push(format!(
                "`{name}` uses `{used}`, which architecture.toml does not allow; \
                 move the code to the room that owns it, or change the file in a commit of its own"
            ));
        }
    }
}

fn unused_arrows(
    listed: &BTreeMap<&str, &[String]>,
    workspace: &Workspace,
    findings: &mut Vec<String>,
) {
    for (name, allowed) in listed {
        let Some(member) = workspace.members.get(*name) else {
            findings.push(format!(
                "architecture.toml lists `{name}`, which is no crate of the workspace; remove it"
            ));
            continue;
        };
        for arrow in allowed
            .iter()
            .filter(|arrow| !member.arrows.contains(*arrow))
        {
            findings.push(format!(
                "architecture.toml allows `{name}` to use `{arrow}`, but it does not; remove the arrow"
            ));
        }
    }
}

fn broken_fences(architecture: &Architecture, workspace: &Workspace, findings: &mut Vec<String>) {
    for (name, member) in &workspace.members {
        if architecture.sheds.contains_key(name) {
            continue;
        }
        for (fenced, allowed) in &architecture.fences {
            if member.outside.contains(fenced) && !allowed.contains(name) {
                findings.push(format!(
                    "`{name}` reaches the third-party crate `{fenced}`, which is fenced in to {}",
                    allowed.join(", ")
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Member;

    #[test]
    fn this_repository_keeps_its_arrows() {
        let root = crate::root::find().unwrap();
        let architecture = Architecture::load(&root).unwrap();
        let workspace = Workspace::load(&root).unwrap();
        assert_eq!(findings(&architecture, &workspace), Vec::<String>::new());
    }

    /// Rooms `a -> b` as allowed and as built, and what is said about them.
    fn check(
        allowed: &[(&str, &str)],
        built: &[(&str, &str)],
        outside: &[(&str, &str)],
        want: &str,
    ) {
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let mut architecture = Architecture::default();
        for (room, uses) in allowed {
            architecture.rooms.insert((*room).to_owned(), words(uses));
        }
        architecture.fences.insert("sql".to_owned(), words("b"));
        let mut workspace = Workspace::default();
        for (room, uses) in built {
            let reach = outside.iter().find(|(name, _)| name == room);
            let member = Member {
                arrows: words(uses).into_iter().collect(),
                outside: words(reach.map_or("", |(_, reach)| reach))
                    .into_iter()
                    .collect(),
            };
            workspace.members.insert((*room).to_owned(), member);
        }
        let said = findings(&architecture, &workspace).join("\n");
        assert!(
            if want.is_empty() {
                said.is_empty()
            } else {
                said.contains(want)
            },
            "{said:?} should say {want:?}"
        );
    }

    #[test]
    fn each_way_to_differ_is_named() {
        let agreed = [("a", "b"), ("b", "")];
        check(&agreed, &agreed, &[("b", "sql")], "");
        check(&agreed, &[("a", "b"), ("b", "a")], &[], "`b` uses `a`");
        check(
            &agreed,
            &[("a", ""), ("b", "")],
            &[],
            "allows `a` to use `b`, but it does not",
        );
        check(
            &agreed,
            &[("a", "b"), ("b", ""), ("c", "")],
            &[],
            "does not list the crate `c`",
        );
        check(&agreed, &[("a", "b")], &[], "`b`, which is no crate");
        check(
            &agreed,
            &agreed,
            &[("a", "sql")],
            "`a` reaches the third-party crate `sql`",
        );
    }
}
