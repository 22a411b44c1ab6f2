//! What the corpus cannot say about project files: settings, and any bytes.

use proptest::prelude::*;

use super::*;
use crate::{CompileInput, DIAGNOSTIC_CODES, compile};

#[test]
fn settings_are_kept() {
    let text = br#"{
        buildCommand: "b", installCommand: "", outputDirectory: "./dist", nodeVersion: "22.11.0",
        devCommand: "d", framework: "vite",
        cloudFunctions: { nodejs: { maxDuration: 20 }, python: { maxDuration: 30 }, overseasRegions: ["ap-tokyo"] },
        nodeFunctionsConfig: { maxDuration: 60 },
        "node-functions": { included_files: ["a"], external_node_modules: ["sharp"] },
    }"#;
    let file = read_project_file("edgeone.json", text).value;
    assert_eq!(file.build_command.as_deref(), Some("b"));
    assert_eq!(file.install_command, None);
    assert_eq!(file.output_directory.as_deref(), Some("./dist"));
    assert_eq!(file.node_version.as_deref(), Some("22.11.0"));
    assert_eq!(file.dev_command.as_deref(), Some("d"));
    assert_eq!(file.framework.as_deref(), Some("vite"));
    let functions = file.cloud_functions;
    assert_eq!(functions.nodejs.max_duration_seconds, Some(20));
    assert_eq!(functions.nodejs.include_files, ["a"]);
    assert_eq!(functions.nodejs.external_node_modules, ["sharp"]);
    assert_eq!(functions.python_max_duration_seconds, Some(30));
    assert_eq!(functions.go_max_duration_seconds, None);
    assert_eq!(functions.overseas_regions, ["ap-tokyo"]);
}

#[test]
fn build_settings_come_from_the_main_file_only() {
    let text = br#"{ outputDirectory: "dist", trailingSlash: true }"#;
    let file = read_project_file("edgeone.json5", text).value;
    assert_eq!(file.output_directory, None);
    assert_eq!(file.rules.trailing_slash, TrailingSlash::Add);
}

#[test]
fn a_file_over_the_limit_is_not_read() {
    let limits = RuleLimits {
        file_bytes_max: 10,
        ..RuleLimits::DEFAULT
    };
    let parsed = read_with_limits("edgeone.json", b"{ trailingSlash: true }", &limits);
    assert_eq!(parsed.value, ProjectFile::default());
    assert_eq!(parsed.diagnostics[0].code, "edgeone-json/too-large");
}

#[test]
fn depth_is_limited() {
    for text in ["[".repeat(200_000), "{a:".repeat(200_000)] {
        let parsed = read_project_file("edgeone.json", text.as_bytes());
        assert_eq!(parsed.diagnostics[0].code, "edgeone-json/json5");
    }
}

/// Append-only: a code that is gone or changed breaks those who match on it.
#[test]
fn codes_stay_what_they_are() {
    let want = "\
manifest/path
manifest/duplicate-path
manifest/left-out
functions/not-run
edgeone-json/json5
edgeone-json/too-large
edgeone-json/shadowed
edgeone-json/invalid-type
edgeone-json/max-length
edgeone-json/min-length
edgeone-json/string-min
edgeone-json/string-max
edgeone-json/char-match
edgeone-json/value-match
edgeone-json/region
edgeone-json/reserved-header
edgeone-json/external-rewrite
edgeone-json/pattern
edgeone-json/not-run-here
edgeone-json/deprecated
edgeone-json/missing-file
assets-config/unreadable
edgeone-json/redirect-loop
rule-line/syntax
rule-line/unsupported
rule-line/limit
rule-line/unsafe
rule-line/no-effect
functions/ignored
functions/name
functions/conflict
functions/limit
middleware/matcher";
    assert_eq!(DIAGNOSTIC_CODES.join("\n"), want);
}

/// Text that looks like a project file now and then.
fn json_like() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "[-+]?[0-9a-fx.]{1,4}",
        "[\"'][/:*a$.%4 \u{6807}]{0,9}[\"']",
        "[ -~]{0,5}",
    ];
    let keys = vec![
        "redirects",
        "rewrites",
        "headers",
        "caches",
        "source",
        "destination",
        "src",
        "dest",
        "key",
        "value",
        "statusCode",
        "cacheTtl",
        "trailingSlash",
        "cloudFunctions",
        "nodejs",
        "maxDuration",
        "mainlandRegions",
        "node-functions",
        "included_files",
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        let key = prop::sample::select(keys.clone());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6)
                .prop_map(|all| format!("[{}]", all.join(","))),
            prop::collection::vec((key, inner), 0..6).prop_map(|all| {
                let pairs: Vec<String> = all
                    .iter()
                    .map(|(key, value)| format!("'{key}': {value}"))
                    .collect();
                format!("{{{}}}", pairs.join(",\n"))
            }),
        ]
    })
}

fn check_is_taken(text: &[u8]) -> Result<(), TestCaseError> {
    let parsed = read_project_file("edgeone.json", text);
    for found in &parsed.diagnostics {
        prop_assert!(DIAGNOSTIC_CODES.contains(&&*found.code));
        prop_assert!(found.file.is_some() && found.hint.is_some());
    }
    let rules = &parsed.value.rules;
    for (name, value) in rules.headers.iter().flat_map(|rule| &rule.headers) {
        prop_assert!(http::HeaderName::from_bytes(name.as_bytes()).is_ok());
        prop_assert!(http::HeaderValue::from_bytes(value.as_bytes()).is_ok());
    }
    let configs = [("/edgeone.json".to_owned(), text.to_vec())].into();
    let compiled = compile(CompileInput {
        configs,
        ..CompileInput::default()
    });
    let has_error = compiled.diagnostics.iter().any(Diagnostic::is_error);
    prop_assert_eq!(compiled.value.is_none(), has_error);
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_are_a_project_file(text in prop::collection::vec(any::<u8>(), 0..100)) {
        check_is_taken(&text)?;
    }

    #[test]
    fn any_text_is_a_project_file(text in "\\PC{0,60}") {
        check_is_taken(text.as_bytes())?;
    }

    #[test]
    fn any_punctuation_is_a_project_file(text in "[\\[\\]{}:,'\"\\\\ua0-9+.eExINn/*\n\r\u{2028}\u{e9} -]{0,30}") {
        check_is_taken(text.as_bytes())?;
    }

    #[test]
    fn any_shape_is_a_project_file(text in json_like()) {
        check_is_taken(text.as_bytes())?;
    }
}
