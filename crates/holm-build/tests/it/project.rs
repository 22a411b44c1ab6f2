//! A project in a scratch folder, and what becomes of it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use holm_build::limits::BuildLimits;
use holm_build::npm_tool::{InstallError, NpmClient};
use holm_build::{Bundle, BundleInput, bundle_functions, esbuild_tool};
use holm_site::find_function_sources;
use holm_types::{Diagnostic, Parsed};
use tempfile::TempDir;

/// The bundler, fetched once for all tests of this machine. `None`, said loudly, when there is no network.
#[expect(clippy::print_stderr, reason = "a test that was skipped has to say so")]
pub(crate) fn esbuild() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let tool = esbuild_tool().expect("an esbuild for this machine");
        match tool.install(&npm(), &tools_folder()) {
            Ok(program) => Some(program),
            Err(error @ (InstallError::Fetch { .. } | InstallError::TimedOut { .. })) => {
                eprintln!("SKIPPED, there is no network: {error}");
                None
            }
            Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
        }
    });
    program.as_deref()
}

pub(crate) fn npm() -> NpmClient {
    NpmClient {
        command: "npm".into(),
        time_max: BuildLimits::DEFAULT.npm_time_max,
    }
}

/// Beside the test programs, so that it outlives one run.
fn tools_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("tools")
}

/// A project, file by file.
pub(crate) struct Project(TempDir);

impl Project {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let project = Self(tempfile::tempdir().expect("a scratch folder"));
        for (name, text) in files {
            project.write(name, text.as_bytes());
        }
        project
    }

    pub(crate) fn write(&self, name: &str, text: &[u8]) {
        let path = self.0.path().join(name);
        let folder = path.parent().expect("it is in the project");
        std::fs::create_dir_all(folder).expect("a folder is made");
        std::fs::write(path, text).expect("a file is written");
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.0.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder is listed") {
                let path = entry.expect("a folder is listed").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let path = path.strip_prefix(self.0.path()).expect("it is inside");
                    files.push(path.to_string_lossy().into_owned());
                }
            }
        }
        files
    }

    /// What comes of it. `None` without a bundler.
    pub(crate) fn bundle(&self) -> Option<Parsed<Option<Bundle>>> {
        self.bundle_with(BuildLimits::DEFAULT)
    }

    pub(crate) fn bundle_with(&self, limits: BuildLimits) -> Option<Parsed<Option<Bundle>>> {
        let files = self.files();
        let sources = find_function_sources(files.iter().map(String::as_str));
        let input = BundleInput {
            root: self.0.path(),
            sources: sources.value,
            limits,
        };
        let mut parsed = bundle_functions(esbuild()?, &input).expect("the bundler works");
        parsed.diagnostics.extend(sources.diagnostics);
        Some(parsed)
    }

    /// The bundle of a project in which nothing is wrong.
    pub(crate) fn good_bundle(&self) -> Option<Bundle> {
        let parsed = self.bundle()?;
        assert_eq!(parsed.diagnostics, [], "nothing is wrong");
        Some(parsed.value.expect("there is something to run"))
    }
}

/// The findings in words, a line each.
pub(crate) fn words(diagnostics: &[Diagnostic]) -> String {
    let lines = diagnostics.iter().map(|found| {
        let file = found.file.as_deref().unwrap_or("-");
        let line = found.line.unwrap_or_default();
        let column = found.column.unwrap_or_default();
        format!("{} {file}:{line}:{column} {}\n", found.code, found.message)
    });
    lines.collect()
}

/// Runs a script of Node.js in which `handlers` and `middleware` are those of the bundle, and gives what it prints.
pub(crate) fn run(bundle: &Bundle, script: &str) -> String {
    let folder = tempfile::tempdir().expect("a scratch folder");
    std::fs::write(folder.path().join("bundle.mjs"), &bundle.code).expect("a file is written");
    let script = format!(
        "import * as bundle from './bundle.mjs';\n\
         const {{ handlers, middleware }} = bundle;\n\
         const call = async (handler, context) => (await handler({{\n\
           request: new Request('http://site.test/'), params: {{}}, env: {{}}, waitUntil() {{}},\n\
           next: () => new Response('beneath'), ...context }})).text();\n{script}"
    );
    std::fs::write(folder.path().join("main.mjs"), script).expect("a file is written");
    let output = Command::new("node")
        .arg("main.mjs")
        .current_dir(folder.path())
        .output()
        .expect("npm has its Node.js");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).expect("it prints text")
}
