//! Which files of a project may be functions, and which is its middleware (functions spec 1.2, 9.1, B.1).

use holm_types::{Diagnostic, Parsed, Severity};

use super::pattern::{FilePattern, PatternError};
use crate::code;

/// The folders of edge functions; the first that is there counts.
const EDGE_FOLDERS: [&str; 2] = ["edge-functions", "functions"];

/// What an edge function's file name ends with.
const EXTENSIONS: [&str; 5] = ["ts", "js", "cjs", "tsx", "jsx"];

/// Where a middleware may be, in the order in which they count.
const MIDDLEWARE_FILES: [&str; 8] = [
    "middleware.ts",
    "middleware.js",
    "src/middleware.ts",
    "src/middleware.js",
    "proxy.ts",
    "proxy.js",
    "src/proxy.ts",
    "src/proxy.js",
];

/// A file that may be a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionSource {
    /// Relative to the project's root, without a slash in front.
    pub file: Box<str>,
    /// The path that it answers, with `[name]` and `[[name]]`.
    pub src: Box<str>,
}

/// The files of a project that run at the edge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionSources {
    /// In the order of their paths. Those that export no handler are helpers and get no route.
    pub edge: Vec<FunctionSource>,
    /// Relative to the project's root. `None` when the project has none.
    pub middleware: Option<Box<str>>,
}

impl FunctionSources {
    /// Whether there is nothing to run.
    pub fn is_empty(&self) -> bool {
        self.edge.is_empty() && self.middleware.is_none()
    }
}

/// Finds them among the paths of a project, which may begin with a slash, in any order.
///
/// Projects of a framework that has a middleware of its own (Next.js, Nuxt, Astro) do not use the platform's; their
/// caller takes `middleware` away.
pub fn find_function_sources<'p>(
    paths: impl IntoIterator<Item = &'p str>,
) -> Parsed<FunctionSources> {
    let mut files: Vec<&str> = paths.into_iter().map(without_slash).collect();
    files.sort_unstable();
    let mut diagnostics = Vec::new();
    let folder = edge_folder(&files, &mut diagnostics);
    let mut edge = Vec::new();
    for file in files.iter().copied() {
        let name = folder.and_then(|folder| file.strip_prefix(folder)?.strip_prefix('/'));
        if let Some(name) = name {
            edge.extend(edge_source(file, name, &mut diagnostics));
        }
    }
    let middleware = middleware_file(&files, &mut diagnostics);
    let value = FunctionSources { edge, middleware };
    Parsed { value, diagnostics }
}

fn without_slash(path: &str) -> &str {
    path.strip_prefix('/').unwrap_or(path)
}

/// The folder that counts, with a finding when there is another.
fn edge_folder(files: &[&str], diagnostics: &mut Vec<Diagnostic>) -> Option<&'static str> {
    let has = |folder: &str| {
        let inside = |file: &&str| {
            let rest = file.strip_prefix(folder);
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        files.iter().any(inside)
    };
    let mut present = EDGE_FOLDERS.into_iter().filter(|folder| has(folder));
    let folder = present.next()?;
    diagnostics.extend(present.map(|other| {
        Diagnostic::new(
            Severity::Warning,
            code::FUNCTIONS_IGNORED,
            format!("`{other}/` is not used, because there is an `{folder}/`"),
        )
        .at(format!("{other}/"), None)
        .hint(format!("move its files to `{folder}/`"))
    }));
    Some(folder)
}

fn edge_source(
    file: &str,
    name: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<FunctionSource> {
    let is_private = |segment: &str| segment.starts_with(['.', '_']) || segment == "node_modules";
    if name.split('/').any(is_private) {
        return None;
    }
    let (stem, extension) = name.rsplit_once('.')?;
    if extension == "mjs" {
        diagnostics.push(
            Diagnostic::new(
                Severity::Info,
                code::FUNCTIONS_IGNORED,
                "a file `.mjs` gets no route of its own; other files may import it",
            )
            .at(file, None)
            .hint("name it `.js` if it is a function"),
        );
        return None;
    }
    let is_declaration = stem.rsplit_once('.').is_some_and(|(_, kind)| kind == "d");
    if !EXTENSIONS.contains(&extension) || is_declaration {
        return None;
    }
    let path = match stem.rsplit_once('/') {
        Some((folder, "index")) => folder,
        None if stem == "index" => "",
        _ => stem,
    };
    let src = format!("/{path}");
    diagnostics.extend(name_problem(file, &src));
    FilePattern::parse(&src).is_ok().then(|| FunctionSource {
        file: file.into(),
        src: src.into(),
    })
}

/// What is wrong with the name of a function, if something is.
fn name_problem(file: &str, src: &str) -> Option<Diagnostic> {
    let finding = |severity, message: String, hint: &str| {
        let found = Diagnostic::new(severity, code::FUNCTION_NAME, message);
        Some(found.at(file, None).hint(hint))
    };
    match FilePattern::parse(src) {
        Err(PatternError::RestNotLast) => finding(
            Severity::Error,
            format!(
                "in `{src}` there is something behind `[[name]]`, which takes all that is left"
            ),
            "let `[[name]]` be the last name in the path",
        ),
        Ok(_) if src.contains("[...") || src.contains("[[...") => finding(
            Severity::Warning,
            format!("in `{src}` the dots are part of the parameter's name"),
            "write `[[name]]` for a parameter that takes several segments",
        ),
        Ok(_) if src.split('/').any(has_stray_brackets) => finding(
            Severity::Warning,
            format!("in `{src}` the brackets stand for themselves"),
            "a parameter is a whole name between two slashes: `[id].js`",
        ),
        Ok(_) => None,
    }
}

/// Whether a name has brackets, and is no parameter.
fn has_stray_brackets(name: &str) -> bool {
    let inner = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    name.contains(['[', ']']) && inner.is_none_or(str::is_empty)
}

fn middleware_file(files: &[&str], diagnostics: &mut Vec<Diagnostic>) -> Option<Box<str>> {
    let mut present = MIDDLEWARE_FILES
        .into_iter()
        .filter(|name| files.binary_search(name).is_ok());
    let file = present.next()?;
    diagnostics.extend(present.map(|other| {
        Diagnostic::new(
            Severity::Warning,
            code::FUNCTIONS_IGNORED,
            format!("`{other}` is not run, because there is a `{file}`"),
        )
        .at(other, None)
        .hint("a project has one middleware")
    }));
    Some(file.into())
}
