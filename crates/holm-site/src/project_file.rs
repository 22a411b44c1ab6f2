//! `edgeone.json`: what it says, and what is wrong with it (config-build spec section 1).
//!
//! An entry that does not pass is dropped, with a finding in the words of `EdgeOne`'s own tool; the rest is
//! kept, and the deployment goes on. Only a region id that does not exist fails it. Unknown keys are
//! dropped without a word, as there.

mod cloud_functions;
mod header_rules;
mod json;
mod routing_rules;
mod strings;
#[cfg(test)]
mod tests;

use holm_types::{Diagnostic, Parsed, Severity};

pub use cloud_functions::{CloudFunctions, NodeFunctionSettings};
pub(crate) use json::Document;
use json::Field;
pub(crate) use strings::is_reserved_header;

use crate::code;
use crate::limits::RuleLimits;
use crate::{Rules, TrailingSlash};

/// The file whose build settings count; `edgeone.json5` holds rules only (config-build spec 1.1).
const MAIN_FILE: &str = "edgeone.json";

/// What a project file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectFile {
    /// The rules that passed validation.
    pub rules: Rules,
    /// What builds the project. `None` when not said; an empty text counts as not said, here and below.
    pub build_command: Option<String>,
    /// What installs its dependencies. `None` when not said.
    pub install_command: Option<String>,
    /// The folder with what is served, relative to the project's root. `None` when not said.
    pub output_directory: Option<String>,
    /// The Node.js for the build, for example `22.11.0`. Not checked. `None` when not said.
    pub node_version: Option<String>,
    /// The front end's own development server. `None` when not said.
    pub dev_command: Option<String>,
    /// The framework's name; for people only. `None` when not said.
    pub framework: Option<String>,
    /// The settings of functions.
    pub cloud_functions: CloudFunctions,
}

/// Reads a project file. `name` is how findings call it, for example `edgeone.json`.
///
/// It never fails: a file that cannot be read gives the defaults and findings.
pub fn read_project_file(name: &str, text: &[u8]) -> Parsed<ProjectFile> {
    read_with_limits(name, text, &RuleLimits::DEFAULT)
}

/// As [`read_project_file`], with other maxima.
pub(crate) fn read_with_limits(
    name: &str,
    text: &[u8],
    limits: &RuleLimits,
) -> Parsed<ProjectFile> {
    let mut reader = Reader::new(name, limits);
    let mut file = ProjectFile::default();
    if text.len() > limits.file_bytes_max {
        reader.too_large(text.len());
    } else {
        match Document::parse(text) {
            Ok(document) => reader.read(&document, &mut file),
            Err(error) => reader.unparsable(&error),
        }
    }
    reader.diagnostics.sort_by_key(|found| found.line);
    Parsed {
        value: file,
        diagnostics: reader.diagnostics,
    }
}

/// Walks a document and collects findings.
struct Reader<'l> {
    name: String,
    limits: &'l RuleLimits,
    diagnostics: Vec<Diagnostic>,
}

impl<'l> Reader<'l> {
    fn new(name: &str, limits: &'l RuleLimits) -> Self {
        Self {
            name: name.to_owned(),
            limits,
            diagnostics: Vec::new(),
        }
    }

    fn read(&mut self, document: &Document<'_>, file: &mut ProjectFile) {
        let root = document.root();
        if !root.is_object() {
            self.refuse(
                &root,
                code::INVALID_TYPE,
                "the file must hold one object: `{ ... }`",
            );
            return;
        }
        file.rules.redirects = self.redirects(&root.get("redirects"));
        let rewrites = self.rewrites(&root.get("rewrites"));
        file.rules.rewrites = rewrites.classic;
        file.rules.file_routes = rewrites.file_routes;
        file.rules.headers = self.header_rules(&root.get("headers"));
        file.rules.caches = self.cache_rules(&root.get("caches"));
        file.rules.trailing_slash = self.trailing_slash(&root.get("trailingSlash"));
        file.cloud_functions = self.cloud_functions(&root);
        file.dev_command = self.setting(&root.get("devCommand"));
        file.framework = self.setting(&root.get("framework"));
        file.build_command = self.setting(&root.get("buildCommand"));
        file.install_command = self.setting(&root.get("installCommand"));
        file.node_version = self.setting(&root.get("nodeVersion"));
        file.output_directory = self.setting(&root.get("outputDirectory"));
        self.note_build_settings(&root, file);
        if self.name != MAIN_FILE {
            file.build_command = None;
            file.install_command = None;
            file.node_version = None;
            file.output_directory = None;
        }
    }

    /// Says that nothing is built here, once for each setting that is for builds.
    fn note_build_settings(&mut self, root: &Field<'_>, file: &ProjectFile) {
        let settings = [
            ("buildCommand", file.build_command.is_some()),
            ("installCommand", file.install_command.is_some()),
            ("nodeVersion", file.node_version.is_some()),
        ];
        for (key, _) in settings.into_iter().filter(|(_, is_set)| *is_set) {
            let line = Some(root.get(key).line());
            self.diagnostics.push(
                Diagnostic::new(
                    Severity::Info,
                    code::NOT_RUN_HERE,
                    format!(
                        "`{key}` is not used here: nothing is built on the server in this version"
                    ),
                )
                .at(&*self.name, line)
                .hint("build on your own machine and deploy the output folder"),
            );
        }
    }

    /// `trailingSlash`: `true`, `false`, or absent; anything else counts as `false` (config-build spec 1.8).
    fn trailing_slash(&mut self, field: &Field<'_>) -> TrailingSlash {
        if field.is_absent() || field.is_null() {
            return TrailingSlash::Keep;
        }
        match field.as_bool() {
            Some(true) => TrailingSlash::Add,
            Some(false) => TrailingSlash::Remove,
            None => {
                self.refuse(
                    field,
                    code::INVALID_TYPE,
                    "write `true` or `false`; this counts as `false`",
                );
                TrailingSlash::Remove
            }
        }
    }

    /// A text setting; empty counts as not set.
    fn setting(&mut self, field: &Field<'_>) -> Option<String> {
        if field.is_absent() {
            return None;
        }
        let text = field.as_str();
        if text.is_none() {
            self.refuse(
                field,
                code::INVALID_TYPE,
                "write a text in quotes, or leave it out",
            );
        }
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// A whole number that is allowed; `None` after a finding. The hints say what to write: when it is
    /// no number at all, and when it is another number.
    fn whole_number(
        &mut self,
        field: &Field<'_>,
        is_allowed: impl Fn(u64) -> bool,
        [type_hint, value_hint]: [&str; 2],
    ) -> Option<u64> {
        if field.as_number().is_none() {
            self.refuse(field, code::INVALID_TYPE, type_hint);
            return None;
        }
        let number = field.as_whole_number().filter(|number| is_allowed(*number));
        if number.is_none() {
            self.refuse(field, code::VALUE_MATCH, value_hint);
        }
        number
    }

    /// A finding about a field, in `EdgeOne`'s words. What stands there is not used.
    fn refuse(&mut self, field: &Field<'_>, code: &'static str, hint: impl Into<String>) {
        self.refuse_with(field, code, None, hint);
    }

    /// As [`Self::refuse`], with more after the words.
    fn refuse_with(
        &mut self,
        field: &Field<'_>,
        code: &'static str,
        detail: Option<&str>,
        hint: impl Into<String>,
    ) {
        let severity = if code == code::REGION {
            Severity::Error
        } else {
            Severity::Warning
        };
        let detail = detail
            .map(|detail| format!(": {detail}"))
            .unwrap_or_default();
        let message = format!("error in {}: {}{detail}", field.path(), words(code));
        self.diagnostics.push(
            Diagnostic::new(severity, code, message)
                .at(&*self.name, Some(field.line()))
                .hint(hint),
        );
    }

    /// A finding in words of our own.
    fn remark(&mut self, field: &Field<'_>, code: &'static str, message: String, hint: &str) {
        self.diagnostics.push(
            Diagnostic::new(Severity::Warning, code, message)
                .at(&*self.name, Some(field.line()))
                .hint(hint),
        );
    }

    fn too_large(&mut self, size_bytes: usize) {
        let max = self.limits.file_bytes_max;
        self.diagnostics.push(
            Diagnostic::new(
                Severity::Warning,
                code::TOO_LARGE,
                format!("the file has {size_bytes} bytes and is not read: at most {max} are"),
            )
            .at(&*self.name, None)
            .hint("the deployment goes on without any rules; shorten the file"),
        );
    }

    fn unparsable(&mut self, error: &json::SyntaxError) {
        self.diagnostics.push(
            Diagnostic::new(
                Severity::Warning,
                code::JSON5,
                format!("JSON5: {}", error.message),
            )
            .at(&*self.name, error.line)
            .hint(
                "the file is JSON5: comments and trailing commas are fine, all brackets must close",
            ),
        );
        self.diagnostics.push(
            Diagnostic::new(
                Severity::Warning,
                code::INVALID_TYPE,
                format!("error in root: {}", words(code::INVALID_TYPE)),
            )
            .at(&*self.name, error.line)
            .hint("the deployment goes on without any rules"),
        );
    }
}

/// What `EdgeOne`'s own tool prints for a code (config-build spec 1.3).
fn words(code: &str) -> &'static str {
    match code {
        code::MAX_LENGTH => "max length error",
        code::MIN_LENGTH => "min length error",
        code::STRING_MIN => "string min error",
        code::STRING_MAX => "string max error",
        code::CHAR_MATCH => "char match error",
        code::VALUE_MATCH | code::REGION => "value match error",
        _ => "invalid type error",
    }
}
