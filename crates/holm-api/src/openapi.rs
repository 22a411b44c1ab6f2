//! The OpenAPI document.

use serde_json::{Value, json};

/// The OpenAPI 3.1 document of this version.
pub fn openapi(version: &str) -> Value {
    json!({ "openapi": "3.1.0", "info": { "title": "Holm", "version": version } })
}
