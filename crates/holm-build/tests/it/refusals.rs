//! Projects in which something is wrong: what is said, and where.

use holm_build::limits::BuildLimits;
use holm_types::Severity;

use crate::project::{Project, words};

/// The findings of a project that fails.
fn findings(project: &Project) -> Option<String> {
    let parsed = project.bundle()?;
    assert_eq!(parsed.value, None);
    assert!(
        parsed
            .diagnostics
            .iter()
            .any(holm_types::Diagnostic::is_error)
    );
    Some(words(&parsed.diagnostics))
}

#[test]
fn builtins_and_missing_packages_are_named_with_their_place() {
    let project = Project::new(&[
        (
            "functions/a.js",
            "import { z } from 'zod/v4';\nimport { help } from '../lib/help';\n\
             export const onRequest = () => new Response(help(z));",
        ),
        (
            "lib/help.ts",
            "import { readFileSync } from 'node:fs';\nimport crypto from 'crypto';\nimport deep from 'deep';\n\
             export const help = (x: any) => readFileSync(x) + crypto + deep;",
        ),
        ("node_modules/deep/package.json", "{ \"name\": \"deep\" }"),
        (
            "node_modules/deep/index.js",
            "\nmodule.exports = require('@scope/inner/x');",
        ),
    ]);
    let Some(said) = findings(&project) else {
        return;
    };
    let mut lines: Vec<&str> = said.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "bundle/missing-package functions/a.js:1:19 the package of `zod/v4` is not installed",
            "bundle/missing-package node_modules/deep/index.js:2:26 the package of `@scope/inner/x` is not installed",
            "bundle/node-builtin lib/help.ts:1:30 `node:fs` is a part of Node.js, which edge functions do not have",
            "bundle/node-builtin lib/help.ts:2:20 `crypto` is a part of Node.js, which edge functions do not have",
        ]
    );
}

#[test]
fn a_source_that_cannot_be_read_is_named_with_its_place() {
    let project = Project::new(&[
        (
            "functions/a.js",
            "export const onRequest = () => {\n  return new Response(\u{e9}\u{e9} (;\n};",
        ),
        (
            "functions/b.js",
            "import './nowhere';\nexport const onRequest = 1;",
        ),
    ]);
    let Some(said) = findings(&project) else {
        return;
    };
    assert_eq!(
        said,
        "bundle/syntax functions/a.js:2:27 Unexpected \";\"\n\
         bundle/missing-file functions/b.js:1:8 there is no file for `./nowhere`\n"
    );
}

#[test]
fn nothing_outside_of_the_project_is_read_into_the_bundle() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(
        outside.path().join("secret.json"),
        "{\"token\":\"t0psecret\"}",
    )
    .unwrap();
    std::fs::write(outside.path().join("broken.js"), "t0psecret (((").unwrap();
    let name = outside.path().to_string_lossy().into_owned();
    let up = "../".repeat(20);
    for import in [
        format!("{name}/secret.json"),
        format!("{up}{name}/secret.json"),
        format!("{name}/broken.js"),
        "./link.json".to_owned(),
        "./folder/secret.json".to_owned(),
    ] {
        let source =
            format!("import x from {import:?};\nexport const onRequest = () => new Response(x);");
        let project = Project::new(&[("functions/a.js", &source)]);
        let link = |to: &std::path::Path, from: &str| {
            std::os::unix::fs::symlink(to, project.root().join(from)).unwrap();
        };
        link(&outside.path().join("secret.json"), "functions/link.json");
        link(outside.path(), "functions/folder");
        let sources = holm_site::find_function_sources(["functions/a.js"]).value;
        let input = holm_build::BundleInput {
            root: project.root(),
            sources,
            limits: BuildLimits::DEFAULT,
        };
        let Some(esbuild) = crate::project::esbuild() else {
            return;
        };
        let parsed = holm_build::bundle_functions(esbuild, &input).unwrap();
        assert_eq!(parsed.value, None, "{import}");
        let said = words(&parsed.diagnostics);
        assert!(
            said.contains("bundle/outside-of-project"),
            "{import}: {said}"
        );
        assert!(!said.contains("t0psecret"), "{import}: {said}");
    }
}

#[test]
fn a_function_that_is_a_link_to_elsewhere_is_not_read() {
    let Some(esbuild) = crate::project::esbuild() else {
        return;
    };
    for to in ["/dev/zero", "/etc/passwd", "/no/such/file"] {
        let project = Project::new(&[("functions/b.js", "export const onRequest = 1;")]);
        std::os::unix::fs::symlink(to, project.root().join("functions/a.js")).unwrap();
        let input = holm_build::BundleInput {
            root: project.root(),
            sources: holm_site::find_function_sources(["functions/a.js", "functions/b.js"]).value,
            limits: BuildLimits::DEFAULT,
        };
        let parsed = holm_build::bundle_functions(esbuild, &input).unwrap();
        assert_eq!(
            words(&parsed.diagnostics),
            "bundle/outside-of-project -:0:0 `functions/a.js` is no file within the project's folder\n"
        );
    }
}

#[test]
fn a_bundle_that_is_too_large_names_its_largest_modules() {
    let project = Project::new(&[
        (
            "functions/a.js",
            "import big from '../lib/big';\nimport small from '../lib/small';\n\
             export const onRequest = () => new Response(big + small);",
        ),
        (
            "lib/big.js",
            &format!("export default {:?};", "b".repeat(9000)),
        ),
        (
            "lib/small.js",
            &format!("export default {:?};", "s".repeat(900)),
        ),
    ]);
    let limits = |edge_bundle_bytes_max| BuildLimits {
        edge_bundle_bytes_max,
        ..BuildLimits::DEFAULT
    };
    let Some(parsed) = project.bundle_with(limits(8000)) else {
        return;
    };
    assert_eq!(parsed.value, None);
    let said = words(&parsed.diagnostics);
    assert!(
        said.starts_with("bundle/too-large -:0:0 the bundle of the edge functions has 10"),
        "{said}"
    );
    assert!(said.contains("at most 8000 are run"), "{said}");
    let big = said.find("lib/big.js (90").expect("it is the largest");
    let small = said.find("lib/small.js (9").expect("it is the second");
    assert!(big < small, "{said}");
    // Near the limit it is said, and goes on.
    let near = project.bundle_with(limits(12_000)).unwrap();
    assert!(near.value.is_some());
    assert_eq!(near.diagnostics[0].severity, Severity::Warning);
    assert_eq!(project.bundle_with(limits(20_000)).unwrap().diagnostics, []);
}

#[test]
fn a_config_that_has_to_be_run_fails_the_deployment() {
    let project = Project::new(&[(
        "middleware.js",
        "const paths = ['/a'];\nexport const middleware = () => {};\n\
         export const config = { matcher: paths.map((path) => path + '/x') };",
    )]);
    let Some(said) = findings(&project) else {
        return;
    };
    assert!(
        said.starts_with("middleware/config middleware.js:3:0 `config` cannot be read:"),
        "{said}"
    );
}

#[test]
fn a_middleware_without_a_function_fails_the_deployment() {
    let project = Project::new(&[("middleware.js", "export const other = 1;")]);
    let Some(said) = findings(&project) else {
        return;
    };
    assert!(
        said.starts_with("middleware/no-export middleware.js"),
        "{said}"
    );
}

#[test]
fn two_files_for_one_path_fail_the_deployment() {
    let project = Project::new(&[
        ("functions/a.js", "export const onRequest = () => {};"),
        ("functions/a/index.ts", "export const onRequest = () => {};"),
    ]);
    let Some(said) = findings(&project) else {
        return;
    };
    assert!(said.starts_with("functions/conflict"), "{said}");
}

#[test]
fn a_program_that_is_no_such_bundler_is_told() {
    let project = Project::new(&[("functions/a.js", "export const onRequest = 1;")]);
    let sources = holm_site::find_function_sources(["functions/a.js"]).value;
    let input = holm_build::BundleInput {
        root: project.root(),
        sources,
        limits: BuildLimits {
            bundler_silence_max: std::time::Duration::from_millis(200),
            ..BuildLimits::DEFAULT
        },
    };
    let error = |program: &str| {
        let error = holm_build::bundle_functions(program.as_ref(), &input).unwrap_err();
        std::error::Error::source(&error).unwrap().to_string()
    };
    assert!(error("/no/such/esbuild").starts_with("start the bundler"));
    assert_eq!(error("/bin/true"), "the bundler ended before it answered");
    assert_eq!(
        error("/usr/bin/env"),
        "the bundler ended before it answered"
    );
}
