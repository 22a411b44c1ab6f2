//! What the bundler says, as findings about a project.

use std::fmt::Write;

use holm_types::{Diagnostic, Severity};

use crate::code;
use crate::esbuild::{Message, Metafile, Output};
use crate::limits::LARGEST_MODULES_MAX;

/// Warnings that are about the project and not about style.
const WARNINGS_SHOWN: &[&str] = &[
    "call-import-namespace",
    "commonjs-variable-in-esm",
    "import-is-undefined",
    "package.json",
    "tsconfig.json",
    "unsupported-require-call",
];

/// An error of the bundler.
pub(super) fn finding_of(message: &Message) -> Diagnostic {
    let wanted = message
        .text
        .strip_prefix("Could not resolve \"")
        .and_then(|rest| rest.strip_suffix('"'));
    let (code, text, hint) = match wanted {
        Some(wanted) if is_builtin(wanted, message) => (
            code::NODE_BUILTIN,
            format!("`{wanted}` is a part of Node.js, which edge functions do not have"),
            Some(
                "use the interfaces of the Web instead, or make it a Node function in `cloud-functions/`",
            ),
        ),
        Some(wanted) if wanted.starts_with(['.', '/']) => (
            code::MISSING_FILE,
            format!("there is no file for `{wanted}`"),
            None,
        ),
        Some(wanted) => (
            code::MISSING_PACKAGE,
            format!("the package of `{wanted}` is not installed"),
            Some("add it to `package.json` and install it, so that it is in `node_modules`"),
        ),
        None if message.place.is_some() => (code::SYNTAX, message.text.clone(), None),
        None => (code::BUNDLER, message.text.clone(), None),
    };
    let mut found = Diagnostic::new(Severity::Error, code, text);
    if let Some(hint) = hint {
        found = found.hint(hint);
    }
    placed(found, message)
}

/// A warning of the bundler that is worth showing.
pub(super) fn warning_of(message: &Message) -> Option<Diagnostic> {
    let is_own = message
        .place
        .as_ref()
        .is_none_or(|place| !place.file.contains("node_modules/"));
    (is_own && WARNINGS_SHOWN.contains(&&*message.id)).then(|| {
        let found = Diagnostic::new(Severity::Warning, code::BUNDLER, message.text.clone());
        placed(found, message)
    })
}

fn is_builtin(wanted: &str, message: &Message) -> bool {
    wanted.starts_with("node:")
        || message
            .notes
            .iter()
            .any(|note| note.contains("built into node"))
}

/// Says where. Of a file outside of the project nothing is said, not even what is wrong with it.
fn placed(mut found: Diagnostic, message: &Message) -> Diagnostic {
    let Some(place) = &message.place else {
        return found;
    };
    if is_outside(&place.file) {
        return outside(&place.file);
    }
    found = found.at(place.file.clone(), Some(place.line));
    found.column(place.column)
}

/// A finding for every source that is not in the project's folder.
pub(super) fn outside_of(metafile: &Metafile) -> Vec<Diagnostic> {
    let inputs = metafile.inputs.keys();
    inputs
        .filter(|path| is_outside(path))
        .map(|path| outside(path))
        .collect()
}

fn is_outside(path: &str) -> bool {
    let is_absolute = path.starts_with('/') || path.get(1..3).is_some_and(|it| it == ":/");
    is_absolute || path.split('/').any(|name| name == "..")
}

/// A source that is not read.
pub(super) fn outside(path: &str) -> Diagnostic {
    Diagnostic::new(
        Severity::Error,
        code::OUTSIDE,
        format!("`{path}` is no file within the project's folder"),
    )
    .hint("functions and what they import are files of the project, and not links to others")
}

/// What is to be said of the bundle's size.
pub(super) fn size_of(code: &[u8], metafile: &Metafile, max: usize) -> Option<Diagnostic> {
    let size = code.len();
    let is_near = size > max / 5 * 4;
    is_near.then(|| {
        let largest = largest_modules(metafile);
        let severity = if size > max { Severity::Error } else { Severity::Warning };
        Diagnostic::new(
            severity,
            code::TOO_LARGE,
            format!(
                "the bundle of the edge functions has {size} bytes, and at most {max} are run; the largest \
                 modules: {largest}"
            ),
        )
        .hint("leave packages out that are not needed at the edge, or use a Node function")
    })
}

fn largest_modules(metafile: &Metafile) -> String {
    let outputs = metafile.outputs.values().filter(|it| !is_style_sheet(it));
    let shares = outputs.flat_map(|output| &output.inputs);
    let mut shares: Vec<(u64, &str)> = shares
        .map(|(path, share)| (share.bytes_in_output, &**path))
        .collect();
    shares.sort_unstable_by(|a, b| b.cmp(a));
    let mut words = String::new();
    for (at, (bytes, path)) in shares.iter().take(LARGEST_MODULES_MAX).enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        write!(words, "{comma}{path} ({bytes} bytes)").expect("a string takes text");
    }
    words
}

fn is_style_sheet(output: &Output) -> bool {
    output.entry_point.is_none()
}
