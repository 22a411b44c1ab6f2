//! Cargo manifests: versions and features stand at the root only, and each third party has its reason.

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::TrackedFile;

/// Where the reasons stand.
const REASONS: &str = "docs/dependencies.md";

/// What is wrong with the manifests.
pub(super) fn findings(files: &[TrackedFile]) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.path.ends_with("Cargo.toml"))
    {
        let manifest: Table =
            toml::from_str(file.text()).with_context(|| format!("parse {}", file.path))?;
        if file.path == "Cargo.toml" {
            check_root(&manifest, reasons(files), &mut findings);
        } else if !file.path.starts_with("fuzz/") {
            check_member(&file.path, &manifest, &mut findings);
        }
    }
    Ok(findings)
}

fn reasons(files: &[TrackedFile]) -> &str {
    let file = files.iter().find(|file| file.path == REASONS);
    file.map_or("", TrackedFile::text)
}

fn table<'a>(manifest: &'a Table, keys: &[&str]) -> Option<&'a Table> {
    keys.iter()
        .try_fold(manifest, |table, key| table.get(*key)?.as_table())
}

fn check_root(manifest: &Table, reasons: &str, findings: &mut Vec<String>) {
    let none = Table::new();
    let dependencies = table(manifest, &["workspace", "dependencies"]).unwrap_or(&none);
    for (name, value) in dependencies {
        if value.get("path").is_some() {
            continue;
        }
        if value.get("default-features").and_then(Value::as_bool) != Some(false) {
            findings.push(format!(
                "Cargo.toml: `{name}` lacks `default-features = false`"
            ));
        }
        if !reasons
            .lines()
            .any(|line| line.starts_with(&format!("| `{name}` |")))
        {
            findings.push(format!(
                "{REASONS}: has no row for `{name}`; say what it is for and what it drags in"
            ));
        }
    }
    let rows = reasons
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    for name in rows.filter(|name| !dependencies.contains_key(*name)) {
        findings.push(format!(
            "{REASONS}: has a row for `{name}`, which the workspace does not use"
        ));
    }
}

fn check_member(path: &str, manifest: &Table, findings: &mut Vec<String>) {
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        for (name, value) in table(manifest, &[section]).into_iter().flatten() {
            if value.get("workspace").and_then(Value::as_bool) != Some(true) {
                findings.push(format!(
                    "{path}: write `{name}.workspace = true` and its version at the root"
                ));
            }
        }
    }
    if table(manifest, &["lints"]).and_then(|lints| lints.get("workspace"))
        != Some(&Value::Boolean(true))
    {
        findings.push(format!("{path}: lacks `[lints] workspace = true`"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::file;

    #[test]
    fn each_rule_speaks() {
        let files = [
            file(
                "Cargo.toml",
                "[workspace.dependencies]\na = { version = \"1\" }\nb = { path = \"b\" }\nc = { version = \"1\", default-features = false }\n",
            ),
            file("docs/dependencies.md", "| `c` | why |\n| `gone` | why |\n"),
            file(
                "crates/x/Cargo.toml",
                "[dependencies]\na = \"1\"\nc.workspace = true\n",
            ),
        ];
        let said = findings(&files).unwrap().join("\n");
        let wanted = [
            "`a` lacks `default-features = false`",
            "no row for `a`",
            "row for `gone`",
            "write `a.workspace = true`",
            "lacks `[lints] workspace = true`",
        ];
        for want in wanted {
            assert!(said.contains(want), "{said} should say {want}");
        }
        assert_eq!(said.lines().count(), wanted.len(), "{said}");
    }
}
