//! The sources of functions of a case: a file a line, and behind it what it exports.

use std::fmt::Write;

use holm_site::{
    BuiltFunctions, ConfigValue, MethodSet, Middleware, find_function_sources, function_routes,
    read_matchers,
};
use holm_types::Diagnostic;

/// The file of a line.
pub(super) fn file_of(line: &str) -> &str {
    line.split_once(' ').map_or(line, |(file, _)| file)
}

/// The table of these sources, with the findings and the table in words. `None` when a finding is an error.
///
/// `matcher` has an entry a line: a text, or an expression between slashes that begins with `re/`.
pub(super) fn build(
    lines: &[String],
    matcher: Option<&str>,
    out: &mut String,
) -> Option<BuiltFunctions> {
    let found = find_function_sources(lines.iter().map(|line| file_of(line)));
    let mut diagnostics = found.diagnostics;
    let exports = |file: &str| {
        let mut lines = lines.iter();
        let line = lines.find(|line| file_of(line) == file);
        let (_, exports) = line.and_then(|line| line.split_once(' '))?;
        Some(MethodSet::of_exports(exports.split(',')))
    };
    let functions = found.value.edge.into_iter().map(|source| {
        let methods = exports(&source.file).unwrap_or_default();
        (source, methods)
    });
    let table = function_routes(functions);
    diagnostics.extend(table.diagnostics);
    let withheld = found.value.middleware.iter().cloned().collect();
    let middleware = found.value.middleware.map(|file| {
        let matchers = read_matchers(&config(matcher), &file);
        diagnostics.extend(matchers.diagnostics);
        Middleware {
            matchers: matchers.value,
            handler: 0,
        }
    });
    for found in &diagnostics {
        writeln!(out, "{found}").expect("a string takes text");
    }
    for route in &table.value {
        writeln!(out, "{}: {} ({})", route.src, route.name, route.methods)
            .expect("a string takes text");
    }
    let has_failed = diagnostics.iter().any(Diagnostic::is_error);
    (!has_failed).then_some(BuiltFunctions {
        routes: table.value,
        middleware,
        withheld,
        bundle: None,
    })
}

fn config(matcher: Option<&str>) -> ConfigValue {
    let Some(matcher) = matcher else {
        return ConfigValue::Null;
    };
    let entries = matcher.lines().filter(|line| !line.is_empty());
    let entries = entries.map(|line| match line.strip_prefix("re/") {
        Some(expression) => {
            let (source, flags) = expression.rsplit_once('/').expect("two slashes");
            ConfigValue::Regex {
                source: source.into(),
                flags: flags.into(),
            }
        }
        None => ConfigValue::Text(line.into()),
    });
    ConfigValue::Object(vec![(
        "matcher".into(),
        ConfigValue::List(entries.collect()),
    )])
}
