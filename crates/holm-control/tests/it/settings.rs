//! A project's settings: merge patches, entity tags, faults by name; and the limits.

use holm_control::ControlLimits;
use serde_json::{Value, json};

use crate::client::{Answer, Ask};
use crate::server::TestServer;

fn patch(server: &TestServer, body: &Value) -> Answer {
    server.send(Ask::new("PATCH", "/v1/projects/blog").json(body))
}

#[test]
fn absent_fields_stay_and_null_brings_the_default_back() {
    let server = TestServer::start();
    let made = server.make_project("blog");
    assert_eq!(made["production_branch"], "main");
    assert_eq!(made["area"], "global");
    assert_eq!(made["display_name"], Value::Null);
    let change = json!({
        "display_name": "My blog", "area": "overseas", "production_branch": "release",
        "deployments_kept": 3, "functions_before_files": true,
        "build": { "install_command": "npm ci", "node_version": "22.17.1", "root_directory": "apps/web" },
    });
    let changed = patch(&server, &change).expect(200);
    for field in [
        "display_name",
        "area",
        "production_branch",
        "deployments_kept",
    ] {
        assert_eq!(changed[field], change[field], "{field}");
    }
    assert_eq!(changed["build"]["install_command"], "npm ci");
    assert_eq!(changed["build"]["build_command"], Value::Null);
    let inner =
        json!({ "build": { "install_command": null, "output_directory": "dist" }, "area": null });
    let changed = patch(&server, &inner).expect(200);
    assert_eq!(changed["area"], "global");
    assert_eq!(changed["display_name"], "My blog");
    let build = &changed["build"];
    assert_eq!(build["install_command"], Value::Null);
    assert_eq!(build["node_version"], "22.17.1");
    assert_eq!(build["output_directory"], "dist");
    let all = json!({
        "display_name": null, "production_branch": null, "deployments_kept": null, "build": null,
        "functions_before_files": null,
    });
    patch(&server, &all).expect(200);
    let mut again = server.get("/v1/projects/blog").expect(200);
    again["created_at"] = made["created_at"].clone();
    assert_eq!(again, made);
}

#[test]
fn every_wrong_field_is_named_and_nothing_is_changed() {
    let server = TestServer::start();
    server.make_project("blog");
    let pointers = |problem: &Value| -> Vec<String> {
        let errors = problem["errors"].as_array().unwrap().iter();
        errors
            .map(|error| error["pointer"].as_str().unwrap().to_owned())
            .collect()
    };
    let bad = json!({
        "display_name": "fine", "area": "moon", "build": { "output_directory": "/etc", "node_version": "x" },
    });
    let problem = patch(&server, &bad).expect_problem("project/setting-invalid");
    assert_eq!(
        pointers(&problem),
        ["/area", "/build/output_directory", "/build/node_version"]
    );
    let mistyped =
        json!({ "display_name": 7, "colour": "red", "build": { "node_version": 22, "x": 1 } });
    let problem = patch(&server, &mistyped).expect_problem("request/invalid");
    let mut found = pointers(&problem);
    found.sort();
    assert_eq!(
        found,
        [
            "/build/node_version",
            "/build/x",
            "/colour",
            "/display_name"
        ]
    );
    patch(&server, &json!([])).expect_problem("request/invalid");
    let listed = patch(&server, &json!({ "build": ["npm ci"] })).expect_problem("request/invalid");
    assert_eq!(pointers(&listed), ["/build"]);
    let view = server.get("/v1/projects/blog").expect(200);
    assert_eq!(view["display_name"], Value::Null);
}

/// Everything that two people may change at once says which version it is, and can be asked to be that one.
#[test]
fn a_change_of_what_has_changed_since_is_refused() {
    let server = TestServer::start();
    server.make_project("blog");
    let variables = "/v1/projects/blog/variables";
    let set = |value: &str| json!({ "variables": [{ "name": "A", "value": value }] });
    let secret =
        |value: &str| json!({ "variables": [{ "name": "S", "value": value, "is_secret": true }] });
    let rules = |ip: &str| json!({ "ip_block": [ip] });
    let password = |it: &str| json!({ "mode": "password", "password": it });
    for (view, method, change, first, second) in [
        (variables, "POST", variables, set("1"), set("2")),
        (variables, "POST", variables, secret("1"), secret("2")),
        (
            "/v1/projects/blog/access-rules",
            "PUT",
            "/v1/projects/blog/access-rules",
            rules("192.0.2.1"),
            rules("192.0.2.2"),
        ),
        (
            "/v1/projects/blog/protection",
            "PATCH",
            "/v1/projects/blog/protection",
            // What is shown of the two is the same.
            password("first password"),
            password("second password"),
        ),
    ] {
        let tag = || server.get(view).field("etag").unwrap().to_owned();
        let send = |body: &Value, tag: &str| {
            let ask = Ask::new(method, change).json(body);
            server.send(ask.field("If-Match", tag))
        };
        // Rows of one millisecond are not told apart.
        server.clock.advance(std::time::Duration::from_secs(1));
        let old = tag();
        let answer = send(&first, &old);
        answer.expect(200);
        let new = tag();
        assert_eq!(answer.field("etag"), Some(new.as_str()), "{view}");
        assert_ne!(old, new, "{view}");
        let refused = send(&second, &old);
        refused.expect_problem("request/precondition");
        assert_eq!((refused.status, tag()), (412, new.clone()), "{view}");
        server.clock.advance(std::time::Duration::from_secs(1));
        send(&second, &new).expect(200);
        assert_ne!(tag(), new, "{view}");
        send(&first, "*").expect(200);
    }
    let delete = |tag: &str| {
        let ask = Ask::new("DELETE", &format!("{variables}/A")).field("If-Match", tag);
        server.send(ask)
    };
    delete("\"0\"").expect_problem("request/precondition");
    let preview = server.get(&format!("{variables}?environment=preview"));
    assert_eq!(preview.expect(200)["data"].as_array().unwrap().len(), 2);
    assert_eq!(delete(preview.field("etag").unwrap()).status, 204);
}

#[test]
fn a_change_of_old_settings_is_refused() {
    let server = TestServer::start();
    server.make_project("blog");
    let tag = || {
        server
            .get("/v1/projects/blog")
            .field("etag")
            .unwrap()
            .to_owned()
    };
    let first = tag();
    let change = |name: &str, tag: &str| {
        let ask = Ask::new("PATCH", "/v1/projects/blog").json(&json!({ "display_name": name }));
        server.send(ask.field("If-Match", tag))
    };
    let answer = change("A", &first);
    answer.expect(200);
    let second = tag();
    assert_eq!(answer.field("etag"), Some(second.as_str()));
    assert_ne!(first, second);
    let refused = change("B", &first);
    refused.expect_problem("request/precondition");
    assert_eq!(refused.status, 412);
    change("B", &format!("W/{second}")).expect_problem("request/precondition");
    // Neither a deployment in between nor a change that changes nothing is in anybody's way.
    server.deploy_text("blog", "x");
    change("A", &second).expect(200);
    change("B", &format!("{first}, {second}")).expect(200);
    change("C", "*").expect(200);
    assert_eq!(server.delete("/v1/projects/blog").status, 204);
    server.make_project("blog");
    change("D", &first).expect_problem("request/precondition");
}

#[test]
fn every_limit_is_listed_with_what_holds() {
    let server = TestServer::start_with(ControlLimits {
        variables_max: 7,
        ..ControlLimits::default()
    });
    let list = server.get("/v1/limits").expect(200);
    let rows = list["data"].as_array().unwrap();
    let row = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap();
    let variables = row("control.variables_max");
    assert_eq!(
        (&variables["value"], &variables["default"]),
        (&json!(7), &json!(100))
    );
    assert_eq!(
        (&variables["setting"], &variables["unit"]),
        (&json!("control.variables_max"), &json!("count"))
    );
    assert_eq!(row("telemetry.total_bytes_max")["setting"], Value::Null);
    for room in ["control.", "site.", "storage.", "telemetry."] {
        assert!(
            rows.iter()
                .any(|row| row["name"].as_str().unwrap().starts_with(room)),
            "{room}"
        );
    }
}
