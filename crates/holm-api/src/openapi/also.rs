//! What some operations take and give beside the one body and the one success of their row in the table.

use schemars::generate::SchemaGenerator;
use serde_json::{Map, Value, json};

use crate::{ARCHIVE_MEDIA_TYPE, DeploymentPlan};

/// A second success of an operation.
struct AlsoGives {
    id: &'static str,
    status: u16,
    about: &'static str,
    schema: fn(&mut SchemaGenerator) -> schemars::Schema,
}

/// A second media type of an operation's request.
struct AlsoTakes {
    id: &'static str,
    media_type: &'static str,
    about: &'static str,
}

const ALSO_GIVES: &[AlsoGives] = &[AlsoGives {
    id: "deployment_create",
    status: 200,
    about: "With `dry_run`: what would be deployed. Nothing was stored.",
    schema: SchemaGenerator::subschema_for::<DeploymentPlan>,
}];

const ALSO_TAKES: &[AlsoTakes] = &[AlsoTakes {
    id: "deployment_create",
    media_type: ARCHIVE_MEDIA_TYPE,
    about: "A ZIP file of the site. The server unpacks it, so nothing is missing; what a manifest says \
        in its first line is said in the query.",
}];

/// Adds the second successes of an operation.
pub(super) fn add_responses(
    id: &str,
    generator: &mut SchemaGenerator,
    responses: &mut Map<String, Value>,
) {
    for also in ALSO_GIVES.iter().filter(|also| also.id == id) {
        let schema = (also.schema)(generator).to_value();
        let answer = json!({
            "description": also.about,
            "headers": { "X-Request-Id": { "schema": { "type": "string" } } },
            "content": { "application/json": { "schema": schema } },
        });
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
