//! From what a user uploaded to a document, with findings.

use std::collections::BTreeMap;

use holm_types::{Diagnostic, Parsed, Severity};

use crate::code;
use crate::fallback::fallback_of;
use crate::limits::RuleLimits;
use crate::pattern::Pattern;
use crate::project_file::read_with_limits;
use crate::rule_lines::{read_headers, read_redirects};
use crate::template::Template;
use crate::{
    DeploymentDocument, FileEntry, FunctionBundle, FunctionRoute, LineAction, Manifest, Middleware,
    RedirectLine, Rules, SiteSettings,
};

/// The files whose text `compile` needs; the caller reads those that the upload has.
pub const CONFIG_FILES: &[&str] = &[
    "/edgeone.json",
    "/edgeone.json5",
    "/.edgeone-assets-config.json",
    "/_redirects",
    "/_headers",
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
    /// What the files of rules may hold.
    pub limits: RuleLimits,
}

/// What was built from a project's functions, to be sealed with its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuiltFunctions {
    /// In the order in which they are asked.
    pub routes: Vec<FunctionRoute>,
    /// The middleware. `None` when the project has none.
    pub middleware: Option<Middleware>,
    /// Files that were built and are not served, which only the builder knows: a middleware that is called otherwise
    /// than `middleware.*`. Relative to the root, without a slash in front.
    pub withheld: Vec<Box<str>>,
    /// What the edge engine runs. `None` when neither of the two needs it.
    pub bundle: Option<FunctionBundle>,
}

/// Makes the document. `None` when a diagnostic is an error: the deployment fails. Functions and middleware are not
/// run, with a warning for each.
pub fn compile(input: CompileInput) -> Parsed<Option<DeploymentDocument>> {
    compile_any(input, None)
}

/// As [`compile`], with the edge functions and the middleware that were built from the same upload.
pub fn compile_with_functions(
    input: CompileInput,
    functions: BuiltFunctions,
) -> Parsed<Option<DeploymentDocument>> {
    compile_any(input, Some(functions))
}

fn compile_any(
    mut input: CompileInput,
    functions: Option<BuiltFunctions>,
) -> Parsed<Option<DeploymentDocument>> {
    if let Some(functions) = &functions {
        let is_withheld = |path: &str| {
            let path = path.strip_prefix('/').unwrap_or(path);
            functions
                .withheld
                .iter()
                .any(|withheld| **withheld == *path)
        };
        input.files.retain(|file| !is_withheld(&file.path));
    }
    let mut manifest = Manifest::build(input.files);
    if functions.is_some() {
        manifest
            .diagnostics
            .retain(|found| !is_run_at_the_edge(found));
    }
    let functions = functions.unwrap_or_default();
    let rules = read_rules(&input.configs, &input.limits);
    let assets_config = input.configs.get("/.edgeone-assets-config.json");
    let fallback = fallback_of(&manifest.value, assets_config.map(Vec::as_slice));

    let mut diagnostics = manifest.diagnostics;
    diagnostics.extend(rules.diagnostics);
    diagnostics.extend(missing_files(&rules.value, &manifest.value));
    diagnostics.extend(idle_lines(&rules.value.redirect_lines, &manifest.value));
    diagnostics.extend(fallback.diagnostics);

    let has_failed = diagnostics.iter().any(Diagnostic::is_error);
    let document = DeploymentDocument {
        manifest: manifest.value,
        rules: rules.value,
        functions: functions.routes,
        middleware: functions.middleware,
        edge_bundle: functions.bundle,
        fallback: fallback.value,
        settings: input.settings,
    };
    Parsed {
        value: (!has_failed).then_some(document),
        diagnostics,
    }
}

/// Whether a finding says of an edge function or a middleware that it is not run.
fn is_run_at_the_edge(found: &Diagnostic) -> bool {
    let is_edge = |file: &str| {
        matches!(file, "edge-functions/" | "functions/") || file.starts_with("middleware.")
    };
    found.code == code::FUNCTIONS_NOT_RUN && found.file.as_deref().is_some_and(is_edge)
}

/// The rules of the first project file there is (config-build spec 1.1), and those of `_redirects` and `_headers`,
/// which rank after them (decision D10.13).
fn read_rules(configs: &BTreeMap<String, Vec<u8>>, limits: &RuleLimits) -> Parsed<Rules> {
    let mut rules = read_project_rules(configs, limits);
    if let Some(text) = configs.get("/_redirects") {
        let lines = read_redirects(text, limits);
        rules.value.redirect_lines = lines.value;
        rules.diagnostics.extend(lines.diagnostics);
    }
    if let Some(text) = configs.get("/_headers") {
        let blocks = read_headers(text, limits);
        rules.value.header_blocks = blocks.value;
        rules.diagnostics.extend(blocks.diagnostics);
    }
    rules
}

fn read_project_rules(configs: &BTreeMap<String, Vec<u8>>, limits: &RuleLimits) -> Parsed<Rules> {
    let names = ["edgeone.json", "edgeone.json5"];
    let mut present = names
        .into_iter()
        .filter_map(|name| configs.get(&format!("/{name}")).map(|text| (name, text)));
    let Some((name, text)) = present.next() else {
        return Parsed::default();
    };
    let file = read_with_limits(name, text, limits);
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

/// A finding for each line that serves a file that is not there, or that yields to one that is.
fn idle_lines(lines: &[RedirectLine], manifest: &Manifest) -> Vec<Diagnostic> {
    let serving = lines.iter().filter_map(|line| match line.action {
        LineAction::Serve { is_forced, .. } => Some((line, is_forced)),
        LineAction::Redirect(_) => None,
    });
    serving
        .filter_map(|(line, is_forced)| {
            let pattern = Pattern::compile(&line.source);
            let target = Template::compile(&line.destination, &pattern).fixed_path();
            let (code, message, hint) = match target {
                Some(target) if !manifest.contains_clean(&target) => (
                    code::LINE_NO_EFFECT,
                    format!("there is no file for `{}`", line.destination),
                    "deploy the folder that holds the file, or take the line out",
                ),
                _ if !is_forced
                    && pattern.is_exact()
                    && manifest.contains_clean(pattern.lead()) =>
                {
                    (
                        code::LINE_NO_EFFECT,
                        format!(
                            "there is a file at `{}`, and a line without `!` yields to it",
                            line.source
                        ),
                        "write `200!` to answer with the other file, or take the line out",
                    )
                }
                _ => return None,
            };
            Some(
                Diagnostic::new(Severity::Warning, code, message)
                    .at(&*line.origin.file, Some(line.origin.line))
                    .hint(hint),
            )
        })
        .collect()
}
