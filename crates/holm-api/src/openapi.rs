//! The OpenAPI document: made from the table of operations, the schemas of the wire types and the table
//! of error codes. Nothing in it is written twice.

mod also;
mod shape;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use holm_types::{Blame, ErrorCode, Retry};
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{
    API_PREFIX, BACKUP_MEDIA_TYPE, DeploymentEvent, EVENTS_MEDIA_TYPE, FRAME_MEDIA_TYPE,
    MANIFEST_MEDIA_TYPE, Method, OPERATIONS, Operation, Policy, Problem,
};
use shape::{Body, QueryKind, SHAPES, Shape};

/// The OpenAPI 3.1 document that the server with this version serves at `/v1/openapi.json`.
pub fn openapi(version: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let problem = generator.subschema_for::<Problem>();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for (operation, shape) in OPERATIONS.iter().zip(SHAPES) {
        let path = format!("{API_PREFIX}{}", operation.path);
        let entry = describe(
            operation,
            shape,
            &mut generator,
            &problem.clone().to_value(),
        );
        paths
            .entry(path)
            .or_default()
            .insert(operation.method.as_str().to_owned(), entry);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Holm",
            "version": version,
            "description": "The API of the control plane. Errors are RFC 9457 problem details; \
                `x-error-codes` lists every code. Lists are newest first, with a cursor.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": {
                "token": {
                    "type": "http", "scheme": "bearer",
                    "description": "An API token, `holm_...`.",
                },
                "session": {
                    "type": "apiKey", "in": "cookie", "name": "holm_session",
                    "description": "A signed-in browser. Over https the name is `__Host-holm_session`.",
                },
            },
        },
        "x-error-codes": ErrorCode::ALL.iter().copied().map(code_row).collect::<Vec<_>>(),
    })
}

fn code_row(code: ErrorCode) -> Value {
    json!({
        "code": code.as_str(),
        "status": code.status(),
        "blame": match code.blame() { Blame::Caller => "caller", Blame::Platform => "platform" },
        "retry": match code.retry() {
            Retry::No => "no",
            Retry::Later => "later",
            Retry::Yes => "yes",
        },
        "advice": code.advice(),
    })
}

fn describe(
    operation: &Operation,
    shape: &Shape,
    generator: &mut SchemaGenerator,
    problem: &Value,
) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.id.split('_').next()],
        "parameters": parameters(operation, shape),
        "responses": responses(operation, shape, generator, problem),
        "security": match operation.policy {
            Policy::Public | Policy::OwnerCode | Policy::Proof => json!([]),
            Policy::Needs(_) => json!([{ "token": [] }, { "session": [] }]),
        },
    });
    if let Policy::Needs(permission) = operation.policy {
        described["x-permission"] = json!(permission.as_str());
    }
    if let Some(mut content) = content(&shape.request, generator) {
        also::add_requests(operation.id, &mut content);
        let is_required = !matches!(shape.request, Body::Frames { may_be_empty: true });
        described["requestBody"] = json!({ "required": is_required, "content": content });
    }
    if codes(operation, shape).contains(&ErrorCode::RequestPrecondition) {
        let about = "The `ETag` that came with what is to be changed: the change is made only while it is the present one.";
        if let Some(parameters) = described["parameters"].as_array_mut() {
            parameters.push(json!({
                "name": "If-Match", "in": "header", "required": false,
                "schema": { "type": "string" }, "description": about,
            }));
        }
    }
    described
}

/// Path parameters from the path itself, query parameters from the shape.
fn parameters(operation: &Operation, shape: &Shape) -> Vec<Value> {
    let in_path = path_parameters(operation.path).map(|name| {
        json!({
            "name": name, "in": "path", "required": true, "schema": { "type": "string" },
            "description": match name {
                "project" => "The project's id or name.",
                "deployment" => "The deployment's id or its 12-character label.",
                "variable" => "The variable's name.",
                _ => "The id.",
            },
        })
    });
    let in_query = shape.query.iter().map(|parameter| {
        json!({
            "name": parameter.name, "in": "query", "required": parameter.is_required,
            "schema": query_schema(parameter.kind),
            "description": parameter.about,
        })
    });
    let in_header = takes_idempotency_key(operation).then(idempotency_key);
    let also = also::headers(operation.id);
    in_path
        .chain(in_query)
        .chain(in_header)
        .chain(also)
        .collect()
}

fn query_schema(kind: QueryKind) -> Value {
    match kind {
        QueryKind::Text => json!({ "type": "string" }),
        QueryKind::Flag => json!({ "type": "boolean", "default": false }),
        QueryKind::PageLength => {
            json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 20 })
        }
        QueryKind::Environment => json!({ "type": "string", "enum": ["production", "preview"] }),
        QueryKind::Operation => {
            let ids: Vec<&str> = OPERATIONS.iter().map(|operation| operation.id).collect();
            json!({ "type": "string", "enum": ids })
        }
        QueryKind::Time => json!({ "type": "string", "format": "date-time" }),
    }
}

/// Whether `Idempotency-Key` means something: to what changes something for somebody who is known.
fn takes_idempotency_key(operation: &Operation) -> bool {
    operation.method != Method::Get && matches!(operation.policy, Policy::Needs(_))
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key", "in": "header", "required": false,
        "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
        "description": "The same key with the same request within 24 hours gives the first answer \
            again; with another request it is refused.",
    })
}

fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

fn responses(
    operation: &Operation,
    shape: &Shape,
    generator: &mut SchemaGenerator,
    problem: &Value,
) -> Map<String, Value> {
    let mut responses = Map::new();
    let mut success = json!({
        "description": "Done.",
        "headers": { "X-Request-Id": { "schema": { "type": "string" } } },
    });
    if let Some(content) = content(&shape.response, generator) {
        success["content"] = content;
    }
    responses.insert(operation.success.to_string(), success);
    also::add_responses(operation.id, generator, &mut responses);
    let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for code in codes(operation, shape) {
        let named = by_status.entry(code.status()).or_default();
        if !named.contains(&code.as_str()) {
            named.push(code.as_str());
        }
    }
    for (status, codes) in by_status {
        let answer = json!({
            "description": codes.join(", "),
            "content": { "application/problem+json": { "schema": problem } },
        });
        responses.insert(status.to_string(), answer);
    }
    responses
}

/// What any operation may answer, what its policy, path and body add, and its own codes.
fn codes(operation: &Operation, shape: &Shape) -> Vec<ErrorCode> {
    use ErrorCode as Code;
    let mut codes = vec![
        Code::RequestInvalid,
        Code::RequestForeignOrigin,
        Code::ClaimRequired,
        Code::RequestTimeout,
        Code::RequestRateLimited,
        Code::Internal,
        Code::StorageUnavailable,
        Code::ServerBusy,
        Code::ServerStopping,
    ];
    if matches!(operation.policy, Policy::Needs(_)) {
        codes.extend([
            Code::AuthRequired,
            Code::AuthUnknownToken,
            Code::AuthForbidden,
        ]);
    }
    if takes_idempotency_key(operation) {
        codes.extend([
            Code::RequestIdempotencyKey,
            Code::RequestIdempotencyReused,
            Code::RequestIdempotencyRunning,
            Code::RequestIdempotencyNotKept,
        ]);
    }
    for name in path_parameters(operation.path) {
        match name {
            "project" => codes.push(Code::ProjectNotFound),
            "deployment" => codes.push(Code::DeploymentNotFound),
            _ => {}
        }
    }
    if !matches!(shape.request, Body::None) {
        codes.extend([Code::RequestTooLarge, Code::RequestMediaType]);
    }
    if shape
        .query
        .iter()
        .any(|parameter| parameter.name == "cursor")
    {
        codes.push(Code::RequestCursor);
    }
    codes.extend_from_slice(shape.codes);
    codes
}

/// OpenAPI 3.1 has no word for the items of a stream, so the schema is that of each event, as readers of
/// it take it to be; `data` is JSON within the text.
fn event_of_a_stream(data: &Value) -> Value {
    json!({
        "type": "object",
        "description": "Each of the server-sent events. Its `id` and `event` are those of its `data`.",
        "required": ["id", "event", "data"],
        "properties": {
            "id": { "type": "string", "pattern": "^[0-9]+$" },
            "event": { "type": "string" },
            "data": {
                "type": "string", "contentMediaType": "application/json", "contentSchema": data,
            },
        },
    })
}

/// `None` for no body.
fn content(body: &Body, generator: &mut SchemaGenerator) -> Option<Value> {
    let (media_type, schema) = match body {
        Body::None => return None,
        Body::Json(schema) => ("application/json", schema(generator).to_value()),
        Body::AnyJson => ("application/json", json!({ "type": "object" })),
        Body::Manifest { head, line } => {
            let about = "One line of `head`, then one `line` for each file.";
            let (head, line) = (head(generator).to_value(), line(generator).to_value());
            let schema =
                json!({ "type": "string", "description": about, "x-head": head, "x-line": line });
            (MANIFEST_MEDIA_TYPE, schema)
        }
        Body::Events => {
            let event = generator.subschema_for::<DeploymentEvent>().to_value();
            (EVENTS_MEDIA_TYPE, event_of_a_stream(&event))
        }
        Body::Backup => {
            let about = "A back-up: entries with a checksum each, and one over everything at its end. \
                Without that end it is torn.";
            let schema = json!({ "type": "string", "format": "binary", "description": about });
            (BACKUP_MEDIA_TYPE, schema)
        }
        Body::Frames { .. } => {
            let about = "Blobs one after another, each as 32 bytes of BLAKE3 digest, 8 bytes of size \
                (big-endian), then its bytes.";
            let schema = json!({ "type": "string", "format": "binary", "description": about });
            (FRAME_MEDIA_TYPE, schema)
        }
    };
    Some(json!({ media_type: { "schema": schema } }))
}
