//! The document is whole, and the checked-in copy is the one that is served.

use std::path::Path;

use super::*;

/// Every `$ref` in the document.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(target) if name == "$ref" => found.push(target.clone()),
                    other => references(other, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_operation_is_described_and_every_reference_leads_somewhere() {
    let document = openapi("0.0.0");
    let mut ids = Vec::new();
    for (_, methods) in document["paths"].as_object().unwrap() {
        for (_, operation) in methods.as_object().unwrap() {
            ids.push(operation["operationId"].as_str().unwrap().to_owned());
        }
    }
    ids.sort();
    let mut want: Vec<&str> = OPERATIONS.iter().map(|operation| operation.id).collect();
    want.sort_unstable();
    assert_eq!(ids, want);
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 50);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn what_needs_somebody_says_so() {
    let document = openapi("0.0.0");
    let claim = &document["paths"]["/v1/claim"]["post"];
    assert_eq!(claim["security"], json!([]));
    let list = &document["paths"]["/v1/projects"]["get"];
    assert_eq!(
        list["security"],
        json!([{ "token": [] }, { "session": [] }])
    );
    assert_eq!(
        list["responses"]["401"]["description"],
        "auth/required, auth/unknown-token"
    );
}

#[test]
fn the_checked_in_document_is_the_served_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/openapi.json");
    let document = openapi(env!("CARGO_PKG_VERSION"));
    let text = serde_json::to_string_pretty(&document).unwrap() + "\n";
    if wants_update() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
        return;
    }
    let checked_in = std::fs::read_to_string(&file).unwrap_or_default();
    let differs = checked_in.lines().zip(text.lines()).find(|(a, b)| a != b);
    assert!(
        checked_in == text,
        "docs/reference/openapi.json differs from the code, first at {differs:?}; UPDATE=1 rewrites it"
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "a switch for the person who runs the test"
)]
fn wants_update() -> bool {
    std::env::var("UPDATE").is_ok_and(|value| value == "1")
}
