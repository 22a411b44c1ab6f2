//! Environment variables: set, shown, kept with a deployment, and secrets that are never seen again.

use std::path::Path;

use holm_control::{ControlLimits, FunctionVariablesError, SECRET_KEY_FILE, check_database};
use serde_json::{Value, json};

use crate::client::{Answer, Ask};
use crate::deploy::{Upload, path_of, text_of};
use crate::server::TestServer;

const PAGE: &[(&str, &str)] = &[("/index.html", "x")];

fn set(server: &TestServer, variables: &Value) -> Answer {
    server.post_json(
        "/v1/projects/blog/variables",
        &json!({ "variables": variables }),
    )
}

/// `NAME environment value`, with `*` for a secret.
fn rows(list: &Value) -> Vec<String> {
    let row = |variable: &Value| {
        assert_eq!(variable["is_secret"], json!(variable["value"].is_null()));
        let value = variable["value"].as_str().unwrap_or("*");
        let environment = variable["environment"].as_str().unwrap_or("-");
        format!("{} {environment} {value}", text_of(&variable["name"]))
    };
    list["data"].as_array().unwrap().iter().map(row).collect()
}

#[test]
fn variables_hold_where_they_were_set() {
    let server = TestServer::start();
    server.make_project("blog");
    let all = json!([
        { "name": "BOTH", "value": "1" },
        { "name": "ONE", "value": "", "environments": ["preview"] },
        { "name": "KEY", "value": "hunter2", "is_secret": true, "environments": ["production"] },
    ]);
    let list = set(&server, &all).expect(200);
    let want = [
        "BOTH production 1",
        "BOTH preview 1",
        "KEY production *",
        "ONE preview ",
    ];
    assert_eq!(rows(&list), want);
    let target = "/v1/projects/blog/variables";
    assert_eq!(rows(&server.get(target).expect(200)), want);
    let preview = server
        .get(&format!("{target}?environment=preview"))
        .expect(200);
    assert_eq!(rows(&preview), ["BOTH preview 1", "ONE preview "]);
    let other = json!([{ "name": "BOTH", "value": "2", "environments": ["preview"] }]);
    set(&server, &other).expect(200);
    assert_eq!(server.delete(&format!("{target}/ONE")).status, 204);
    assert_eq!(
        server
            .delete(&format!("{target}/KEY?environment=production"))
            .status,
        204
    );
    server
        .delete(&format!("{target}/KEY"))
        .expect_problem("variable/not-found");
    let rest = server.get(target).expect(200);
    assert_eq!(rows(&rest), ["BOTH production 1", "BOTH preview 2"]);
    server
        .get(&format!("{target}?environment=staging"))
        .expect_problem("request/invalid");
}

#[test]
fn what_breaks_a_rule_is_named_and_nothing_is_set() {
    let server = TestServer::start();
    server.make_project("blog");
    let bad = json!([
        { "name": "GOOD", "value": "1" },
        { "name": "1BAD", "value": "1" },
        { "name": "NUL", "value": "a\0b" },
        { "name": "NOWHERE", "value": "1", "environments": [] },
        { "name": "GOOD", "value": "2", "environments": ["preview"] },
    ]);
    let problem = set(&server, &bad).expect_problem("variable/invalid");
    let pointers: Vec<String> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| text_of(&error["pointer"]))
        .collect();
    assert_eq!(
        pointers,
        [
            "/variables/1/name",
            "/variables/2/value",
            "/variables/3/environments",
            "/variables/4/name"
        ]
    );
    let none = server.get("/v1/projects/blog/variables").expect(200);
    assert_eq!(none["data"], json!([]));
}

#[test]
fn limits_name_what_was_seen_and_the_setting() {
    let server = TestServer::start_with(ControlLimits {
        variables_max: 2,
        ..ControlLimits::default()
    });
    server.make_project("blog");
    let long = json!([{ "name": "A", "value": "é".repeat(251) }]);
    let problem = set(&server, &long).expect_problem("variable/too-large");
    assert_eq!(problem["limit"], 500);
    assert_eq!(problem["observed"], 502);
    assert_eq!(problem["setting"], "control.variable_value_bytes_max");
    let name = json!([{ "name": "A".repeat(129), "value": "" }]);
    let problem = set(&server, &name).expect_problem("variable/too-large");
    assert_eq!(problem["setting"], "control.variable_name_bytes_max");
    let two = json!([{ "name": "A", "value": "1" }, { "name": "B", "value": "é".repeat(250) }]);
    set(&server, &two).expect(200);
    set(&server, &two).expect(200);
    let third = json!([{ "name": "C", "value": "1", "environments": ["preview"] }]);
    let problem = set(&server, &third).expect_problem("variable/limit");
    assert_eq!(
        (&problem["limit"], &problem["observed"]),
        (&json!(2), &json!(3))
    );
    assert_eq!(problem["setting"], "control.variables_max");
    assert_eq!(
        rows(&server.get("/v1/projects/blog/variables").expect(200)).len(),
        4
    );
}

#[test]
fn a_deployment_keeps_what_was_there_when_it_was_made() {
    let server = TestServer::start();
    server.make_project("blog");
    let before = json!([
        { "name": "A", "value": "old" },
        { "name": "B", "value": "production only", "environments": ["production"] },
        { "name": "KEY", "value": "hunter2", "is_secret": true },
    ]);
    set(&server, &before).expect(200);
    let upload = Upload::new(PAGE).preview();
    let created = server.announce("blog", &upload).expect(201);
    let deployment = &created["deployment"];
    set(&server, &json!([{ "name": "A", "value": "new" }])).expect(200);
    server.delete("/v1/projects/blog/variables/KEY");
    server
        .commit(deployment, upload.frames(&created["missing"]))
        .expect(200);
    let target = format!("{}/variables", path_of(deployment));
    assert_eq!(
        rows(&server.get(&target).expect(200)),
        ["A - old", "KEY - *"]
    );
    let later = server.deploy("blog", &upload).expect(200);
    let target = format!("{}/variables", path_of(&later));
    assert_eq!(rows(&server.get(&target).expect(200)), ["A - new"]);
}

/// Every file below a folder, as bytes.
fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

#[test]
fn a_secret_is_in_no_file_and_in_no_answer() {
    let canary = "canary-5d1f0e7a";
    let server = TestServer::start();
    server.make_project("blog");
    let answers = [
        set(
            &server,
            &json!([{ "name": "KEY", "value": canary, "is_secret": true }]),
        ),
        // What is refused is not repeated either.
        set(
            &server,
            &json!([{ "name": "KEY", "value": canary, "is_secret": canary }]),
        ),
        set(&server, &json!([{ "name": "KEY", "value": [canary] }])),
        set(
            &server,
            &json!([{ "name": "1", "value": canary, "is_secret": true }]),
        ),
        server.send(Ask::post("/v1/projects/blog/variables").body(
            "application/json",
            format!("{{\"variables\":[{{\"value\":\"{canary}\"}}]}} x"),
        )),
        server.deploy("blog", &Upload::new(PAGE)),
        server.get("/v1/projects/blog/variables"),
        server.get("/v1/projects/blog"),
    ];
    assert_eq!(answers[0].status, 200);
    for answer in &answers[1..5] {
        assert!(answer.status >= 400, "{}", answer.text());
    }
    for answer in &answers {
        assert!(!answer.text().contains(canary), "{}", answer.text());
    }
    let check = |when: &str| {
        let mut found = Vec::new();
        files(server.db_file().parent().unwrap(), &mut found);
        assert!(found.len() >= 3, "{found:?}");
        for (name, bytes) in found {
            let is_there = bytes
                .windows(canary.len())
                .any(|window| window == canary.as_bytes());
            assert!(!is_there, "{name} has the secret {when}");
        }
    };
    check("in the log");
    server.control.clone().close();
    check("in the database");
}

#[test]
fn the_doctor_finds_a_secret_that_was_moved_and_a_key_that_is_not_the_one() {
    let server = TestServer::start();
    server.make_project("blog");
    let secret = |name: &str| json!({ "name": name, "value": name, "is_secret": true });
    set(&server, &json!([secret("KEY"), secret("OTHER")])).expect(200);
    server.deploy("blog", &Upload::new(PAGE)).expect(200);
    server.control.clone().close();
    let found = || {
        let findings = check_database(&server.db_file(), &server.blobs);
        let about = findings.problems.into_iter().map(|problem| problem.about);
        about.collect::<Vec<_>>()
    };
    assert_eq!(found(), Vec::<String>::new());
    let connection = rusqlite::Connection::open(server.db_file()).unwrap();
    let moving = "UPDATE variables SET value =
        (SELECT value FROM variables WHERE name = 'OTHER' LIMIT 1) WHERE name = 'KEY'";
    assert_eq!(connection.execute(moving, ()).unwrap(), 2);
    drop(connection);
    let problems = found();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].starts_with("secret KEY of project prj_"),
        "{problems:?}"
    );
    let key = server.db_file().with_file_name(SECRET_KEY_FILE);
    std::fs::write(&key, [1; 32]).unwrap();
    assert!(found()[0].starts_with("key file "));
    std::fs::remove_file(&key).unwrap();
    assert!(found()[0].starts_with("key file "));
}

/// What the functions of a deployment get, secrets in clear.
fn for_functions(server: &TestServer, id: &str) -> Vec<(String, String)> {
    let variables = server.control.function_variables(id.parse().unwrap());
    server.block_on(variables).unwrap().to_vec()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn functions_get_the_variables_of_their_deployment_in_clear() {
    let server = TestServer::start();
    server.make_project("blog");
    let all = json!([
        { "name": "KEY", "value": "hunter2", "is_secret": true },
        { "name": "PLAIN", "value": "", "environments": ["production"] },
        { "name": "OTHER", "value": "x", "environments": ["preview"] },
    ]);
    set(&server, &all).expect(200);
    let first = server.deploy_text("blog", "one");
    set(
        &server,
        &json!([{ "name": "KEY", "value": "new", "is_secret": true }]),
    )
    .expect(200);
    let second = server.deploy_text("blog", "two");
    let of = |key: &str| [pair("KEY", key), pair("PLAIN", "")];
    assert_eq!(for_functions(&server, &first), of("hunter2"));
    assert_eq!(for_functions(&server, &second), of("new"));
    let server = server.restart();
    assert_eq!(for_functions(&server, &first), of("hunter2"));
    let target = format!("/v1/projects/blog/deployments/{first}");
    assert_eq!(server.delete(&target).status, 204);
    let gone = server.control.function_variables(first.parse().unwrap());
    let error = server.block_on(gone).unwrap_err();
    assert!(
        matches!(error, FunctionVariablesError::Gone { .. }),
        "{error}"
    );
    let damage = "UPDATE deployment_variables SET value = x'01' WHERE is_secret";
    let database = rusqlite::Connection::open(server.db_file()).unwrap();
    assert_eq!(database.execute(damage, ()).unwrap(), 1);
    let damaged = server.control.function_variables(second.parse().unwrap());
    let words = server.block_on(damaged).unwrap_err().to_string();
    assert!(words.contains("KEY does not open"), "{words}");
}
