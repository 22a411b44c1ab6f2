//! The workspace as cargo sees it: members, the arrows between them, and what they reach outside.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// The members and where build products go.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    /// Crate name to what it uses.
    pub(crate) members: BTreeMap<String, Member>,
    /// Cargo's target folder.
    pub(crate) target: PathBuf,
}

/// One crate of ours.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Member {
    /// Members that its normal dependencies name.
    pub(crate) arrows: BTreeSet<String>,
    /// Third-party crates that its normal dependencies reach without passing through another member.
    pub(crate) outside: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: BTreeSet<String>,
    resolve: Resolve,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// `None` for a normal dependency, else `dev` or `build`.
    kind: Option<String>,
}

impl Dependency {
    fn is_normal(&self) -> bool {
        self.dep_kinds.iter().any(|kind| kind.kind.is_none())
    }
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn load(root: &Path) -> Result<Self> {
        let output = Command::new(cargo())
            .args(["metadata", "--format-version=1", "--locked"])
            .arg("--filter-platform")
            .arg(host_triple()?)
            .current_dir(root)
            .output()
            .context("run cargo metadata")?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "cargo metadata failed: {complaint}"
        );
        let metadata =
            serde_json::from_slice(&output.stdout).context("parse cargo metadata's answer")?;
        Ok(Self::from_metadata(&metadata))
    }

    fn from_metadata(metadata: &Metadata) -> Self {
        let graph = Graph {
            names: metadata
                .packages
                .iter()
                .map(|package| (package.id.as_str(), package.name.as_str()))
                .collect(),
            nodes: metadata
                .resolve
                .nodes
                .iter()
                .map(|node| (node.id.as_str(), node))
                .collect(),
            members: &metadata.workspace_members,
        };
        let members = metadata
            .workspace_members
            .iter()
            .map(|id| (graph.name(id), graph.member(id)))
            .collect();
        Self {
            members,
            target: metadata.target_directory.clone(),
        }
    }
}

/// Cargo's resolved dependencies, by package id.
struct Graph<'a> {
    names: BTreeMap<&'a str, &'a str>,
    nodes: BTreeMap<&'a str, &'a Node>,
    members: &'a BTreeSet<String>,
}

impl Graph<'_> {
    fn name(&self, id: &str) -> String {
        self.names.get(id).copied().unwrap_or(id).to_owned()
    }

    fn normal_dependencies(&self, id: &str) -> impl Iterator<Item = &str> {
        let dependencies = self.nodes.get(id).map_or(&[][..], |node| &node.deps);
        dependencies
            .iter()
            .filter(|dependency| dependency.is_normal())
            .map(|dependency| dependency.pkg.as_str())
    }

    fn member(&self, id: &str) -> Member {
        let mut member = Member::default();
        let mut seen = BTreeSet::new();
        let mut to_visit: Vec<&str> = self.normal_dependencies(id).collect();
        while let Some(dependency) = to_visit.pop() {
            if !seen.insert(dependency) {
                continue;
            }
            if self.members.contains(dependency) {
                member.arrows.insert(self.name(dependency));
            } else {
                member.outside.insert(self.name(dependency));
                to_visit.extend(self.normal_dependencies(dependency));
            }
        }
        member
    }
}

/// The cargo that runs this program, or the one on the path.
pub(crate) fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

fn host_triple() -> Result<String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .context("run rustc -vV")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("rustc -vV names no host")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reaches_third_parties_but_not_through_members() {
        let metadata: Metadata = serde_json::from_str(
            r#"{
            "target_directory": "/t",
            "workspace_members": ["a", "b"],
            "packages": [
                {"id": "a", "name": "room-a"}, {"id": "b", "name": "room-b"},
                {"id": "w", "name": "wrapper"}, {"id": "s", "name": "sql"}, {"id": "t", "name": "tests"}],
            "resolve": {"nodes": [
                {"id": "a", "deps": [{"pkg": "b", "dep_kinds": [{"kind": null}]}, {"pkg": "t", "dep_kinds": [{"kind": "dev"}]}]},
                {"id": "b", "deps": [{"pkg": "w", "dep_kinds": [{"kind": null}]}]},
                {"id": "w", "deps": [{"pkg": "s", "dep_kinds": [{"kind": null}]}]},
                {"id": "s", "deps": []}, {"id": "t", "deps": []}]}}"#,
        )
        .unwrap();
        let workspace = Workspace::from_metadata(&metadata);
        let names = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
        let [a, b] = ["room-a", "room-b"].map(|name| &workspace.members[name]);
        assert_eq!(
            (names(&a.arrows), names(&a.outside)),
            ("room-b".into(), String::new())
        );
        assert_eq!(
            (names(&b.arrows), names(&b.outside)),
            (String::new(), "sql wrapper".into())
        );
    }
}
