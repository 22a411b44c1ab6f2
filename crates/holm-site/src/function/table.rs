//! The table of function routes, in the order in which they are asked.

use std::collections::BTreeMap;

use holm_types::{Diagnostic, Parsed, Severity};

use super::{FilePattern, FunctionSource, MethodSet};
use crate::limits::FUNCTION_ROUTES_MAX;
use crate::{FunctionRoute, RouteForm, Runtime, code};

/// The routes of the edge functions: every file that answers a method gets one, most exact first
/// (functions spec 2.4, 2.5, B.1). A route's `handler` is its place in this table.
///
/// Two files for the same paths are an error, and so are more than [`FUNCTION_ROUTES_MAX`].
pub fn function_routes(
    functions: impl IntoIterator<Item = (FunctionSource, MethodSet)>,
) -> Parsed<Vec<FunctionRoute>> {
    let mut diagnostics = Vec::new();
    let mut ranked: BTreeMap<_, (FunctionSource, MethodSet)> = BTreeMap::new();
    let mut shapes: BTreeMap<String, Box<str>> = BTreeMap::new();
    let functions = functions.into_iter();
    for (source, methods) in functions.filter(|(_, methods)| !methods.is_empty()) {
        let Ok(pattern) = FilePattern::parse(&source.src) else {
            continue;
        };
        if let Some(other) = shapes.insert(pattern.shape(), source.file.clone()) {
            diagnostics.push(same_paths(&source, &other));
            continue;
        }
        let rank = (pattern.rank(), source.src.clone(), source.file.clone());
        ranked.insert(rank, (source, methods));
    }
    if ranked.len() > FUNCTION_ROUTES_MAX {
        diagnostics.push(too_many(ranked.len()));
    }
    let route = |(handler, (source, methods)): (u32, (FunctionSource, MethodSet))| FunctionRoute {
        src: source.src,
        form: RouteForm::Segments,
        runtime: Runtime::Edge,
        name: source.file,
        methods,
        handler,
    };
    Parsed {
        value: (0..).zip(ranked.into_values()).map(route).collect(),
        diagnostics,
    }
}

fn same_paths(source: &FunctionSource, other: &str) -> Diagnostic {
    Diagnostic::new(
        Severity::Error,
        code::FUNCTION_CONFLICT,
        format!(
            "`{}` and `{other}` answer the same paths, `{}`",
            source.file, source.src
        ),
    )
    .at(&*source.file, None)
    .hint("keep one of the two; one file can export a handler for each method")
}

fn too_many(count: usize) -> Diagnostic {
    Diagnostic::new(
        Severity::Error,
        code::FUNCTION_LIMIT,
        format!("the project has {count} functions, and at most {FUNCTION_ROUTES_MAX} are run"),
    )
    .hint("answer several paths in one function: `[[name]]` takes all that is below its folder")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;
    use crate::strategies::{function_src, methods};

    /// The expression that `EdgeOne` makes of such a path (functions spec 2.2).
    fn naive(src: &str) -> Regex {
        let names = src.split('/').filter(|name| !name.is_empty());
        let parts = names.map(|name| match name {
            "[[z]]" => "/(.+)".to_owned(),
            "[x]" | "[y]" => "/([^/]+)".to_owned(),
            literal => format!("/{literal}"),
        });
        let body: String = parts.collect();
        let body = if body.is_empty() { "/" } else { &body };
        Regex::new(&format!("^{body}$")).unwrap()
    }

    fn without_last_slash(path: &str) -> &str {
        match path.strip_suffix('/') {
            Some("") | None => path,
            Some(folder) => folder,
        }
    }

    proptest! {
        #[test]
        fn a_pattern_takes_what_its_expression_takes(
            src in function_src(),
            path in "/([ab]|index|c)?(/[ab]?){0,4}",
        ) {
            let Ok(pattern) = FilePattern::parse(&src) else { return Ok(()) };
            let normal = without_last_slash(&path);
            let captures = naive(&src).captures(normal);
            prop_assert_eq!(pattern.is_match(&path), captures.is_some(), "{} {}", src, path);
            let Some(captures) = captures else { return Ok(()) };
            let names = src.split('/').filter(|name| name.starts_with('['));
            let mut wanted: BTreeMap<&str, &str> = BTreeMap::new();
            for (name, capture) in names.zip(captures.iter().skip(1).flatten()) {
                wanted.insert(name.trim_matches(['[', ']']), capture.as_str());
            }
            let joined = |value| match value {
                crate::ParamValue::One(text) => text.to_owned(),
                crate::ParamValue::Many(list) => list.join("/"),
            };
            let params = pattern.params(&path).into_iter();
            let got: BTreeMap<&str, String> = params.map(|(name, it)| (name, joined(it))).collect();
            let wanted = wanted.into_iter().map(|(name, it)| (name, it.to_owned()));
            prop_assert_eq!(got, wanted.collect());
        }

        #[test]
        fn the_table_does_not_hang_on_the_order_of_files(
            functions in prop::collection::vec((function_src(), methods()), 0..8),
            turn in 0_usize..8,
        ) {
            let source = |(at, (src, methods)): (usize, (Box<str>, MethodSet))| {
                (FunctionSource { file: format!("f{at}.js").into(), src }, methods)
            };
            let mut functions: Vec<_> = functions.into_iter().enumerate().map(source).collect();
            // Two files for the same paths are another test's matter.
            let mut shapes = std::collections::BTreeSet::new();
            functions.retain(|(source, _)| {
                FilePattern::parse(&source.src).is_ok_and(|it| shapes.insert(it.shape()))
            });
            let table = function_routes(functions.clone());
            prop_assert_eq!(&table.diagnostics, &vec![]);
            prop_assert_eq!(table.value.len(), functions.len());
            if !functions.is_empty() {
                let turn = turn % functions.len();
                functions.rotate_left(turn);
            }
            prop_assert_eq!(&function_routes(functions).value, &table.value);
            let handlers: Vec<u32> = table.value.iter().map(|route| route.handler).collect();
            prop_assert!(handlers.iter().copied().eq(0..u32::try_from(handlers.len()).unwrap()));
        }
    }

    #[test]
    fn more_functions_than_are_run_fail_the_deployment() {
        let table = |count: usize| {
            let source = |at: usize| FunctionSource {
                file: format!("functions/f{at}.js").into(),
                src: format!("/f{at}").into(),
            };
            function_routes((0..count).map(|at| (source(at), MethodSet::ALL))).diagnostics
        };
        assert_eq!(table(FUNCTION_ROUTES_MAX), []);
        let found = table(FUNCTION_ROUTES_MAX + 1);
        assert!(found.len() == 1 && found[0].is_error(), "{found:?}");
    }
}
