//! What some operations take and give beside the one body and the one success of their row in the table.

use schemars::generate::SchemaGenerator;
use serde_json::{Map, Value, json};

use crate::{ARCHIVE_MEDIA_TYPE, DeploymentPlan, DeploymentView};

/// A second success of an operation.
struct AlsoGives {
    id: &'static str,
    status: u16,
    about: &'static str,
    /// `None` for no body.
    schema: Option<fn(&mut SchemaGenerator) -> schemars::Schema>,
}

/// A second media type of an operation's request.
struct AlsoTakes {
    id: &'static str,
    media_type: &'static str,
    about: &'static str,
}

const ALSO_GIVES: &[AlsoGives] = &[
    AlsoGives {
        id: "deployment_create",
        status: 200,
        about: "With `dry_run`: what would be deployed. Nothing was stored.",
        schema: Some(SchemaGenerator::subschema_for::<DeploymentPlan>),
    },
    AlsoGives {
        id: "deployment_commit",
        status: 202,
        about: "With `Prefer: respond-async`: everything has arrived, the rest goes on. `Location` is the \
            deployment, `Link` with `rel=monitor` its events.",
        schema: Some(SchemaGenerator::subschema_for::<DeploymentView>),
    },
    AlsoGives {
        id: "deployment_events",
        status: 204,
        about: "The deployment has ended, and `Last-Event-ID` is its last event.",
        schema: None,
    },
];

const ALSO_TAKES: &[AlsoTakes] = &[AlsoTakes {
    id: "deployment_create",
    media_type: ARCHIVE_MEDIA_TYPE,
    about: "A ZIP file of the site. The server unpacks it, so nothing is missing; what a manifest says \
        in its first line is said in the query.",
}];

/// A header field that an operation reads beside those of all operations.
struct AlsoReads {
    id: &'static str,
    name: &'static str,
    pattern: &'static str,
    about: &'static str,
}

const ALSO_READS: &[AlsoReads] = &[
    AlsoReads {
        id: "deployment_commit",
        name: "Prefer",
        pattern: "^[ -~]*$",
        about: "`respond-async`: be answered with 202 once everything has arrived (RFC 7240).",
    },
    AlsoReads {
        id: "deployment_events",
        name: "Last-Event-ID",
        pattern: "^[0-9]{1,18}$",
        about: "The `id` of the last event that was seen: the stream goes on behind it.",
    },
];

/// The header fields that an operation reads beside those of all operations, as parameters.
pub(super) fn headers(id: &str) -> impl Iterator<Item = Value> {
    let read = ALSO_READS.iter().filter(move |also| also.id == id);
    read.map(|also| {
        json!({
            "name": also.name, "in": "header", "required": false,
            "schema": { "type": "string", "pattern": also.pattern }, "description": also.about,
        })
    })
}

/// Adds the second successes of an operation.
pub(super) fn add_responses(
    id: &str,
    generator: &mut SchemaGenerator,
    responses: &mut Map<String, Value>,
) {
    for also in ALSO_GIVES.iter().filter(|also| also.id == id) {
        let mut answer = json!({
            "description": also.about,
            "headers": { "X-Request-Id": { "schema": { "type": "string" } } },
        });
        if let Some(schema) = also.schema {
            let schema = schema(generator).to_value();
            answer["content"] = json!({ "application/json": { "schema": schema } });
        }
        responses.insert(also.status.to_string(), answer);
    }
}

/// Adds the second media types of an operation's request.
pub(super) fn add_requests(id: &str, content: &mut Value) {
    for also in ALSO_TAKES.iter().filter(|also| also.id == id) {
        let schema = json!({ "type": "string", "format": "binary", "description": also.about });
        content[also.media_type] = json!({ "schema": schema });
    }
}
