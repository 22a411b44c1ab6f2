//! From what a user uploaded to a document, with findings.

use std::collections::BTreeMap;

use holm_types::{Diagnostic, Parsed, Severity};

use crate::code;
use crate::fallback::fallback_of;
use crate::project_file::read_project_file;
use crate::{DeploymentDocument, FileEntry, Manifest, Rules, SiteSettings};

/// The files whose text `compile` needs; the caller reads those that the upload has.
pub const CONFIG_FILES: &[&str] = &[
    "/edgeone.json",
    "/edgeone.json5",
    "/.edgeone-assets-config.json",
];

/// What `compile` is given.
#[derive(Clone, Debug, Default)]
pub struct CompileInput {
    /// Every file of the upload, in any order.
    pub files: Vec<FileEntry>,
    /// The bytes of those [`CONFIG_FILES`] that the upload has, by path.
    pub configs: BTreeMap<String, Vec<u8>>,
    /// The project's settings now.
    pub settings: SiteSettings,
}

/// Makes the document. `None` when a diagnostic is an error: the deployment fails.
pub fn compile(input: CompileInput) -> Parsed<Option<DeploymentDocument>> {
    let manifest = Manifest::build(input.files);
    let rules = read_rules(&input.configs);
    let assets_config = input.configs.get("/.edgeone-assets-config.json");
    let fallback = fallback_of(&manifest.value, assets_config.map(Vec::as_slice));

    let mut diagnostics = manifest.diagnostics;
    diagnostics.extend(rules.diagnostics);
    diagnostics.extend(missing_files(&rules.value, &manifest.value));
    diagnostics.extend(fallback.diagnostics);

    let has_failed = diagnostics.iter().any(Diagnostic::is_error);
    let document = DeploymentDocument {
        manifest: manifest.value,
        rules: rules.value,
        functions: Vec::new(),
        middleware: None,
        fallback: fallback.value,
        settings: input.settings,
    };
    Parsed {
        value: (!has_failed).then_some(document),
        diagnostics,
    }
}

/// The rules of the first project file there is (config-build spec 1.1).
fn read_rules(configs: &BTreeMap<String, Vec<u8>>) -> Parsed<Rules> {
    let names = ["edgeone.json", "edgeone.json5"];
    let mut present = names
        .into_iter()
        .filter_map(|name| configs.get(&format!("/{name}")).map(|text| (name, text)));
    let Some((name, text)) = present.next() else {
        return Parsed::default();
    };
    let file = read_project_file(name, text);
    let mut diagnostics = file.diagnostics;
    diagnostics.extend(present.map(|(other, _)| {
        Diagnostic::new(
            Severity::Warning,
            code::SHADOWED,
            format!("`{other}` is not read, because there is an `{name}`"),
        )
        .at(other, None)
        .hint("keep one of the two")
    }));
    Parsed {
        value: file.value.rules,
        diagnostics,
    }
}

/// A finding for each file route to a file that is not there.
fn missing_files(rules: &Rules, manifest: &Manifest) -> Vec<Diagnostic> {
    let missing = rules
        .file_routes
        .iter()
        .filter(|route| !manifest.contains(&route.dest));
    missing
        .map(|route| {
            Diagnostic::new(
                Severity::Warning,
                code::MISSING_FILE,
                format!(
                    "the rewrite of `{}` has no effect: there is no `{}`",
                    route.src, route.dest
                ),
            )
            .at(&*route.origin.file, Some(route.origin.line))
            .hint("deploy the folder that holds the file, or take the rewrite out")
        })
        .collect()
}
